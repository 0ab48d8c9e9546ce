"""What the page's scripts know: variants, networks, digests, and what others report."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from lecun89.analysis.evaluation import examine
from lecun89.analysis.literature import BLOG_2022, BLOG_IMAGE, LITERATURE
from lecun89.analysis.rejection import PAPER_ERROR, PAPER_REJECTED, reject_for
from lecun89.analysis.thennow import BLOG_M1, PAPER_1989
from lecun89.data import get_data, load
from lecun89.engines import get_engine
from lecun89.network.architecture import PARAMETER_SHAPES
from lecun89.network.modules import network_of
from lecun89.network.weights import Weights
from lecun89.page.digits import SPLITS
from lecun89.variants import VARIANTS, Variant
from lecun89.version import __version__

# For what the page trains: the margin at which 1% of the accepted validation digits are wrong, and
# the digits rejected there in percent. Seed 1337, native engine; docs/page.md says how to measure.
_REJECTIONS = {"base": (1.7253, 13.12), "modern": (1.0954, 2.49), "paper": (1.0839, 9.20)}


@dataclass(frozen=True)
class Shown:
    """A trained network to put into the page.

    Attributes:
        name: what the page calls it.
        weights: its weights.
    """

    name: str
    weights: Weights


def why_not_shown(variant: Variant) -> str | None:
    """Why a page has no layers of such a network, in words; None when it has."""
    return get_engine("native").lacking(variant, "cpu")  # whose kernel is the page's


def gather(variants: Sequence[str], networks: Sequence[Shown], directory: Path) -> dict[str, Any]:
    """All facts as a JSON document; the same for the same input.

    Args:
        variants: names of those that the page trains.
        networks: trained networks.
        directory: the data directory.
    """
    data = get_data("1989")
    shown = {name: one for name, one in VARIANTS.items() if why_not_shown(one) is None}
    return {
        "version": __version__,
        "digits": {
            "train": data.train,
            "test": data.test,
            "sha256": {split: data.sha256[split] for split in SPLITS},
        },
        "trains": list(variants),
        "variants": {name: _variant(one.on("1989")) for name, one in shown.items()},
        "networks": [_network(one, directory) for one in networks],
        "literature": _literature(),
    }


def _literature() -> dict[str, dict[str, Any]]:
    paper, blog, _ = LITERATURE["base", "1989"]
    then = PAPER_1989
    (best,), more = LITERATURE["modern", "1989"], LITERATURE["base", "full"][0]
    test = get_data("1989").test
    return {
        "paper": {
            "digits": then.images,
            "parameters": then.parameters,
            "macs": then.macs_per_image,
            "activations": then.activations,
            "hardware": then.machine,
            "passes": then.passes,
            "seconds": then.training_seconds,
            "error": paper.test_error,
            "misses": paper.test_misses,
            "total": test,
            "rejected_percent": PAPER_REJECTED,
        },
        "blog": {
            "hardware": BLOG_M1.machine,
            "seconds": BLOG_M1.training_seconds,
            "error": blog.test_error,
            "misses": round(blog.test_error * test / 100),
            "total": test,
            "best_misses": round(best.test_error * test / 100),
            "more_digits": get_data("full").train,
            "more_digits_error": more.test_error,
            "image": BLOG_IMAGE,
            **BLOG_2022,
        },
    }


def _variant(variant: Variant) -> dict[str, Any]:
    """What trains and describes it; `fields` are those of `Training` in src/native/training.h."""
    plain = {
        field.name: value
        for field in fields(variant)
        if isinstance(value := getattr(variant, field.name), str | int | float | None)
    }
    threshold, rejected = _REJECTIONS.get(variant.name, (None, None))
    return {
        "passes": variant.passes_on("1989"),
        "threshold": threshold,
        "rejected_percent": rejected,
        "fields": plain,
    }


def _network(shown: Shown, directory: Path) -> dict[str, Any]:
    """A network with its margin at which 1% of the accepted validation digits are wrong."""
    weights = shown.weights
    network = network_of(weights).eval()
    validation, test = (
        examine(network, load("1989", split, directory)) for split in ("validation", "test")
    )
    rejection = reject_for(validation.rejection_curve, PAPER_ERROR)
    values = [weights.arrays[name].ravel() for name in PARAMETER_SHAPES]
    return {
        "name": shown.name,
        "variant": weights.variant,
        "weights": base64.b64encode(np.concatenate(values).astype("<f4").tobytes()).decode(),
        "threshold": rejection.threshold,
        "rejected_percent": rejection.rejected_percent,
        "test_misses": test.score.misses,
    }
