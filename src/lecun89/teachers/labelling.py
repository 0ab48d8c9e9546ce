"""What an ensemble of teachers says of the training digits, distorted as its student sees them."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from lecun89.data import Digits, SoftLabels, make_labels
from lecun89.engines.distortions import as_sources, distort, draw, pixels_of
from lecun89.network.architecture import CLASSES
from lecun89.teachers.network import outputs_of
from lecun89.teachers.recipe import LABELLED_SEED
from lecun89.variants import Variant

_CHUNK = 500


@torch.no_grad()
def ensemble_logits(networks: Sequence[nn.Module], images: Tensor) -> Tensor:
    """The mean of the members' log-probabilities, (n, 10), for images (n, 1, 16, 16)."""
    return torch.stack([outputs_of(net, images).log_softmax(1) for net in networks]).mean(0)


def label(
    networks: Sequence[nn.Module],
    variant: Variant,
    digits: Digits,
    variations: int,
    device: str,
    after: Callable[[int, int], None] = lambda variation, digit: None,
) -> SoftLabels:
    """Label the digits as a variant distorts them.

    Args:
        networks: the teachers, trained.
        variant: the student, whose distortions are drawn.
        digits: of the training split.
        variations: distortions of each digit.
        device: as PyTorch names it.
        after: told variation and digits done, counted from 1, now and then; what it raises ends it.
    """
    of = torch.device(device)
    moved = [network.to(of) for network in networks]
    sources = as_sources(pixels_of(digits, of))
    logits = np.zeros((variations, len(digits), CLASSES), np.float16)
    for number in range(1, variations + 1):
        for rows in torch.arange(len(digits), device=of).split(_CHUNK):
            images = distort(variant, sources[rows], *draw(LABELLED_SEED, number, rows))
            logits[number - 1, rows.cpu()] = ensemble_logits(moved, images).cpu().numpy()
            after(number, int(rows[-1]) + 1)
    return make_labels(LABELLED_SEED, variant.distortions, logits)
