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
        ("base+curvature=running", "curvature only applies to sdlm; base has sgd"),
        ("xent+half=yes", "half only applies to squared error"),
        ("microvit+output-bias=0", "output-bias has no effect on microvit"),
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


def test_any_field_can_be_assumed_and_holds_on_all_data() -> None:
    one = get_variant("record+rotation=5+shuffle=no+dropout=0.1+dropout-after=H3")
    assert (one.rotation, one.shuffle, one.dropout, one.dropout_after) == (5.0, False, 0.1, "H3")
    assert one.name == "record+shuffle=no+dropout=0.1+dropout-after=H3+rotation=5.0"
    assert get_variant(one.name) == one
    assert (one.on("full").rotation, one.on("full").shuffle) == (5.0, False)
    assert one.on("full").elastic == get_variant("record").on("full").elastic
    assert get_variant("record").on("full").elastic < get_variant("record").on("1989").elastic
    assert get_variant("record").on("full-tune") == get_variant("record").on("full")
    assert get_variant("record+teacher=yes").on("1989").teacher
    assert get_variant("modern+dropout=0+dropout-after=none").dropout_after is None


def test_sharpness_of_old_runs_is_read_as_a_temperature() -> None:
    old = get_variant("record+teacher=yes+sharpness=2.0")
    assert old == get_variant("record+teacher=yes+temperature=0.5")
    assert old.name == "record+teacher=yes+temperature=0.5"
    assert get_variant("record").on("full").temperature == 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("record+rotation=x", "rotation 'x' is not a number"),
        ("record+rotation=nan", "rotation nan is out of range: 0 to 180"),
        ("record+scaling=100", "scaling 100.0 is out of range: 0 to 2"),
        ("record+shift=1.0", "shift '1.0' is not a whole number"),
        ("base+weight-decay=5", "weight-decay only applies to AdamW; base"),
        ("record+lr-decay=10", "lr-decay only applies to a linear schedule"),
        ("microvit+activation=silu", "activation has no effect on microvit"),
        ("microvit+dropout=0.1+dropout-after=H2", "dropout has no effect on microvit"),
        ("modern+temperature=0.5", "temperature only applies to a teacher"),
        ("record+teacher=yes+sharpness=x", "sharpness 'x' is not a number"),
        ("record+teacher=yes+sharpness=0", "temperature inf is out of range: 0.01 to 10"),
        ("modern+elastic-sigma=2", "elastic-sigma only applies to elastic"),
        ("record+teacher=yes+label-smoothing=0.1", "label-smoothing only applies to targets from"),
        ("record+elastic-sigma=0", "elastic-sigma 0.0 is out of range: 1 to 16"),
        ("record+shuffle=maybe", "unknown value of shuffle 'maybe': did you mean"),
        ("record+activation=selu", "did you mean 'silu'"),
        ("modern+dropout-after=none", "dropout and dropout-after of modern"),
        ("base+label-smoothing=0.1", "has no cross-entropy"),
        ("record+target=0.6", "target only applies to squared error"),
        ("base+target=0", "target 0.0 is out of range: 0.01 to 2"),
        ("base+target=2.5", "target 2.5 is out of range"),
        ("base+planes=2", "planes 2 is out of range: 3 to 24"),
        ("base+planes=4.0", "planes '4.0' is not a whole number"),
        ("fc40+planes=4", "planes has no effect on fc40, whose structure is fc40"),
        ("fc40+table=cyclic", "table has no effect on fc40"),
        ("fc40+dropout=0.1+dropout-after=H3", "dropout has no effect on fc40"),
        ("microvit+planes=4", "planes has no effect on microvit"),
        ("xent+teacher=yes", "a teacher labels distorted digits"),
        ("modern+rotation=5", "give translation instead of shift"),
        ("sdlm+activation=gelu", "sdlm knows no gelu"),
        ("record+lr=1", "unknown assumption 'lr'"),
    ],
)
def test_fields_that_make_no_sense_are_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        get_variant(name)
