"""Train one network, or many."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lecun89 import devices
from lecun89.api.results import Result, Results
from lecun89.cores import cores_each
from lecun89.data import Digits, default_data_dir
from lecun89.engines import get_engine
from lecun89.exceptions import DivergedError
from lecun89.parsing import check_seed
from lecun89.render.progress import PassesBar
from lecun89.settings import Settings, engine_of, in_step, resolve
from lecun89.storage.tensorfile import Arrays
from lecun89.sweeps.work import Outcome, train_in_memory
from lecun89.training import session
from lecun89.training.loop import PassResult, Position, fit
from lecun89.variants import Variant, get_variant
from lecun89.variants.overrides import in_words


def train(
    variant: str | Variant = "base",
    *,
    data: str = "1989",
    seed: int = 1337,
    passes: int | None = None,
    lr: float | None = None,
    batch_size: int | str | None = None,
    device: str = "auto",
    engine: str = "auto",
    threads: int | str = "auto",
    run_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    progress: bool = True,
    **values: Any,
) -> Result:
    """Train a network and evaluate it after every pass.

    >>> import lecun89
    >>> result = lecun89.train("base", seed=1337, passes=2, progress=False)
    >>> [after.test.misses for after in result.history]
    [206, 168]

    Ctrl-C ends it with what there is: the result of the whole passes so far.

    Args:
        variant: a variant or its name, such as ``modern`` or ``modern+dropout=0.1``.
        data: ``1989``, ``full`` or ``usps``.
        seed: decides every random draw, 0 to 2**32 - 1.
        passes: over the training digits; the variant's when left out, like the next two.
        lr: learning rate of the first pass, or where a cycle is highest.
        batch_size: examples in a step, or ``full``.
        device: ``auto``, ``cpu``, ``cuda[:N]`` or ``mps``.
        engine: ``auto``, ``native``, ``eager`` or ``graph``.
        threads: CPU threads, or ``auto``: every core for the native engine, one for PyTorch, whose
            own number is set again afterwards.
        run_dir: where a run is made, as ``lecun89 train --runs-dir`` does, which saves as it
            goes and which the command line can read and resume. Nothing is written without it.
        data_dir: where prepared digits are.
        progress: show a bar in a notebook or a terminal.
        values: other values of the variant by name, such as ``dropout=0.1``.

    Returns:
        A `Result`.

    Raises:
        UsageError: a value is unknown or out of range, or values cannot be combined.
        DivergedError: the loss is no longer finite.
        Lecun89Error: digits, device or directory are not available.
    """
    settings = _settings(
        variant,
        values,
        data=data,
        seed=seed,
        passes=passes,
        lr=lr,
        batch_size=batch_size,
        device=device,
        engine=engine,
        threads=threads,
    )
    splits = _load(settings, data_dir)
    with _torch_as_it_was(settings), PassesBar(settings.passes, wanted=progress) as bar:
        if run_dir is not None:
            return _train_into(settings, splits, Path(run_dir), bar)
        fresh = engine_of([settings], splits)
        history: list[PassResult] = []
        (state,) = fresh.states()
        interrupted = False
        try:
            for (outcome,) in fit(fresh, [settings], on_slice=_shown(settings, bar)):
                if isinstance(outcome, DivergedError):
                    raise outcome
                (state,) = fresh.states()
                history.append(outcome)
                bar.show(len(history), f"test error {outcome.test.error_percent:.2f}%")
        except KeyboardInterrupt:
            interrupted = True
        return _result(settings, history, state, splits, interrupted=interrupted)


def train_many(
    variant: str | Variant = "base",
    *,
    seeds: Iterable[int] = range(10),
    data: str = "1989",
    passes: int | None = None,
    lr: float | None = None,
    batch_size: int | str | None = None,
    device: str = "auto",
    engine: str = "auto",
    threads: int | str = "auto",
    workers: int | None = None,
    data_dir: str | Path | None = None,
    progress: bool = True,
    **values: Any,
) -> Results:
    """Train one network for each seed.

    >>> import lecun89
    >>> results = lecun89.train_many("base", seeds=[1, 2], passes=1, progress=False)
    >>> [result.test.misses for result in results]
    [191, 203]

    With the native engine networks are trained on all cores, with the graph engine side by side
    on a GPU. Ctrl-C ends it with the seeds that are at their ends. For hundreds of seeds that are
    to survive a crash, use ``lecun89 train --seeds``.

    Args:
        variant: as in `train`, like what is not listed here.
        seeds: the seeds, none of them twice.
        data: see there.
        passes: see there.
        lr: see there.
        batch_size: see there.
        device: see there.
        engine: see there.
        threads: see there.
        workers: networks at a time; as many as are worth it when left out.
        data_dir: see there.
        progress: see there.
        values: see there.

    Returns:
        `Results`, in the order of the seeds.

    Raises:
        DivergedError: the loss of a network is no longer finite.
        Lecun89Error: as of `train`.
    """
    settings = _settings(
        variant,
        values,
        data=data,
        seed=0,
        passes=passes,
        lr=lr,
        batch_size=batch_size,
        device=device,
        engine=engine,
        threads=threads,
    )
    cells = [replace(settings, seed=seed) for seed in dict.fromkeys(seeds)]
    for cell in cells:
        check_seed(cell.seed)
    splits = _load(settings, data_dir)
    with _torch_as_it_was(settings), PassesBar(len(cells), "networks", wanted=progress) as bar:
        found = _train_cells(cells, splits, workers, bar)
    if not found:
        raise KeyboardInterrupt
    return Results(
        tuple(
            _result(cell, found[cell].results, found[cell].state or {}, splits)
            for cell in cells
            if cell in found
        )
    )


def _train_cells(
    cells: Sequence[Settings], splits: dict[str, Digits], workers: int | None, bar: PassesBar
) -> dict[Settings, Outcome]:
    """The outcome of each cell that came to its end; fewer than all after Ctrl-C."""
    kind = get_engine(cells[0].engine)
    size = in_step(cells[0], workers or None)
    groups = [cells[first : first + size] for first in range(0, len(cells), size)]
    # The native kernel lets go of the interpreter; PyTorch's operations are too short for that.
    at_a_time = 1 if kind.needs_torch else workers or cores_each(cells[0].threads or 1)
    at_a_time = min(at_a_time, len(groups))
    most_threads = cores_each(at_a_time)
    stopping = threading.Event()

    def check(position: Position) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt

    def work(group: Sequence[Settings]) -> list[Outcome]:
        return train_in_memory(group, {group[0].data: splits}, check, most_threads=most_threads)

    found: dict[Settings, Outcome] = {}
    with ThreadPoolExecutor(at_a_time) as pool:
        futures = {pool.submit(work, group): group for group in groups}
        try:
            for future in as_completed(futures):
                for cell, outcome in zip(futures[future], future.result(), strict=True):
                    if outcome.error is not None:
                        raise DivergedError(f"seed {cell.seed}: {outcome.error}")
                    found[cell] = outcome
                    bar.show(len(found), f"seed {cell.seed} is trained")
        except KeyboardInterrupt:
            pass
        finally:
            stopping.set()
            for future in futures:
                future.cancel()
    return found


def _settings(variant: str | Variant, values: dict[str, Any], **given: Any) -> Settings:
    of = get_variant(variant) if isinstance(variant, str) else variant
    pairs = [f"{key.replace('_', '-')}={in_words(value)}" for key, value in values.items()]
    asked = {name for name, value in given.items() if value is not None}
    return resolve(of.name, assumptions=pairs, origins=dict.fromkeys(asked, "argument"), **given)


def _load(settings: Settings, data_dir: str | Path | None) -> dict[str, Digits]:
    directory = default_data_dir() if data_dir is None else Path(data_dir)
    return session.load_splits(settings, directory, keep=False)


def _train_into(
    settings: Settings, splits: dict[str, Digits], directory: Path, bar: PassesBar
) -> Result:
    training = session.begin(settings, splits, directory)
    interrupted = False
    try:
        for result in training.train(on_progress=_shown(settings, bar)):
            bar.show(result.number, f"test error {result.test.error_percent:.2f}%")
    except KeyboardInterrupt:
        interrupted = True
    if not interrupted:
        (state,) = training.engine.states()
    elif training.results:  # the engine is within the pass after them
        state = training.run.read_weights().arrays
    else:
        state, _ = training.run.load_state()
    return _result(
        settings,
        training.results,
        state,
        splits,
        run=training.run.path,
        interrupted=interrupted,
    )


def _result(
    settings: Settings,
    history: Sequence[PassResult],
    state: Arrays,
    splits: dict[str, Digits],
    **more: Any,
) -> Result:
    return Result(settings, tuple(history), state, splits["train"].sha256, **more)


def _shown(settings: Settings, bar: PassesBar) -> Callable[[Position], None]:
    def show(position: Position) -> None:
        bar.show(position.passes + position.step / settings.steps_per_pass)

    return show


def _torch_as_it_was(settings: Settings) -> AbstractContextManager[None]:
    return devices.restored(used=get_engine(settings.engine).needs_torch)
