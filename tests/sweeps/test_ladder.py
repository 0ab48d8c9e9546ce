import math
from collections.abc import Callable
from pathlib import Path

import pytest

from lecun89.analysis.scores import Score
from lecun89.sweeps.ladder import McNemar, Rung, Step, compare_rungs
from lecun89.training.loop import PassResult
from tests.conftest import Result


def rung(name: str, *misses: int) -> Rung:
    results = tuple(
        PassResult(23, 0.03, 1.0, Score(0.1, 5, 7291), Score(0.1, count, 2000)) for count in misses
    )
    return Rung(name, "1989", tuple(range(len(misses))), results, (1.0,) * len(misses))


def test_a_step_is_judged_by_the_seeds_in_pairs() -> None:
    # Seeds differ by far more than the rungs do, but every seed gets better by about 10.
    before, after = rung("base", 100, 60, 140, 80), rung("xent", 90, 51, 129, 70)
    step = compare_rungs(before, after)
    assert step.difference == pytest.approx(-0.5)
    # Differences -10, -9, -11, -10 of 2,000: deviation 0.0408 points.
    assert step.interval95 == pytest.approx((-0.565, -0.435), abs=1e-3)
    t = 0.5 / (math.sqrt(2 / 3) * 0.05 / 2)
    assert t == pytest.approx(24.5, abs=0.1)
    assert step.p_value == pytest.approx(1.5e-4, rel=0.1)
    assert step.verdict == "better"
    assert compare_rungs(after, before).verdict == "worse"
    assert compare_rungs(before, rung("xent", 60, 100, 139, 85)).verdict == "not distinguishable"


def test_equal_differences_are_judged_by_their_sign() -> None:
    two = compare_rungs(rung("base", 80, 85), rung("xent", 70, 75))
    assert two.p_value == 0.5
    assert two.verdict == "not distinguishable"
    many = compare_rungs(rung("base", *range(50, 60)), rung("xent", *range(49, 59)))
    assert many.p_value == pytest.approx(2 / 1024)
    assert many.verdict == "better"
    assert compare_rungs(rung("base", 5, 6), rung("xent", 5, 6)).p_value == 1


def test_with_one_seed_mcnemar_decides() -> None:
    before, after = rung("base", 100), rung("xent", 60)
    assert compare_rungs(before, after).verdict == "not distinguishable"
    assert compare_rungs(before, after, McNemar(60, 20, 1e-5)).verdict == "better"
    assert Step(0.0, None, 0.01, None).verdict == "not distinguishable"


def test_the_ladder_trains_tells_and_does_not_repeat(
    cli: Callable[..., Result], tmp_path: Path
) -> None:
    flags = ("ladder", "--variants", "base,fast", "--seeds", "0..1")
    result = cli(*flags)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "test error on 1989 in percent, mean of 2 seeds" in result.stdout
    assert result.stderr.count("eval: split test") == 4
    document = cli(*flags, "--json", "--plot", "ladder.svg").document
    assert (tmp_path / "ladder.svg").read_text().startswith("<?xml")
    base, fast = document["rungs"]
    assert base["reported"] == {"paper": 5.0, "blog": 4.09, "notebook": 4.14}
    assert len(base["test_misses"]) == 2
    assert base["step"] is None
    assert fast["step"]["verdict"] in ("better", "worse", "not distinguishable")
    assert fast["step"]["mcnemar"]["p_value"] <= 1
    again = cli(*flags, "--markdown")
    assert again.stderr == ""
    assert again.stdout.startswith("| variant | data |")
    assert cli(*flags, "--csv").stdout.splitlines()[1].startswith("base,1989,2,5.0,4.09,4.14,")


def test_wrong_input_is_one_line(cli: Callable[..., Result]) -> None:
    for flags, message in (
        (("--json", "--csv"), "cannot be combined"),
        (("--variants", "bas"), "did you mean 'base'"),
        (("--data", "mnist"), "unknown data 'mnist'"),
        (("--plot", "x.pdf"), "neither .png nor .svg"),
        (("--workers", "0"), "--workers 0 is out of range"),
    ):
        result = cli("ladder", *flags)
        assert result.exit_code == 2
        assert message in result.error
