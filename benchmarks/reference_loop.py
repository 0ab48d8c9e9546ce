"""The stock PyTorch loop: what a reader of the blog would write, one digit at a time.

It is the oracle for the engines and the yardstick for their speed, so it shares no code with
them: only the digits and the registry's values come from the package. It draws from PyTorch's
and NumPy's global generators, where the seeds' scripts draw.

    python benchmarks/reference_loop.py --variant base --data 1989 --passes 2
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecun89.data import Digits, default_data_dir, load
from lecun89.variants import VARIANTS, Variant


class ReferenceNetwork(nn.Module):
    """The 1989 network, drawing shifts and dropout inside `forward` as the seeds' scripts do."""

    def __init__(self, variant: Variant) -> None:
        """Draw the initial weights from PyTorch's global generator."""
        super().__init__()
        self.variant = variant

        def uniform(fan_in: int, *shape: int) -> nn.Parameter:
            return nn.Parameter((torch.rand(*shape) - 0.5) * 2 * 2.4 / fan_in**0.5)

        self.H1w = uniform(25, 12, 1, 5, 5)
        self.H1b = nn.Parameter(torch.zeros(12, 8, 8))
        self.H2w = uniform(200, 12, 8, 5, 5)
        self.H2b = nn.Parameter(torch.zeros(12, 4, 4))
        self.H3w = uniform(192, 192, 30)
        self.H3b = nn.Parameter(torch.zeros(30))
        self.outw = uniform(30, 30, 10)
        self.outb = nn.Parameter(torch.full((10,), variant.output_bias))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs (n, 10) for images (n, 1, 16, 16); in training, one shift for all of them."""
        variant = self.variant
        squash = torch.relu if variant.activation == "relu" else torch.tanh

        def dropout(x: Tensor, layer: str) -> Tensor:
            if layer != variant.dropout_after:
                return x
            return F.dropout(x, variant.dropout, training=self.training)

        if self.training and variant.shift:
            y_shift, x_shift = np.random.randint(-variant.shift, variant.shift + 1, size=2)
            x = torch.roll(x, (int(y_shift), int(x_shift)), (2, 3))
        h1 = F.conv2d(F.pad(x, (2, 2, 2, 2), value=-1.0), self.H1w, stride=2) + self.H1b
        h1 = F.pad(squash(h1), (2, 2, 2, 2), value=-1.0)
        planes = (h1[:, 0:8], h1[:, 4:12], torch.cat((h1[:, 0:4], h1[:, 8:12]), dim=1))
        kernels = self.H2w.split(4)
        groups = [F.conv2d(p, k, stride=2) for p, k in zip(planes, kernels, strict=True)]
        h2 = dropout(squash(torch.cat(groups, dim=1) + self.H2b), "H2")
        h3 = dropout(squash(h2.flatten(start_dim=1) @ self.H3w + self.H3b), "H3")
        out = h3 @ self.outw + self.outb
        return torch.tanh(out) if variant.output_activation == "tanh" else out


class ReferenceLoop:
    """One training, a step at a time."""

    def __init__(self, variant: Variant, digits: Digits, seed: int, passes: int) -> None:
        """Seed the global generators and make network and optimizer."""
        torch.manual_seed(seed)
        np.random.seed(seed)
        self.variant, self.passes = variant, passes
        self.images = torch.from_numpy(digits.images.copy())[:, None]
        self.targets = torch.full((len(digits), 10), -1.0)
        self.targets[torch.arange(len(digits)), torch.from_numpy(digits.labels.copy()).long()] = 1.0
        self.network = ReferenceNetwork(variant)
        optimizers = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}
        self.optimizer = optimizers[variant.optimizer](self.network.parameters(), lr=variant.lr)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The variant's loss against targets of +1 and -1."""
        if self.variant.loss == "mse":
            return torch.mean((targets - outputs) ** 2)
        return F.cross_entropy(outputs, targets.argmax(dim=1))

    def run_steps(self, pass_number: int, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of a pass, counted from 1."""
        variant = self.variant
        if variant.lr_decay != 1:
            alpha = (pass_number - 1) / max(self.passes - 1, 1)
            for group in self.optimizer.param_groups:
                group["lr"] = (1 - alpha) * variant.lr + alpha * (variant.lr / variant.lr_decay)
        self.network.train()
        for step in range(first, last):
            x, y = self.images[[step]], self.targets[[step]]
            loss = self.loss(self.network(x), y)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()

    @torch.no_grad()
    def evaluate(self, digits: Digits) -> tuple[float, int]:
        """Loss and misses of a split."""
        self.network.eval()
        outputs = self.network(torch.from_numpy(digits.images.copy())[:, None])
        labels = torch.from_numpy(digits.labels.copy()).long()
        targets = F.one_hot(labels, 10).float() * 2 - 1
        misses = (outputs.argmax(dim=1) != labels).sum()
        return self.loss(outputs, targets).item(), int(misses)

    def run_passes(self, *splits: Digits) -> Iterator[list[tuple[float, int]]]:
        """Train pass by pass, yielding loss and misses of each split."""
        for number in range(1, self.passes + 1):
            self.run_steps(number, 0, len(self.images))
            yield [self.evaluate(split) for split in splits]


def main() -> None:
    """Train and print the eval lines."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", choices=VARIANTS, default="base")
    parser.add_argument("--data", default="1989")
    parser.add_argument("--passes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train, test = (load(given.data, split, default_data_dir()) for split in ("train", "test"))
    loop = ReferenceLoop(VARIANTS[given.variant], train, given.seed, given.passes)
    began = time.perf_counter()
    for number, scores in enumerate(loop.run_passes(train, test), 1):
        print(number)
        for split, digits, (loss, misses) in zip(
            ("train", "test"), (train, test), scores, strict=True
        ):
            error = 100 * misses / len(digits)
            print(f"eval: split {split:5s}. loss {loss:e}. error {error:.2f}%. misses: {misses}")
    print(f"{time.perf_counter() - began:.1f} s with evaluation")


if __name__ == "__main__":
    main()
