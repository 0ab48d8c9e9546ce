"""What a training computes does not change from version to version."""

import hashlib

import pytest

import lecun89
from lecun89.network.architecture import PARAMETER_SHAPES

kernel = pytest.importorskip("lecun89._native", reason="installed without a C++ compiler")

FIRST_PASS = {
    "base": ("73873d1a07c38d0c", 206),
    "modern": ("9b4170dd789400e4", 312),
    "paper": ("2c49335be42460ce", 207),
    "fast": ("e02df3982b28e6bd", 154),
    "record": ("4d0a6925d1e18b65", 228),
}
"""SHA-256 of the weights of 0.6.0 after a pass over 1989, seed 1337, and the test misses."""


@pytest.mark.parametrize("variant", FIRST_PASS)
def test_a_pass_ends_at_the_weights_of_version_0_6(variant: str) -> None:
    digest, misses = FIRST_PASS[variant]
    result = lecun89.train(variant, seed=1337, passes=1, progress=False)
    assert abs(result.test.misses - misses) <= 3
    # Other compilers may fuse other additions, and SSE2 has no fused ones.
    if kernel.compiler.startswith("GCC 12") and kernel.instruction_sets()[0] in ("avx2", "avx512"):
        arrays = result.weights.arrays
        found = hashlib.sha256(b"".join(arrays[name].tobytes() for name in PARAMETER_SHAPES))
        assert found.hexdigest()[:16] == digest
