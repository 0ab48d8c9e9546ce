"""What the graph engine's steps read of how a pass presents its digits, at fixed addresses."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lecun89.data import Digits
from lecun89.engines.distortions import Distorter
from lecun89.engines.presentation import draw_order, presentation
from lecun89.engines.stacked import PIXELS, windows_of
from lecun89.network.architecture import BACKGROUND
from lecun89.variants import Variant


class Presented:
    """Orders, targets and distorted digits of a pass, for networks side by side.

    All of a pass is put on the device when it begins, so that no step waits. Nothing is kept of
    what the variant has not: then all networks read the same digits in the same order.

    Attributes:
        targets: (digits, 10) float32, by the digits' places; the same for all networks.
    """

    def __init__(
        self,
        variant: Variant,
        seeds: Sequence[int],
        digits: Digits,
        pixels: Tensor,
        targets: Tensor,
    ) -> None:
        """Take the memory that the passes fill.

        Args:
            variant: as it is trained on its data.
            seeds: of each network.
            digits: of the training split.
            pixels: the digits on the device, (digits, 257).
            targets: by their labels, (digits, 10).
        """
        self._variant, self._seeds, self._digits = variant, list(seeds), digits
        self._pixels, of, total = pixels, pixels.device, len(digits)
        soft = variant.teacher or variant.label_smoothing
        self.targets = targets.clone() if soft else targets
        self._orders = self._firsts = None
        if variant.shuffle:
            self._orders = torch.zeros(len(self._seeds), total, dtype=torch.int64, device=of)
        if variant.distorts:
            # A teacher labelled certain distortions, which all networks see.
            seen = torch.tensor([0] if variant.teacher else self._seeds, device=of)
            self._seen_seeds, self._variation = seen, torch.zeros_like(seen[0])
            self._distorter = Distorter(variant, digits, of)
            self._pixels = torch.full((len(seen), total, PIXELS), float(BACKGROUND), device=of)
            self._firsts = torch.arange(len(seen), device=of)[:, None] * total

    def begin_pass(self, number: int) -> None:
        """Present what this pass does, counted from 1."""
        shown = presentation(self._variant, self._seeds[0], number, self._digits)
        if self._orders is not None:
            assert shown.order is not None  # the first network's
            others = (draw_order(seed, number, len(self._digits)) for seed in self._seeds[1:])
            self._orders.copy_(torch.from_numpy(np.stack([shown.order, *others])))
        if shown.targets is not None:
            self.targets.copy_(torch.from_numpy(shown.targets))
        if self._variant.distorts:
            self._variation.fill_(shown.variation)
            if self._variant.teacher:
                self._seen_seeds.fill_(shown.seed)
            images = self._pixels[:, :, : PIXELS - 1]
            self._distorter.distort(self._seen_seeds, self._variation, images)

    def rows(self, places: Tensor) -> Tensor:
        """The digits at these places of the pass, (e,) for all networks or (networks, e)."""
        return places if self._orders is None else self._orders[:, places]

    def windows(self, rows: Tensor, taps: Tensor) -> Tensor:
        """What H1's units see of these digits; see `lecun89.engines.stacked.windows_of`."""
        return windows_of(self._pixels, rows if self._firsts is None else rows + self._firsts, taps)
