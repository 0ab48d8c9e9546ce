"""Many seeds of one training in PyTorch, side by side, with the eager engine's draws.

The eager engine takes minutes for one seed. Here a step is taken for all seeds at once, with
``torch.func.vmap`` over networks; each seed has the engine's own initial weights, shifts and masks.
Its results are what the native engine's are compared with (tests/engines/test_native.py).

    python benchmarks/eager_seeds.py --variant base --seeds 0..19 --save FILE
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from lecun89 import devices
from lecun89.bench.configurations import Configuration
from lecun89.data import default_data_dir, load
from lecun89.engines.eager import roll
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import Network
from lecun89.parsing import parse_seeds
from lecun89.settings import Settings
from lecun89.variants import VARIANTS


class EagerSeeds:
    """Networks of several seeds, trained together, one example at a time."""

    def __init__(
        self, settings: Settings, seeds: list[int], images: Tensor, labels: Tensor
    ) -> None:
        """Draw each seed's initial weights."""
        self.variant = VARIANTS[settings.variant]
        self.settings = settings
        self.images, self.targets = images, targets(labels, self.variant)
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.shifts = [np.random.RandomState(seed) for seed in seeds]
        networks = [Network(self.variant, generator) for generator in self.generators]
        self.network = networks[0]
        self.parameters = {
            name: torch.stack([dict(network.named_parameters())[name] for network in networks])
            .detach()
            .requires_grad_()
            for name, _ in networks[0].named_parameters()
        }
        optimizer = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[self.variant.optimizer]
        self.optimizer = optimizer(self.parameters.values(), lr=settings.lr)
        self.gradients = vmap(
            grad(self._loss), in_dims=(0, 0, None, 0 if self.variant.dropout else None)
        )

    def _loss(
        self, parameters: dict[str, Tensor], image: Tensor, target: Tensor, mask: Tensor | None
    ) -> Tensor:
        output = functional_call(self.network, parameters, (image[None], mask))
        return LOSSES[self.variant.loss](output, target[None])

    def train_pass(self, number: int, steps: int | None = None) -> None:
        """One pass, counted from 1, or its first steps."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr_at(number)
        n, reach = len(self.images), self.variant.shift
        drawn = [random.randint(-reach, reach + 1, size=(n, 2)) for random in self.shifts]
        kept = 1 - self.variant.dropout
        shape = self.network.dropout_shape(1)
        for step in range(n if steps is None else steps):
            image = self.images[step].expand(len(drawn), 1, 16, 16)
            if reach:
                image = roll(image, torch.from_numpy(np.stack([d[step] for d in drawn])))
            mask = None
            if self.variant.dropout:
                mask = torch.stack(
                    [
                        torch.empty(shape).bernoulli_(kept, generator=generator).div_(kept)
                        for generator in self.generators
                    ]
                )
            found = self.gradients(self.parameters, image, self.targets[step], mask)
            for name, parameter in self.parameters.items():
                parameter.grad = found[name]
            self.optimizer.step()

    @torch.no_grad()
    def misses(self, images: Tensor, labels: Tensor) -> list[int]:
        """Misses of each seed."""
        outputs = vmap(
            lambda parameters: functional_call(self.network, parameters, (images, None))
        )(self.parameters)
        return [int(count) for count in (outputs.argmax(dim=2) != labels).sum(dim=1)]


def main() -> None:
    """Train and save the misses of each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="base")
    parser.add_argument("--passes", type=int)
    parser.add_argument("--seeds", default="0..19")
    parser.add_argument("--save", type=Path, required=True)
    given = parser.parse_args()
    seeds = parse_seeds(given.seeds)
    one_at_a_time = Configuration("one at a time", "cpu", "eager", 1)
    settings = one_at_a_time.settings(given.variant, "1989", seeds[0], given.passes)
    torch.set_num_threads(1)
    digits = {split: load("1989", split, default_data_dir()) for split in ("train", "test")}
    images = {split: torch.tensor(d.images[:, None]) for split, d in digits.items()}
    labels = {split: torch.tensor(d.labels, dtype=torch.int64) for split, d in digits.items()}
    training = EagerSeeds(settings, seeds, images["train"], labels["train"])
    began = time.perf_counter()
    for number in range(1, settings.passes + 1):
        training.train_pass(number)
        misses = training.misses(images["test"], labels["test"])
        print(number, f"{time.perf_counter() - began:.0f} s", misses, flush=True)
    document = {
        "schema_version": 1,
        "machine": devices.describe_machine("cpu"),
        "variant": settings.variant,
        "data": "1989",
        "passes": settings.passes,
        "seeds": seeds,
        "test_misses": misses,
        "total": len(labels["test"]),
    }
    given.save.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
