"""A loss that became non-finite stops a training, wherever it happens, and keeps what was."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lecun89.data import Digits
from lecun89.exceptions import DivergedError
from lecun89.settings import Settings
from lecun89.training import checkpointing
from lecun89.training.runs import Run, create_run
from tests.alone import make_engine
from tests.conftest import Result
from tests.faults.harness import fingerprint


def poisoned(settings: Settings, splits: dict[str, Digits], pass_: int, step: int) -> Any:
    """An engine one step of which no weight survives."""
    engine: Any = make_engine(settings, splits).engine
    begin_pass, run_steps, now = engine.begin_pass, engine.run_steps, 0

    def begin(number: int, lrs: Sequence[float]) -> None:
        nonlocal now
        now = number
        begin_pass(number, lrs)

    def run(first: int, last: int) -> None:
        if now == pass_ and first <= step < last:
            for one in range(first, last):
                begin_pass(now, [3e38 if one == step else settings.lr])
                for _ in range(3 if one == step else 1):  # one may leave them huge, and finite
                    run_steps(one, one + 1)
        else:
            run_steps(first, last)

    engine.begin_pass, engine.run_steps = begin, run
    return engine


@pytest.mark.parametrize(
    ("engine", "points"),
    [
        ("native", 3),
        ("eager", 1),
        pytest.param("native", 50, marks=pytest.mark.slow),
        pytest.param("eager", 50, marks=pytest.mark.slow),
    ],
)
def test_it_is_stopped_and_what_was_finite_is_kept(
    settings: Callable[..., Settings],
    splits: dict[str, Digits],
    tmp_path: Path,
    rng: random.Random,
    figure: Callable[[str], None],
    engine: str,
    points: int,
) -> None:
    of = settings(variant="xent", lr=0.05, batch_size=256, passes=3, engine=engine)
    sha256 = {name: digits.sha256 for name, digits in splits.items()}

    def make(name: str) -> Run:
        state = make_engine(of, splits).state()
        return create_run(tmp_path / name, of, sha256, {}, state)

    whole = make("whole")
    list(checkpointing.train([whole], make_engine(of, splits).engine))
    right = fingerprint(whole)
    for point in range(points):
        run = make(str(point))
        in_pass, step = rng.randint(1, of.passes), rng.randrange(of.steps_per_pass)
        with pytest.raises(DivergedError, match="became non-finite"):
            engine_ = poisoned(of, splits, in_pass, step)
            for (outcome,) in checkpointing.train(
                [run], engine_, checkpoint_seconds=rng.choice((1e-9, 60))
            ):
                if isinstance(outcome, DivergedError):
                    raise outcome
        state, _ = run.load_state()
        assert all(np.isfinite(array).all() for array in state.values())
        assert len(run.read_metrics()) == in_pass - 1
        list(checkpointing.train([run], make_engine(of, splits).engine))
        assert fingerprint(run) == right
    figure(f"{points} of {points} stopped, kept, and gone on with to the same bits")


@pytest.mark.parametrize("engine", ["native", "eager"])
@pytest.mark.parametrize("lr", ["0.9", "1e6", "3e38"])
@pytest.mark.parametrize("variant", ["base", "modern"])
def test_a_learning_rate_that_is_far_too_high_ends_as_documented(
    cli: Callable[..., Result], engine: str, lr: str, variant: str
) -> None:
    result = cli(
        *("train", "--variant", variant, "--lr", lr, "--batch-size", 2048, "--passes", 1),
        *("--engine", engine, "--json"),
    )
    if result.exit_code == 0:  # saturated, and no worse than to guess
        for score in result.document["splits"].values():
            assert np.isfinite(score["loss"])
    else:
        assert result.exit_code == 1
        assert "the loss became non-finite" in result.error
        assert f"lower --lr, which was {float(lr):g}" in result.error
