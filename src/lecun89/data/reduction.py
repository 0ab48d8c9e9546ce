"""From MNIST's 28x28 bytes to the 16x16 images in [-1, 1] that the network sees.

The values are those of ``torch.nn.functional.interpolate(x / 127.5 - 1, (16, 16),
mode="bilinear")``, bit for bit as PyTorch computes them on processors with fused multiply-add.
Here they come from NumPy, so that they (and their digests) are the same on every machine, and
preparing data does not load PyTorch.
"""

import numpy as np
import numpy.typing as npt

from lecun89.network.architecture import IMAGE_SIZE

_SCALE = 28 / IMAGE_SIZE  # 1.75
_CHUNK = 1000  # images at a time: its temporaries of 2 MB stay in the cache

# Pixel centres: output i lies at 1.75 i + 0.375 of the input, between two of its pixels.
_position = (np.arange(IMAGE_SIZE) + 0.5) * _SCALE - 0.5
_first = _position.astype(np.intp)
_weight = (1 - (_position - _first), _position - _first)


def reduce_images(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Images (n, 28, 28) of bytes to (n, 16, 16) of float32 in [-1, 1]."""
    reduced = np.empty((len(images), IMAGE_SIZE, IMAGE_SIZE), np.float32)
    for start in range(0, len(images), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        reduced[chunk] = _bilinear(images[chunk])
    return reduced


def _bilinear(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    pixels = (images.astype(np.float32) / np.float32(127.5) - np.float32(1)).astype(np.float64)
    columns = [np.ascontiguousarray(pixels[:, :, _first + x]) for x in (0, 1)]

    def tap(y: int, x: int) -> npt.NDArray[np.float64]:
        # Weights are multiples of 1/64, so that each product is exact in float64.
        return columns[x][:, _first + y] * (_weight[y][:, None] * _weight[x])

    # One rounding to float32 after each addition is what a fused multiply-add does, and this
    # is the order in which PyTorch's kernel adds the four neighbours.
    total = tap(0, 1).astype(np.float32)
    for y, x in ((0, 0), (1, 0), (1, 1)):
        total = (total + tap(y, x)).astype(np.float32)
    return total
