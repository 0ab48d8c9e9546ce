"""The configurations that are compared, which of them work here, and the recipe of each."""

from dataclasses import dataclass

from lecun89.cores import usable_cores
from lecun89.data import get_data
from lecun89.devices import check_name, kind_of, list_devices
from lecun89.engines import get_engine
from lecun89.settings import Settings
from lecun89.variants import get_variant

MINI_BATCH, LARGE_BATCH = 64, 512


FAST = get_variant("fast")


@dataclass(frozen=True)
class Configuration:
    """What executes the steps of a training, and how many examples there are in a step.

    Attributes:
        name: what it is, in words.
        device: ``cpu``, ``cuda:N`` or ``mps``.
        engine: name of the engine.
        batch_size: examples in a step; None for all of them.
        networks: independent networks that are trained at once, each with its own seed.
        threads: CPU threads of each network.
    """

    name: str
    device: str
    engine: str
    batch_size: int | None
    networks: int = 1
    threads: int = 1

    def __str__(self) -> str:
        return f"{self.name} on {self.device}, {self.engine}"

    @property
    def is_stock(self) -> bool:
        """Whether it is stock PyTorch, one digit at a time on the CPU."""
        return (self.device, self.engine, self.batch_size) == ("cpu", "eager", 1)

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
            threads=self.threads,
        )


@dataclass(frozen=True)
class Recipe:
    """How a batch size trains to an error: chosen once, on the validation split, for every seed.

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


def list_configurations(device: str = "auto") -> tuple[list[Configuration], dict[str, str]]:
    """The configurations that work here, and why the others do not.

    Args:
        device: only this one, or ``auto`` for all.

    Returns:
        The configurations, and by the name of what is absent, the reason.

    Raises:
        UsageError: no device has such a name.
    """
    check_name(device)
    found: list[Configuration] = []
    sizes: tuple[int | None, ...]
    absent: dict[str, str] = {}
    native, graph = get_engine("native"), get_engine("graph")
    for state in list_devices():
        if device not in ("auto", state.name, state.name.partition(":")[0]):
            continue
        if not state.available:
            absent[state.name] = state.detail
            continue
        if state.name == "cpu":
            if (reason := native.why_absent()) is None:
                sizes = (1, FAST.batch_size, MINI_BATCH, None)
                found += [_configuration("cpu", "native", size) for size in sizes]
                if (cores := usable_cores()) > 1:
                    shared = (FAST.batch_size, MINI_BATCH, None)
                    found += [_configuration("cpu", "native", size, 1, cores) for size in shared]
                    found.append(_configuration("cpu", "native", 1, cores))
            else:
                absent["native engine"] = reason
        kind = kind_of(state.name)
        if kind.captures:
            sizes = (1, MINI_BATCH, LARGE_BATCH, None)
            found += [_configuration(state.name, "graph", size) for size in sizes]
            found.append(_configuration(state.name, "graph", 1, graph.most_networks))
        sizes = (1, MINI_BATCH, None) if kind.module is None or kind.captures else (1, None)
        found += [_configuration(state.name, "eager", size) for size in sizes]
    return found, absent


def _configuration(
    device: str, engine: str, batch_size: int | None, networks: int = 1, threads: int = 1
) -> Configuration:
    if networks > 1:
        name = f"{networks:,} networks"
    else:
        name = {1: "one at a time", None: "full batch"}.get(batch_size, f"mini-batch {batch_size}")
    name += f", {threads} threads" if threads > 1 else ""
    return Configuration(name, device, engine, batch_size, networks, threads)
