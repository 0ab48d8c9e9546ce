import pytest

from lecun89.bench.configurations import RECIPES, list_configurations
from lecun89.exceptions import UsageError


def test_what_does_not_work_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lecun89.engines.native.why_absent", lambda: "no compiler")
    found, absent = list_configurations()
    assert absent["native engine"] == "no compiler"
    assert {of.engine for of in found if of.device == "cpu"} == {"eager"}
    assert [of.batch_size for of in found if of.device == "cpu"] == [1, 64, None]
    assert {name.partition(":")[0] for name in absent} <= {"cuda", "mps", "native engine"}


def test_one_device_alone_can_be_asked_for() -> None:
    found, absent = list_configurations("cpu")
    assert {of.device for of in found} == {"cpu"}
    assert sum(of.is_stock for of in found) == 1
    assert not {"cuda", "mps"} & absent.keys()
    with pytest.raises(UsageError, match="unknown device 'gpu'"):
        list_configurations("gpu")


def test_a_recipe_counts_its_steps() -> None:
    assert RECIPES[1].steps(1) == 4 * 7291
    assert RECIPES[64].steps(64) == 10 * 114
    assert RECIPES[None].steps(None) == 200
