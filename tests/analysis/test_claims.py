import json
from datetime import date
from pathlib import Path

from lecun89.analysis.claims import CLAIMS, Measured, claims_document, measured_claims

OURS = {
    "ours": "7.9% test errors, 5.4% with shared weights",
    "seeds": 30,
    "interval": "95% of the mean 7.7 to 8.1%",
    "verdict": "holds",
    "date": "2026-11-28",
}


def test_every_claim_was_measured() -> None:
    measured = measured_claims()
    assert set(measured) == {claim.name for claim in CLAIMS}
    for one in measured.values():
        assert one.verdict in ("holds", "partly", "does not hold", "cannot tell")
        assert one.seeds >= 10
        assert any(character.isdigit() for character in one.ours)
        assert "\n" not in one.ours + one.interval
        date.fromisoformat(one.date)


def test_what_is_not_measured_is_null() -> None:
    path = Path("claims.json")
    assert measured_claims(path) == {}
    path.write_text(json.dumps({"shared-weights": OURS}), encoding="utf-8")
    assert measured_claims(path) == {"shared-weights": Measured(**OURS)}  # type: ignore[arg-type]
    claims = {claim["name"]: claim for claim in claims_document(measured_claims(path))["claims"]}
    assert len(claims) == len(CLAIMS)
    shared, fewer = claims["shared-weights"], claims["fewer-planes"]
    assert OURS.items() <= shared.items()
    assert shared["command"] == "python benchmarks/claims.py shared-weights"
    assert "8.1% test errors" in shared["paper"]
    assert fewer.keys() == shared.keys()
    assert {fewer[key] for key in OURS} == {None}
