import numpy as np
import torch
import torch.nn.functional as F

from lecun89.data.mnist import read_mnist
from lecun89.data.reduction import reduce_images


def test_images_are_those_of_interpolate() -> None:
    images = np.concatenate(
        [
            read_mnist().test_images,
            np.random.default_rng(0).integers(0, 256, (2000, 28, 28), dtype=np.uint8),
        ]
    )
    scaled = torch.from_numpy(images).float() / 127.5 - 1
    expected = F.interpolate(scaled[:, None], (16, 16), mode="bilinear")[:, 0].numpy()
    found = reduce_images(images)
    assert found.dtype == np.float32
    # The same bits wherever PyTorch's kernel fuses multiply and add, as on x86 since AVX2.
    if torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"):
        assert np.array_equal(found, expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-7)
