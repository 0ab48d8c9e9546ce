"""The graph engine: many networks side by side, their steps replayed as captured CUDA graphs.

A step of this network is some hundred small kernels, and to launch them takes a GPU's driver
longer than to run them. A captured graph launches them at once. Everything a step reads lies at
a fixed address on the device: weights, digits, learning rates, the number of the step. Where
there is no CUDA the same code runs operation by operation.

Shifts, dropout masks and distortions are the native engine's: a function of seed, pass and example.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lecun89.analysis.evaluation import in_chunks
from lecun89.analysis.scores import Score
from lecun89.data import Digits
from lecun89.devices import is_out_of_memory, kind_of
from lecun89.engines.agreement import DIGITS, Found, check_close, named, outputs_and_gradients
from lecun89.engines.capture import Graphs
from lecun89.engines.distortions import draw_each
from lecun89.engines.draws import draw_kept, draw_shifts
from lecun89.engines.parameters import MOMENTS, flatten, pack, unpack
from lecun89.engines.presented import Presented
from lecun89.engines.stacked import losses, of_each, split, windows_of, with_background
from lecun89.engines.stackedlayers import STACKED
from lecun89.engines.stackedoptimizers import curvature, update
from lecun89.exceptions import DeviceError, FileFormatError, one_line
from lecun89.network.architecture import CURVATURE_DIGITS
from lecun89.network.initialization import initial_parameters
from lecun89.network.modules import make_network
from lecun89.network.structures import structure_of
from lecun89.storage.tensorfile import Arrays, check_arrays
from lecun89.variants import Variant

_STEPS_PER_REPLAY = 16
_DRAWN = 1 << 22  # random words at a time: 32 MB each of a dozen tensors


class GraphEngine:
    """Networks side by side; see `lecun89.engines.Engine`."""

    def __init__(
        self,
        variant: Variant,
        seeds: Sequence[int],
        splits: dict[str, Digits],
        *,
        device: str = "cpu",
        batch_size: int = 1,
    ) -> None:
        """Put digits and initial weights on the device and, on CUDA, capture the step.

        Args:
            variant: as it is trained on its data.
            seeds: of each network.
            splits: the digits of ``train`` and ``test``.
            device: as PyTorch names it.
            batch_size: examples in a step.

        Raises:
            DeviceError: the device's results disagree with the CPU's, or no step can be captured.
        """
        self._variant = variant
        of = self._device = torch.device(device)
        self._kind = kind_of(device)
        self._networks = len(seeds)
        self._stacked = STACKED[variant.structure](variant, of)
        self._shapes = self._stacked.shapes
        initial = [flatten(initial_parameters(variant, seed), self._shapes) for seed in seeds]
        self._weights = torch.tensor(np.stack(initial), device=of)
        views = split(self._weights, self._shapes)
        self._leaves = {name: view.detach().requires_grad_() for name, view in views.items()}
        self._moments = {key: torch.zeros_like(self._weights) for key in MOMENTS[variant.optimizer]}
        self._losses = torch.zeros(self._networks, device=of)
        self._updates = self._updates_before = 0

        self._pixels, self._labels, self._targets = {}, {}, {}
        for name, digits in splits.items():
            images, labels = torch.tensor(digits.images), torch.tensor(digits.labels).long()
            targets = F.one_hot(labels, 10).float()
            if variant.loss != "cross_entropy":
                targets = (targets * 2 - 1) * variant.target
            self._pixels[name] = with_background(images).to(of)
            self._labels[name] = labels.to(of)
            self._targets[name] = targets.to(of)
        self._presented = Presented(
            variant, seeds, splits["train"], self._pixels["train"], self._targets["train"]
        )
        self._taps = self._stacked.taps(variant.shift).to(of)
        self._unshifted = self._stacked.taps(0)[None].to(of)

        # What a step reads beside weights and digits. A step that has fewer examples than the
        # others repeats the last one, with a share of 0.
        examples = len(splits["train"])
        steps = -(-examples // batch_size)
        rows = torch.arange(steps * batch_size).view(steps, batch_size)
        used = rows < examples
        self.steps_per_pass = steps
        self._rows = rows.clamp(max=examples - 1).to(of)
        self._shares = (used / used.sum(dim=1, keepdim=True)).to(of)
        self._examples = torch.arange(examples, device=of)
        self._seeds = torch.tensor(list(seeds), device=of)
        self._pass = torch.zeros((), dtype=torch.int64, device=of)
        self._step = torch.zeros(1, dtype=torch.int64, device=of)
        self._lr = torch.zeros(self._networks, 1, device=of)
        self._corrections = torch.zeros(steps, 2, device=of)  # of AdamW's moments, each step
        drawn = (self._networks, examples)
        self._rolls = torch.zeros(drawn if variant.shift else (1, 1), dtype=torch.int64)
        self._rolls = self._rolls.to(of)
        units = structure_of(variant).units(variant.dropout_after)
        self._kept = torch.zeros((*drawn, units), dtype=torch.bool, device=of)

        if of.type != "cpu":
            self._check(seeds[0], splits["test"])
        self._graphs = Graphs(of)
        if self._kind.captures:
            self._capture()

    def begin_pass(self, number: int, lrs: Sequence[float]) -> None:
        """Set learning rates and what is presented, draw shifts and masks."""
        first = (number - 1) * self.steps_per_pass
        self._updates_before = first
        n = np.minimum(first + np.arange(1.0, self.steps_per_pass + 1), 50_000)  # as the kernel
        corrections = np.stack([1 / (1 - 0.9**n), 1 / np.sqrt(1 - 0.999**n)], axis=1)
        self._corrections.copy_(torch.tensor(corrections))
        self._lr.copy_(torch.tensor(lrs)[:, None])
        self._pass.fill_(number)
        self._presented.begin_pass(number)
        self._graphs.replay("draw", self._draw)

    def run_steps(self, first: int, last: int) -> None:
        """Do the steps from `first` to before `last` of this pass."""
        if first == 0 and self._variant.optimizer == "sdlm_by_pass":
            self._estimate()
        self._step.fill_(first)
        self._do_steps(last - first)
        self._updates = self._updates_before + last

    def end_pass(self) -> None:
        """Close the pass: there is nothing to close."""

    def is_finite(self) -> list[bool]:
        """Of each network, whether its last loss and all weights are finite."""
        return (self._losses + self._weights.sum(dim=1)).isfinite().tolist()

    @torch.no_grad()
    def scores(self, split_name: str, between: Callable[[], None] = lambda: None) -> list[Score]:
        """Evaluate each network on ``train`` or ``test``; waits for the device once."""
        total = len(self._labels[split_name])
        p = split(self._weights, self._shapes)

        def work(first: int, last: int) -> tuple[Tensor, Tensor]:
            rows = torch.arange(first, last, device=self._device)
            windows = windows_of(self._pixels[split_name], rows, self._unshifted)
            outputs = self._stacked.activations(p, windows)["out"]
            loss = losses(self._variant, outputs, self._targets[split_name][rows]).sum(dim=1)
            misses = (outputs.argmax(dim=2) != self._labels[split_name][rows]).sum(dim=1)
            between()
            return loss, misses

        found = in_chunks(total, max(1, self._kind.evaluated // self._networks), work)
        loss, misses = (torch.stack(of).sum(dim=0).tolist() for of in zip(*found, strict=True))
        return [Score(a / total, b, total) for a, b in zip(loss, misses, strict=True)]

    def states(self) -> list[Arrays]:
        """Of each network, parameters and, of AdamW and SDLM, moments and number of updates."""
        weights = self._weights.cpu().numpy().copy()
        moments = {key: moment.cpu().numpy().copy() for key, moment in self._moments.items()}
        return [
            pack(
                weights[n], {key: of[n] for key, of in moments.items()}, self._updates, self._shapes
            )
            for n in range(self._networks)
        ]

    def load_states(self, states: Sequence[Arrays]) -> None:
        """Take over states of networks that are as far as each other."""
        expected = self.states()[0]
        for state in states:
            check_arrays(state, expected)
        unpacked = [unpack(state, self._variant.optimizer, self._shapes) for state in states]
        if len({updates for _, _, updates in unpacked}) > 1:
            raise FileFormatError("the states are after different numbers of steps")
        self._weights.copy_(torch.tensor(np.stack([weights for weights, _, _ in unpacked])))
        for key, moment in self._moments.items():
            moment.copy_(torch.tensor(np.stack([moments[key] for _, moments, _ in unpacked])))
        self._updates = unpacked[0][2]

    @torch.no_grad()
    def _draw(self) -> None:
        variant = self._variant
        if not (variant.shift or variant.dropout):
            return
        for rows in self._examples.split(self._drawn_at_a_time()):
            drawn = (self._seeds, self._pass, rows)
            at = slice(rows.storage_offset(), rows.storage_offset() + len(rows))
            if variant.shift:
                yx = draw_shifts(variant.shift, *drawn) + variant.shift
                self._rolls[:, at] = yx[:, :, 0] * (2 * variant.shift + 1) + yx[:, :, 1]
            if variant.dropout:
                self._kept[:, at] = draw_kept(variant, *drawn)

    def _drawn_at_a_time(self) -> int:
        return max(1, _DRAWN // (self._networks * (1 + self._kept.shape[2] // 4)))

    def _do_steps(self, left: int) -> None:
        if "steps" in self._graphs:
            for _ in range(left // _STEPS_PER_REPLAY):
                self._graphs.replay("steps", self._do_step)
            left %= _STEPS_PER_REPLAY
        for _ in range(left):
            self._graphs.replay("step", self._do_step)

    def _do_step(self) -> None:
        shown, shares = self._presented, self._shares[self._step]
        rows = shown.rows(self._rows[self._step][0])
        rolled = self._unshifted
        if self._variant.shift:
            rolled = self._taps[of_each(self._rolls, rows)]
        mask = None
        if self._variant.dropout:
            kept = of_each(self._kept, rows) * (1 / (1 - self._variant.dropout))
            mask = self._stacked.laid_out(kept)
        windows = shown.windows(rows, rolled)
        with torch.enable_grad():
            values = self._stacked.activations(self._leaves, windows, mask)
            per_example = losses(self._variant, values["out"], shown.targets[rows])
            total = (per_example * shares).sum(dim=1)
            gradients = torch.autograd.grad(total.sum(), list(self._leaves.values()))
        self._losses.copy_(total.detach())
        if self._variant.optimizer == "sdlm":  # which takes one example at a time
            newest = self._curvature(windows, values, mask)
            self._moments["curvature"].lerp_(newest, self._variant.memory)
        gradient = torch.cat([of.flatten(1) for of in gradients], dim=1)
        corrections = self._corrections, self._step
        update(self._variant, self._weights, self._moments, self._lr, gradient, *corrections)
        self._step += 1

    def _curvature(self, windows: Tensor, values: dict[str, Tensor], mask: Tensor | None) -> Tensor:
        return curvature(self._stacked, self._variant, self._leaves, windows, values, mask)

    @torch.no_grad()
    def _estimate(self) -> None:
        """The curvature of a pass, which is no part of its steps."""
        total = min(CURVATURE_DIGITS, len(self._examples))

        def work(first: int, last: int) -> Tensor:
            rows = self._examples[first:last]
            windows = windows_of(self._pixels["train"], rows, self._unshifted)
            values = self._stacked.activations(self._leaves, windows)
            return self._curvature(windows, values, None)

        # Forwards and backwards, of squares too, take several times what an evaluation does.
        found = in_chunks(total, max(1, self._kind.evaluated // (8 * self._networks)), work)
        self._moments["curvature"].copy_(torch.stack(found).sum(dim=0) / total)

    def _check(self, seed: int, digits: Digits) -> None:
        """Compare the first network, as it is computed here, with PyTorch's on the CPU."""
        variant = self._variant
        network = make_network(variant, torch.Generator().manual_seed(seed))

        def ours(at: slice) -> Found:
            rows = torch.arange(at.start, at.stop, device=self._device)
            first = split(self._weights[:1], self._shapes)
            leaves = {name: view.clone().requires_grad_() for name, view in first.items()}
            windows = windows_of(self._pixels["test"], rows, self._unshifted)
            outputs = self._stacked.activations(leaves, windows)["out"]
            loss = losses(variant, outputs, self._targets["test"][rows]).mean()
            gradients = torch.autograd.grad(loss, list(leaves.values()))
            return named(outputs[0], {n: g[0] for n, g in zip(leaves, gradients, strict=True)})

        def cpus(at: slice) -> Found:
            return outputs_and_gradients(network, variant, digits, at, torch.device("cpu"))

        check_close(ours, cpus, self._device)
        rows = torch.arange(DIGITS, device=self._device)
        drawn = (self._seeds[:1], self._pass + 1, rows)
        on_cpu = [tensor.cpu() for tensor in drawn]
        here, there = [], []
        if variant.shift:
            here.append(draw_shifts(variant.shift, *drawn))
            there.append(draw_shifts(variant.shift, *on_cpu))
        if variant.dropout:
            here.append(draw_kept(variant, *drawn))
            there.append(draw_kept(variant, *on_cpu))
        if variant.distorts:
            here.extend(draw_each(*drawn))
            there.extend(draw_each(*on_cpu))
        if not all(torch.equal(a.cpu(), b) for a, b in zip(here, there, strict=True)):
            raise DeviceError(
                f"device {self._device} draws other random words than the CPU; "
                "train with --device cpu"
            )

    def _capture(self) -> None:
        changing = (self._weights, *self._moments.values(), self._losses, self._step)
        saved = [tensor.clone() for tensor in changing]
        try:
            self._add_graphs()
        except RuntimeError as error:
            cause = error.__context__ or error  # the end of a capture only says that it failed
            if is_out_of_memory(cause):
                raise cause from None
            raise DeviceError(
                f"steps cannot be captured on {self._device}: {one_line(cause)}; "
                "train with --engine eager"
            ) from error
        for tensor, value in zip(changing, saved, strict=True):
            tensor.copy_(value)

    def _add_graphs(self) -> None:
        def draw_and_step() -> None:
            self._draw()
            self._step.zero_()
            self._do_step()

        graphs = self._graphs
        graphs.warm_up(draw_and_step)
        graphs.add("step", self._do_step)
        if self.steps_per_pass >= _STEPS_PER_REPLAY:
            graphs.add("steps", self._do_step, _STEPS_PER_REPLAY)
        drawn = self._variant.shift or self._variant.dropout
        if drawn and len(self._examples) <= self._drawn_at_a_time():
            graphs.add("draw", self._draw)
        # A graph that does nothing is refused.
        steps = 1 + _STEPS_PER_REPLAY * (self.steps_per_pass > _STEPS_PER_REPLAY)
        self._step.zero_()
        self._do_steps(steps)
        if int(self._step) != steps:
            raise RuntimeError("a captured graph does not do what was captured")
