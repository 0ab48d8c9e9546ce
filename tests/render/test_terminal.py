import numpy as np
import pytest

from lecun89.analysis.scores import Score
from lecun89.render.halfblocks import WIDTH, digit_rows
from lecun89.render.lines import duration, eval_line, sparkline
from lecun89.render.thennowtable import about, large, span, years


def test_digits_fill_the_width_and_no_more() -> None:
    image = np.full((16, 16), -1, np.float32)
    image[0, 0] = image[1, 1] = image[2, 2] = image[3, 2] = 1
    lines = digit_rows([image] * 5, ["5 as 3"] * 5, 40, colour=False)
    assert len(lines) == 3 * 10
    assert max(len(line) for line in lines) <= 40
    assert lines[0].plain[:WIDTH].rstrip() == "▀▄"
    assert lines[1].plain[:WIDTH].rstrip() == "  █"
    assert lines[8].plain.split("  ")[0] == "5 as 3"


def test_colours_are_the_shades_of_the_digit() -> None:
    image = np.full((16, 16), -1, np.float32)
    image[1] = 1
    (line, *_) = digit_rows([image], [""], 10, colour=True)
    style = line.spans[0].style
    assert str(style) == "rgb(0,0,0) on rgb(255,255,255)"


def test_the_line_of_the_blog() -> None:
    line = eval_line("test", Score(2.838382e-02, 82, 2007))
    assert line == "eval: split test . loss 2.838382e-02. error 4.09%. misses: 82"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.26, "1.3 s"), (99.9, "99.9 s"), (285, "4 min 45 s"), (7800, "2 h 10 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_from_one_digit_to_2055() -> None:
    numbers = (63_660, 999_999, 1_866_496, 999_999_999, 4.42368e14, 1.14e18, 3e22)
    assert [large(number) for number in numbers] == [
        *(
            "63,660",
            "999,999",
            "1.87 million",
            "1 billion",
            "442 trillion",
            "1.14 quintillion",
            "3e+22",
        ),
    ]
    assert [about(factor) for factor in (0.2749, 1, 9.96, 2880, 237_004_526)] == [
        *("0.27", "1", "10", "2,900", "240 million"),
    ]
    assert [span(seconds) for seconds in (0.05, 1.5, 90, 250, 259_200)] == [
        *("50 ms", "1.5 s", "90 s", "4 min 10 s", "3 days"),
    ]
    assert [years(seconds) for seconds in (1.5e7, 3.15e7, 3e11)] == [
        *("0.48 years (174 days)", "1 year (365 days)", "9,500 years"),
    ]


def test_a_sparkline_falls_from_left_to_right() -> None:
    assert sparkline([8, 4, 2, 1]) == "█▆▃▁"
    assert sparkline([3, 3]) == "▁▁"
    assert sparkline([0.0, 1.0])[1] == "█"
    long = sparkline([100 - number for number in range(80)], width=24)
    assert len(long) == 24
    assert (long[0], long[-1]) == ("█", "▁")
