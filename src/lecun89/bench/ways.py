"""The ways of training that are compared, which of them work here, and the recipe of each."""

from dataclasses import dataclass

from lecun89.data import get_data
from lecun89.devices import list_devices, usable_cores
from lecun89.engines import native
from lecun89.settings import Settings
from lecun89.variants import get_variant

MINI_BATCH, LARGE_BATCH = 64, 512
GPU_NETWORKS = 1024
"""Networks side by side on a GPU."""


FAST = get_variant("fast")


@dataclass(frozen=True)
class Way:
    """A way of training.

    Attributes:
        name: what it is, in words.
        device: ``cpu``, ``cuda:N`` or ``mps``.
        engine: name of the engine.
        batch_size: examples in a step; None for all of them.
        networks: independent networks that are trained at once, each with its own seed.
    """

    name: str
    device: str
    engine: str
    batch_size: int | None
    networks: int = 1

    def settings(
        self, variant: str, data: str, seed: int, passes: int | None = None, lr: float | None = None
    ) -> Settings:
        """Settings of one of its networks; passes and learning rate are the variant's if None."""
        of = get_variant(variant)
        return Settings(
            variant=variant,
            data=data,
            seed=seed,
            passes=of.passes_on(data) if passes is None else passes,
            lr=of.lr if lr is None else lr,
            batch_size=self.batch_size,
            device=self.device,
            engine=self.engine,
            threads=1,
        )


@dataclass(frozen=True)
class Recipe:
    """How a way trains to an error: chosen once, on the validation split, for every seed.

    Attributes:
        variant: its name.
        lr: learning rate of the first pass.
        passes: over the training split of 1989.
    """

    variant: str
    lr: float
    passes: int

    def steps(self, batch_size: int | None) -> int:
        """Steps of the whole recipe at a batch size."""
        examples = get_data("1989").train
        return self.passes * -(-examples // (batch_size or examples))


RECIPES: dict[int | None, Recipe] = {
    1: Recipe("fast", 2e-3, 4),
    FAST.batch_size: Recipe("fast", FAST.lr, FAST.passes["1989"]),
    MINI_BATCH: Recipe("fast", 1e-2, 10),
    LARGE_BATCH: Recipe("modern", 1e-2, 24),
    None: Recipe("modern", 1e-2, 200),
}
"""Recipes by batch size. Large batches have no noise of their own: without shifts and dropout,
full batches stop at 4.4% on the validation split."""


def list_ways(device: str = "auto") -> tuple[list[Way], dict[str, str]]:
    """The ways that work here, and of those that do not, why not.

    Args:
        device: only this one, or ``auto`` for all.
    """
    ways: list[Way] = []
    sizes: tuple[int | None, ...]
    absent: dict[str, str] = {}
    for state in list_devices():
        if device not in ("auto", state.name, state.name.partition(":")[0]):
            continue
        if not state.available:
            absent[state.name] = state.detail
            continue
        if state.name == "cpu":
            if (reason := native.why_absent()) is None:
                sizes = (1, FAST.batch_size, MINI_BATCH, None)
                ways += [_way("cpu", "native", size) for size in sizes]
                if usable_cores() > 1:
                    ways.append(_way("cpu", "native", 1, usable_cores()))
            else:
                absent["native engine"] = reason
        if state.name.startswith("cuda"):
            sizes = (1, MINI_BATCH, LARGE_BATCH, None)
            ways += [_way(state.name, "graph", size) for size in sizes]
            ways.append(_way(state.name, "graph", 1, GPU_NETWORKS))
        sizes = (1, None) if state.name == "mps" else (1, MINI_BATCH, None)
        ways += [_way(state.name, "eager", size) for size in sizes]
    return ways, absent


def _way(device: str, engine: str, batch_size: int | None, networks: int = 1) -> Way:
    if networks > 1:
        name = f"{networks:,} networks"
    else:
        name = {1: "one at a time", None: "full batch"}.get(batch_size, f"mini-batch {batch_size}")
    return Way(name, device, engine, batch_size, networks)
