import itertools
from dataclasses import asdict

import pytest

from lecun89 import VARIANTS, get_variant
from lecun89.exceptions import UsageError


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
