"""Digits as the network sees them."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lecun89.network.architecture import IMAGE_SIZE

if TYPE_CHECKING:
    from torch.utils.data import TensorDataset


@dataclass(frozen=True)
class SoftLabels:
    """What a teacher says of distorted digits.

    Attributes:
        seed: of the distortions' draws.
        distortions: their strengths, as `lecun89.variants.variant.Variant.distortions` gives them.
        logits: (k, n, 10) float16: for each of k variations, of each digit, in place of a pass.
        sha256: of seed, strengths and logits.
    """

    seed: int
    distortions: dict[str, float]
    logits: npt.NDArray[np.float16]
    sha256: str


@dataclass(frozen=True)
class Digits:
    """One split of one data set.

    Attributes:
        data: name of the data set, as in `lecun89.data.DATA`.
        split: ``train``, ``validation`` or ``test``.
        images: (n, 16, 16) float32, -1 for the background to 1 for ink.
        labels: (n,) uint8, the digits 0 to 9.
        source_index: (n,) int32, each digit's place in the file it comes from (MNIST's or
            USPS's test digits for ``test``, but on data to tune on; the training digits otherwise).
        sha256: digest of the images' bytes (little-endian, C order) followed by the labels.
        soft: what a teacher says of them, for the trainings that ask one.
    """

    data: str
    split: str
    images: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]
    source_index: npt.NDArray[np.int32]
    sha256: str
    soft: SoftLabels | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"<{len(self):,} {self.split} digits of {self.data}, {IMAGE_SIZE}x{IMAGE_SIZE}>"

    def originals(self) -> npt.NDArray[np.uint8] | None:
        """MNIST's bytes (n, 28, 28) of these digits; None for USPS, which is published at 16x16."""
        from lecun89.data.originals import read_originals

        return read_originals(self)

    def dataset(self) -> "TensorDataset":
        """The digits as a PyTorch data set of images (1, 16, 16) float32 and labels () int64."""
        import torch
        from torch.utils.data import TensorDataset

        labels = torch.tensor(self.labels, dtype=torch.int64)
        return TensorDataset(torch.tensor(self.images[:, None]), labels)


def digits_sha256(images: npt.NDArray[np.float32], labels: npt.NDArray[np.uint8]) -> str:
    """SHA-256 over images and labels, as in `Digits.sha256`."""
    digest = hashlib.sha256(np.ascontiguousarray(images, "<f4").data)
    digest.update(np.ascontiguousarray(labels).data)
    return digest.hexdigest()
