import itertools
from dataclasses import asdict

import pytest

from lecun89 import VARIANTS, get_variant
from lecun89.exceptions import UsageError
from lecun89.variants import assume


def test_each_rung_changes_what_the_design_says() -> None:
    rungs = list(VARIANTS.values())[:6]
    changed = {
        after.name: {
            key: value
            for key, value in asdict(after).items()
            if value != asdict(before)[key] and key not in ("name", "change")
        }
        for before, after in itertools.pairwise(rungs)
    }
    assert changed == {
        "xent": {
            "output_activation": None,
            "output_bias": 0.0,
            "loss": "cross_entropy",
            "lr": 0.01,
        },
        "adamw": {
            "optimizer": "adamw",
            "lr": 3e-4,
            "lr_decay": 3.0,
            "passes": {"1989": 46, "full": 80},
        },
        "shift": {"shift": 1, "passes": {"1989": 60, "full": 80}},
        "modern": {
            "activation": "relu",
            "dropout": 0.25,
            "dropout_after": "H2",
            "passes": {"1989": 80, "full": 80},
        },
        "modern-h3": {"dropout_after": "H3"},
    }


def test_unknown_name_lists_the_known_ones_and_suggests_the_nearest() -> None:
    with pytest.raises(UsageError, match="'modrn': did you mean 'modern'.*base, xent, adamw"):
        get_variant("modrn")


def test_assumptions_are_a_part_of_the_name_in_one_order() -> None:
    one = get_variant("sdlm+init=literal+squash=scaled")
    assert one == get_variant("sdlm+squash=scaled+init=literal")
    assert one.name == "sdlm+squash=scaled+init=literal"
    assert (one.activation, one.output_activation) == ("scaled_tanh", "scaled_tanh")
    assert one.initialization == "fan_in"
    assert get_variant("sdlm+init=literal+init=sqrt").initialization == "sqrt_fan_in"
    assert assume(one, ["squash=tanh"]).name == "sdlm+squash=tanh+init=literal"
    by_pass = get_variant("sdlm+curvature=by-pass")
    assert (by_pass.optimizer, by_pass.damping) == ("sdlm_by_pass", 0.02)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("base+squash", "unknown value of squash ''"),
        ("base+sqush=tanh", "unknown assumption 'sqush': did you mean 'squash'"),
        ("base+squash=relu", "known: tanh, scaled"),
        ("base+curvature=running", "curvature belongs to sdlm, base has sgd"),
        ("xent+half=yes", "half belongs to squared error"),
        ("microvit+output-bias=0", "belongs to the network of 1989"),
        ("base+", "unknown assumption ''"),
    ],
)
def test_assumptions_that_make_no_sense_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_variant(name)


def test_the_paper_is_sdlm_with_every_assumption() -> None:
    paper = asdict(VARIANTS["paper"])
    assumed = asdict(get_variant("sdlm+squash=scaled+init=literal+output-bias=0+half=yes"))
    differing = {key for key in paper if paper[key] != assumed[key]}
    assert differing == {"name", "change"}
