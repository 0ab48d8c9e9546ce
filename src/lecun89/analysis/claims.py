"""What LeCun et al. 1989 claim beside their counts, and what was measured of it here.

``benchmarks/claims.py`` writes ``claims.json`` and the tables of docs/science.md.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MEASURED = Path(__file__).with_name("claims.json")


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        name: of it here.
        section: heading of the paper's section.
        claim: what it says, in our words.
        paper: the paper's numbers; None where it gives none.
    """

    name: str
    section: str
    claim: str
    paper: str | None

    @property
    def command(self) -> str:
        """What measures ours, in a clone of the repository."""
        if self.name == "four-numbers":  # one row of a larger table
            return "lecun89 sweep benchmarks/science.toml --out science"
        return f"python benchmarks/claims.py {self.name}"


CLAIMS = (
    Claim(
        "four-numbers",
        "Results",
        "After 23 passes nearly all training digits are read right, and 19 in 20 of new ones.",
        "training: loss 2.5e-3, 10 misses (0.14%); test: loss 1.8e-2, 102 misses (5.0%)",
    ),
    Claim(
        "shared-weights",
        "Results",
        "Fully connected networks read new digits much worse than one that shares weights.",
        "with 40 hidden units and 10,690 connections: 1.6% training errors, 8.1% test errors, "
        "19.4% rejected for 1% of errors on the rest; with shared weights 0.14%, 5.0%, 12.1%",
    ),
    Claim("fewer-planes", "Results", "Networks with fewer feature maps are worse.", None),
    Claim(
        "rejection",
        "Results",
        "A network can leave out the digits that it is unsure of and be right on the rest; the "
        "threshold was chosen on the test digits.",
        "12.1% of the test digits rejected for 1% of errors on the rest",
    ),
    Claim(
        "second-order",
        "Experimental Environment",
        "The second-order method does not learn much faster, but converges reliably without much "
        "adjustment of its parameters.",
        None,
    ),
    Claim(
        "constant-order",
        "Experimental Environment",
        "The same order of the digits in every pass will do; the paper tries no other.",
        None,
    ),
    Claim(
        "targets",
        "Experimental Environment",
        "Targets within the quasi-linear range of the squashing function keep the weights from "
        "growing and the outputs from saturating.",
        None,
    ),
    Claim(
        "half",
        "Experimental Environment",
        "The losses are mean squared errors; read here: with a factor 1/2, which is not given.",
        "training 2.5e-3, test 1.8e-2",
    ),
    Claim(
        "kernels",
        "Results",
        "Some of the kernels that it learns look like spatial derivatives, or like detectors with "
        "an off centre and an on surround.",
        None,
    ),
)


@dataclass(frozen=True)
class Measured:
    """What ours came to.

    Attributes:
        ours: in words and numbers, one line.
        seeds: trainings behind it.
        interval: how sure it is, in words.
        verdict: ``holds``, ``partly``, ``does not hold`` or ``cannot tell``.
        date: of the measurement, as YYYY-MM-DD.
    """

    ours: str
    seeds: int
    interval: str
    verdict: str
    date: str


def measured_claims(path: Path = MEASURED) -> dict[str, Measured]:
    """What was measured, by the claims' names; nothing where there is no such file."""
    if not path.exists():
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    return {name: Measured(**values) for name, values in document.items()}


def claims_document(measured: dict[str, Measured]) -> dict[str, Any]:
    """Every claim and ours beside it, for JSON; null where it was not measured."""
    nothing = dict.fromkeys(Measured.__dataclass_fields__)
    return {
        "claims": [
            {
                **asdict(claim),
                **(asdict(measured[claim.name]) if claim.name in measured else nothing),
                "command": claim.command,
            }
            for claim in CLAIMS
        ]
    }
