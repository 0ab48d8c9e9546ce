import math

import pytest

from lecun89.exceptions import UsageError
from lecun89.parsing import parse_number


@pytest.mark.parametrize("text", ["0", "-5", "+7", "007", "9" * 1000])
def test_a_whole_number_is_read(text: str) -> None:
    assert parse_number("--seed", text, int) == int(text)


@pytest.mark.parametrize("text", ["0", ".5", "5.", "-1.5e-3", "1E5", "1e400", "-inf"])
def test_a_number_is_read(text: str) -> None:
    assert parse_number("--lr", text, float) == float(text)


def test_nan_is_left_to_ranges() -> None:
    assert math.isnan(parse_number("--lr", "NaN", float))


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1\n", "1_0", "٣", "½", "0x1", "1e", "e5", ".", "--1", "9" * 10_000 + "x"],
)
@pytest.mark.parametrize("kind", [int, float])
def test_nothing_else_is(text: str, kind: type[int] | type[float]) -> None:
    with pytest.raises(UsageError, match="--flag '.*' is not a (whole )?number"):
        parse_number("--flag", text, kind)
