"""Digits in their lines, which may slant."""

import itertools

import numpy as np

from lecun89.reading.parts import Box


def in_lines(boxes: list[Box], tall: float) -> list[list[int]]:
    """Places of the boxes, line by line from the top, each from left to right.

    Args:
        boxes: of digits.
        tall: usual height of a digit.
    """
    middles = [((left + right) / 2, (top + bottom) / 2) for left, top, right, bottom in boxes]
    slope = 0.0
    for _ in range(2):
        level = [(x, y - slope * x) for x, y in middles]
        lines = _chained(level, tall)
        steps = [
            (middles[b][1] - middles[a][1]) / (middles[b][0] - middles[a][0])
            for line in lines
            for a, b in itertools.pairwise(line)
            if middles[b][0] - middles[a][0] > tall / 4
        ]
        slope = float(np.median(steps)) if len(steps) >= 2 else 0.0
    return sorted(lines, key=lambda line: float(np.mean([level[place][1] for place in line])))


def _chained(middles: list[tuple[float, float]], tall: float) -> list[list[int]]:
    """From left to right, each to the line whose last digits are nearest in height."""
    lines: list[list[int]] = []
    for place in sorted(range(len(middles)), key=lambda at: middles[at][0]):
        far = [abs(_last(line, middles) - middles[place][1]) for line in lines]
        if far and min(far) < 0.65 * tall:
            lines[far.index(min(far))].append(place)
        else:
            lines.append([place])
    return lines


def _last(line: list[int], middles: list[tuple[float, float]]) -> float:
    """Height of a line's end."""
    end = [middles[place][1] for place in line[-2:]]
    return sum(end) / len(end)
