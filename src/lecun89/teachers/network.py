"""The teachers' network."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from lecun89.network.architecture import CLASSES


def make_teacher(width: int) -> nn.Sequential:
    """Six convolutions with batch normalisation: images (n, 1, 16, 16) to outputs (n, 10)."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]

    network = nn.Sequential(
        *block(1, width),
        *block(width, width),
        nn.MaxPool2d(2),
        *block(width, 2 * width),
        *block(2 * width, 2 * width),
        nn.MaxPool2d(2),
        nn.Dropout(0.2),
        *block(2 * width, 4 * width),
        *block(4 * width, 4 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(4 * width, CLASSES),
    )
    to: Any = network.to  # whose types know memory_format in some versions of PyTorch only
    made: nn.Sequential = to(memory_format=torch.channels_last)
    return made


def outputs_of(network: nn.Module, images: Tensor) -> Tensor:
    """Outputs (n, 10) float32, computed in bfloat16 where the processor does."""
    with _precision(images.device):
        outputs: Tensor = network(images.to(memory_format=torch.channels_last))
    return outputs.float()


def _precision(device: torch.device) -> AbstractContextManager[None]:
    fast = device.type != "cpu" or "AVX512" in torch.backends.cpu.get_cpu_capability()
    return torch.autocast(device.type, torch.bfloat16, enabled=fast)
