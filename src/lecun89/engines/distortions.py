"""Random distortions of digits in PyTorch, on any device; src/native/distort.h has the same in C++.

Affine and elastic distortion (Simard, Steinkraus and Platt 2003) as one resampling: MNIST's digits
are read at 28x28, where they have more detail, at the places that the 16x16 pixels come from. With
no distortion these are the places of the data rule. The elastic field is Gaussian noise on a coarse
grid, smoothed by a Gaussian. Lengths are in pixels of the 16x16 image.
"""

import math
from functools import cache

import torch
from torch import Tensor

from lecun89.data import Digits, read_originals
from lecun89.devices import kind_of
from lecun89.engines.draws import philox
from lecun89.variants import Variant

FIRST_BLOCK = 64
"""Of Philox's counter; those before are shifts and masks."""

GRID = 9
"""Points of the elastic field's noise in y and x, 2.5 pixels apart."""

_SIZE = 16


def draw(seed: int, pass_number: int, examples: Tensor) -> tuple[Tensor, Tensor]:
    """The random numbers of each example, a function of seed, pass and example.

    Args:
        seed: of the training.
        pass_number: counted from 1.
        examples: (e,) int64.

    Returns:
        (e, 8) and (e, 2, 9, 9) float32, uniform from -1 to 1.
    """
    device = examples.device  # filled there: a copy would make the host wait
    seeds = torch.full((1,), seed, device=device)
    return draw_each(seeds, torch.full((), pass_number, device=device), examples)


def draw_each(seeds: Tensor, pass_number: Tensor, examples: Tensor) -> tuple[Tensor, Tensor]:
    """As `draw` for each seed in turn, its examples after those of the seed before.

    Args:
        seeds: (n,) int64, below 2**32.
        pass_number: () int64.
        examples: (e,) int64.
    """
    blocks = torch.arange(
        FIRST_BLOCK, FIRST_BLOCK + 2 + -(-GRID * GRID // 4), device=examples.device
    )
    words = torch.stack(philox(seeds, pass_number, examples, blocks), -1)
    words = words.flatten(2).flatten(0, 1)
    few = (words[:, :8] >> 8).float() * 2.0**-23 - 1
    noise = words[:, 8 : 8 + GRID * GRID]
    halves = torch.stack((noise & 0xFFFF, noise >> 16), dim=1).float() * 2.0**-15 - 1
    return few, halves.unflatten(2, (GRID, GRID))


def pixels_of(digits: Digits, device: torch.device) -> Tensor:
    """The digits as they are distorted: MNIST's bytes (n, 28, 28), or USPS's images (n, 16, 16)."""
    originals = read_originals(digits)
    return torch.tensor(digits.images if originals is None else originals, device=device)


def as_sources(pixels: Tensor) -> Tensor:
    """What `distort` reads, float32 from 0 to 2, of pixels that `pixels_of` gave."""
    return pixels / 127.5 if pixels.dtype == torch.uint8 else pixels + 1


def smoothing(sigma: float) -> Tensor:
    """What turns the grid's noise into a field of standard deviation 1, (16, 9) for each axis."""
    points = torch.arange(GRID) * 2.5 - 2.5
    distance = torch.arange(float(_SIZE))[:, None] - points
    rows = torch.exp(-(distance**2) / (2 * sigma**2))
    # Uniform noise from -1 to 1 has a variance of 1/3, which both axes share.
    return rows / rows.square().sum(dim=1, keepdim=True).sqrt() * 3**0.25


@cache
def _smoothing_on(device: torch.device, sigma: float) -> Tensor:
    return smoothing(sigma).to(device)


def distort(variant: Variant, sources: Tensor, few: Tensor, noise: Tensor) -> Tensor:
    """Images as the network sees them, distorted.

    Args:
        variant: how strongly.
        sources: (n, s, s) from 0, the background, to 2; s is 28 or 16.
        few: from `draw`.
        noise: from `draw`.

    Returns:
        (n, 1, 16, 16) from -1 to 1.
    """
    size = sources.shape[1]
    scale, centre = size / _SIZE, (size - 1) / 2
    at = (torch.arange(_SIZE, device=sources.device) + 0.5) * scale - 0.5 - centre
    angle = few[:, 0] * math.radians(variant.rotation)
    tall, wide = torch.exp(few[:, 1] * variant.scaling), torch.exp(few[:, 2] * variant.scaling)
    slant = few[:, 3] * variant.shear
    move = few[:, 4:6] * (variant.translation * scale)
    sin, cos = angle.sin(), angle.cos()
    # Rows of the matrix rotation x ((tall, 0), (slant, wide)), on coordinates (y, x).
    matrix = torch.stack(
        (cos * tall - sin * slant, -sin * wide, sin * tall + cos * slant, cos * wide), dim=1
    )
    smooth = _smoothing_on(sources.device, variant.elastic_sigma)
    field = smooth @ noise @ smooth.T * (variant.elastic * scale)  # (n, 2, 16, 16)
    y = matrix[:, 0, None, None] * at[:, None] + matrix[:, 1, None, None] * at
    x = matrix[:, 2, None, None] * at[:, None] + matrix[:, 3, None, None] * at
    y = (y + (move[:, 0, None, None] + centre) + field[:, 0]).clamp(-1, size)
    x = (x + (move[:, 1, None, None] + centre) + field[:, 1]).clamp(-1, size)
    padded = torch.nn.functional.pad(sources, (1, 2, 1, 2))
    top, left = y.floor(), x.floor()
    down, right = y - top, x - left
    width = size + 3
    corner = ((top + 1) * width + left + 1).long().flatten(1)
    flat = padded.flatten(1)

    def tap(offset: int) -> Tensor:
        return flat.gather(1, corner + offset).view(-1, _SIZE, _SIZE)

    upper = tap(0) + right * (tap(1) - tap(0))
    lower = tap(width) + right * (tap(width + 1) - tap(width))
    value: Tensor = upper + down * (lower - upper)
    if variant.stroke:
        # A curve from 0 to 2 through both ends: bent up, strokes are thicker.
        bend = torch.exp(few[:, 6] * variant.stroke)[:, None, None]
        value = 2 * value / (value + bend * (2 - value))
    return value[:, None] - 1


class Distorter:
    """Distorts all digits of a split at once, on a device."""

    def __init__(self, variant: Variant, digits: Digits, device: torch.device) -> None:
        """Put the digits on the device, bytes where there are any: floats are four times that."""
        self._variant = variant
        self._pixels = pixels_of(digits, device)
        _smoothing_on(device, variant.elastic_sigma)  # copied now, so that no pass waits for it
        self._at_a_time = kind_of(str(device)).evaluated // 4  # each takes 28 kB while it is made

    @torch.no_grad()
    def distort(self, seeds: Tensor, pass_number: Tensor, images: Tensor) -> None:
        """Write the digits as each seed distorts them; never waits for the device.

        Args:
            seeds: as for `draw_each`.
            pass_number: as for `draw_each`.
            images: (seeds, digits, 256) float32, may be a view; is overwritten.
        """
        n, total = len(seeds), len(self._pixels)
        size = max(1, self._at_a_time // n)
        for first in range(0, total, size):
            at = slice(first, min(first + size, total))
            drawn = draw_each(
                seeds, pass_number, torch.arange(at.start, at.stop, device=images.device)
            )
            sources = as_sources(self._pixels[at])
            made = distort(self._variant, sources.repeat(n, 1, 1), *drawn)
            images[:, at] = made.view(n, -1, _SIZE * _SIZE)
