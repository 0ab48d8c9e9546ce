"""The eager engine: PyTorch's autograd, on any device, at any batch size.

At batch size 1 it draws what the seeds' scripts draw, in their order: the initial weights and
the dropout masks from one torch generator, the shifts from one numpy RandomState. What they do
not have, distortions and orders, it draws like the native engine.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lecun89.analysis.evaluation import outputs, score
from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.engines.agreement import check_agreement
from lecun89.engines.distortions import Distorter
from lecun89.engines.parameters import MOMENTS
from lecun89.engines.presentation import presentation
from lecun89.network.architecture import CURVATURE_DIGITS
from lecun89.network.losses import LOSSES, targets
from lecun89.network.modules import Network, make_network
from lecun89.network.sdlm import ENERGY, Sdlm, curvature
from lecun89.storage.tensorfile import Arrays, check_arrays
from lecun89.variants import Variant

_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adamw": torch.optim.AdamW,
}


class EagerEngine:
    """One network; see `lecun89.engines.Engine`."""

    def __init__(
        self,
        variant: Variant,
        seeds: Sequence[int],
        splits: dict[str, Digits],
        *,
        device: str = "cpu",
        batch_size: int = 1,
    ) -> None:
        """Put the digits on the device and draw the initial weights.

        Args:
            variant: as it is trained on its data.
            seeds: the seed of the network.
            splits: the digits of ``train`` and ``test``.
            device: as PyTorch names it.
            batch_size: examples in a step.

        Raises:
            DeviceError: the device's results disagree with the CPU's.
        """
        (self._seed,) = seeds
        self._variant = variant
        self._device = torch.device(device)
        self._step_size = batch_size
        self._shift_random = np.random.RandomState(self._seed)
        self._shift_start = self._shift_random.get_state()
        # Initial weights are the same on every device; masks are drawn where they are used.
        generator = torch.Generator().manual_seed(self._seed)
        self._network = make_network(self._variant, generator)
        if self._device.type == "cpu":
            self._dropout_random = generator
        else:
            check_agreement(self._network, variant, splits["test"], self._device)
            self._dropout_random = torch.Generator(self._device).manual_seed(self._seed)
        self._network.to(self._device)
        self._optimizer = self._make_optimizer(variant.lr)
        self._loss = LOSSES[self._variant.loss]
        self._last_loss = torch.zeros((), device=self._device)

        self._images = {
            name: torch.tensor(digits.images[:, None], device=self._device)
            for name, digits in splits.items()
        }
        self._labels = {
            name: torch.tensor(digits.labels, dtype=torch.int64, device=self._device)
            for name, digits in splits.items()
        }
        self._targets = targets(self._labels["train"], variant)
        self._pass_images = self._images["train"]
        self._digits = splits["train"]
        if self._variant.distorts:
            self._distorter = Distorter(self._variant, self._digits, self._device)
            self._pass_images = torch.empty_like(self._pass_images)
        self._order: Tensor | None = None
        self.steps_per_pass = -(-len(self._digits) // batch_size)

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        """Set the learning rate, shift or distort this pass's images, set what is presented."""
        for group in self._optimizer.param_groups:
            (group["lr"],) = lrs
        if self._variant.shift:
            images = self._images["train"]
            reach = self._variant.shift
            drawn = self._shift_random.randint(-reach, reach + 1, size=(len(images), 2))
            self._pass_images = roll(images, torch.from_numpy(drawn).to(self._device))
        shown = presentation(self._variant, self._seed, number, self._digits)
        if shown.order is not None:
            self._order = torch.tensor(shown.order, device=self._device).long()
        if shown.targets is not None:
            self._targets = torch.tensor(shown.targets, device=self._device)
        if self._variant.distorts:
            seeds = torch.full((1,), shown.seed, device=self._device)
            variation = torch.full((), shown.variation, device=self._device)
            images = self._pass_images.view(1, len(self._digits), -1)
            self._distorter.distort(seeds, variation, images)

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""
        for step in range(first, last):
            rows = self._rows(step)
            images = self._pass_images[rows]
            mask = self._mask(len(images))
            loss = self._loss(self._network(images, mask), self._targets[rows])
            if isinstance(self._optimizer, Sdlm):
                self._set_curvature(step, images, mask)
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            try:
                self._optimizer.step()
            except RuntimeError as error:
                if "overflow" not in str(error):
                    raise
                loss = loss * math.inf  # a rate so high that PyTorch has no number for it
                break
        self._last_loss = loss.detach()

    def end_pass(self) -> None:
        """Close the pass: its shifts are used up."""
        self._shift_start = self._shift_random.get_state()

    def is_finite(self) -> list[bool]:
        """Whether the last loss and all weights are finite; waits for the device."""
        sums = [parameter.detach().sum() for parameter in self._network.parameters()]
        return [bool(torch.stack([self._last_loss, *sums]).isfinite().all())]

    def scores(self, split: str, between: Callable[[], None] = lambda: None) -> list[Score]:
        """Evaluate ``train`` or ``test`` with the weights as they are."""
        between()
        labels = self._labels[split]
        found = outputs(self._network, self._images[split])
        return [score(found, labels, self._variant)]

    def states(self) -> list[Arrays]:
        """Parameters, the optimizer's state of each, and the random state.

        The shifts' random state is that from before this pass's draw until `end_pass`.
        """
        tensors: dict[str, Tensor] = {}
        for name, parameter in self._network.named_parameters():
            tensors[name] = parameter.detach()
            for key, value in self._optimizer.state[parameter].items():
                if value is not None:
                    tensors[f"optimizer.{name}.{key}"] = value
        tensors["random.dropout"] = self._dropout_random.get_state()
        arrays = {name: tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
        arrays["random.shift"] = _pack(self._shift_start)
        return [arrays]

    def load_states(self, states: Sequence[Arrays]) -> None:
        """Take over a state of an engine of the same kind."""
        (arrays,) = states
        parameters = dict(self._network.named_parameters())
        (expected,) = self.states()
        # Before the first step an optimizer has no state yet.
        if any(name.startswith("optimizer.") for name in arrays):
            for name, parameter in parameters.items():
                moments = MOMENTS[self._variant.optimizer]
                for key in ("step", *moments) if self._variant.optimizer == "adamw" else moments:
                    shape = () if key == "step" else parameter.shape
                    expected[f"optimizer.{name}.{key}"] = np.zeros(shape, np.float32)
        random = arrays.get("random.dropout")
        if random is not None and random.dtype == np.uint8 and random.ndim == 1:
            # As long as the device has it on which it was saved.
            expected["random.dropout"] = random
        check_arrays(arrays, expected)
        for name in expected.keys() - parameters.keys():
            if name.startswith("optimizer."):
                _, of, key = name.split(".", 2)
                # PyTorch keeps step counts on the CPU and the rest beside the parameter.
                device = "cpu" if key == "step" else self._device
                value = torch.tensor(arrays[name], device=device)
                self._optimizer.state[parameters[of]][key] = value
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(torch.tensor(arrays[name]))
        _set_random(self._dropout_random, arrays["random.dropout"])
        self._shift_random.set_state(_unpack(arrays["random.shift"]))
        self._shift_start = self._shift_random.get_state()

    def _make_optimizer(self, lr: float) -> torch.optim.Optimizer:
        variant, parameters = self._variant, self._network.parameters()
        if variant.optimizer in _OPTIMIZERS:
            decay = {"weight_decay": variant.weight_decay} if variant.optimizer == "adamw" else {}
            return _OPTIMIZERS[variant.optimizer](parameters, lr=lr, **decay)
        return Sdlm(parameters, lr, ENERGY[variant.loss], variant.damping, variant.memory)

    def _set_curvature(self, step: int, images: Tensor, mask: Tensor | None) -> None:
        assert isinstance(self._optimizer, Sdlm)
        assert isinstance(self._network, Network)
        if self._variant.optimizer == "sdlm":
            found = curvature(self._network, self._variant, images, mask)
            self._optimizer.remember(found.values())
        elif step == 0:
            found = curvature(
                self._network, self._variant, self._images["train"][:CURVATURE_DIGITS]
            )
            self._optimizer.replace(found.values())

    def _rows(self, step: int) -> slice | Tensor:
        batch = slice(step * self._step_size, (step + 1) * self._step_size)
        return batch if self._order is None else self._order[batch]

    def _mask(self, examples: int) -> Tensor | None:
        p = self._variant.dropout
        if not p:
            return None
        assert isinstance(self._network, Network)
        mask = torch.empty(self._network.dropout_shape(examples), device=self._device)
        # The very operations of torch.nn.functional.dropout, so that the stream is the seeds'.
        return mask.bernoulli_(1 - p, generator=self._dropout_random).div_(1 - p)


def roll(images: Tensor, shifts: Tensor) -> Tensor:
    """Each image rolled on its own, as ``torch.roll`` does.

    Args:
        images: (n, 1, h, w).
        shifts: (n, 2), pixels in y and x.
    """
    n, _, height, width = images.shape
    y = (torch.arange(height, device=images.device) - shifts[:, :1]) % height
    x = (torch.arange(width, device=images.device) - shifts[:, 1:]) % width
    n_index = torch.arange(n, device=images.device)[:, None, None]
    return images[n_index, 0, y[:, :, None], x[:, None, :]][:, None]


def _set_random(generator: torch.Generator, state: Any) -> None:
    """Go on with a generator's state; one of another kind of device decides a seed here."""
    if state.shape == generator.get_state().shape:
        generator.set_state(torch.tensor(state))
    else:
        digest = hashlib.sha256(state.tobytes()).digest()
        generator.manual_seed(int.from_bytes(digest[:4], "little"))


def _pack(state: Any) -> Any:
    _, keys, position, _, _ = state
    return np.append(keys.astype(np.int64), position)


def _unpack(packed: Any) -> Any:
    return ("MT19937", packed[:-1].astype(np.uint32), int(packed[-1]), 0, 0.0)
