"""The native engine's shifts and dropout masks (src/native/random.h), in PyTorch on any device.

Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011) as a function of seed, pass and example, in
int64: a product of two 32-bit words keeps its bits, whatever its sign.
"""

import torch
from torch import Tensor

from lecun89.network.structures import structure_of
from lecun89.variants import Variant

_WORD = 0xFFFFFFFF


def philox(seeds: Tensor, pass_number: Tensor, examples: Tensor, blocks: Tensor) -> list[Tensor]:
    """Four words of 32 bits for each seed, example and block.

    Args:
        seeds: (n,) int64, below 2**32.
        pass_number: () int64.
        examples: (e,) int64.
        blocks: (b,) int64.

    Returns:
        Four tensors (n, e, b) int64.
    """
    shape = (len(seeds), len(examples), len(blocks))
    c0, c1 = blocks.expand(shape), examples[:, None].expand(shape)
    c2, c3 = pass_number.expand(shape), torch.zeros_like(pass_number).expand(shape)
    k0, k1 = seeds[:, None, None], torch.zeros_like(seeds)[:, None, None]
    for _ in range(10):
        a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
        c0, c1 = ((b >> 32) & _WORD) ^ c1 ^ k0, b & _WORD
        c2, c3 = ((a >> 32) & _WORD) ^ c3 ^ k1, a & _WORD
        k0, k1 = (k0 + 0x9E3779B9) & _WORD, (k1 + 0xBB67AE85) & _WORD
    return [c0, c1, c2, c3]


def draw_shifts(reach: int, seeds: Tensor, pass_number: Tensor, examples: Tensor) -> Tensor:
    """Pixels by which each network rolls each example, (n, e, 2) int64 in y and x."""
    words = philox(seeds, pass_number, examples, torch.zeros_like(examples[:1]))
    yx = torch.cat(words[:2], dim=2)
    return (yx * (2 * reach + 1) >> 32) - reach


def draw_kept(variant: Variant, seeds: Tensor, pass_number: Tensor, examples: Tensor) -> Tensor:
    """Which units dropout leaves, (n, e, 192) of H2 or (n, e, 30) of H3, bool."""
    units = structure_of(variant).units(variant.dropout_after)
    blocks = torch.arange(1, 1 + -(-units // 4), device=examples.device)
    words = torch.stack(philox(seeds, pass_number, examples, blocks), dim=3)
    kept = words.flatten(2)[:, :, :units] >= int(variant.dropout * 2**32)
    if units == 192:  # of 12 planes
        # The kernel has H2's planes in thirds, a unit's four planes side by side.
        kept = kept.unflatten(2, (3, 16, 4)).transpose(3, 4).flatten(2)
    return kept
