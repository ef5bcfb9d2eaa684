"""The geometry of charts: numbers become points of an SVG. Pure; what they look like is in templates and CSS."""

from collections.abc import Sequence
from typing import NamedTuple

WIDTH, HEIGHT = 720, 180
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 8, 22
STEPS = (1, 2, 2.5, 5, 10)


class Chart(NamedTuple):
    """Lines as SVG points (several where values are missing), the marks of both axes, and single points."""

    lines: list[list[str]]
    points: list[list[tuple[float, float]]]
    marks: list[tuple[float, float]]
    names: list[tuple[float, str]]


def nice(largest: float) -> float:
    """A round number not below it, for the top of the axis."""
    if largest <= 0:
        return 1
    power = 10.0
    while power > largest:
        power /= 10
    while power * 10 < largest:
        power *= 10
    return next(power * step for step in STEPS if power * step >= largest)


def line(names: Sequence[str], values: Sequence[Sequence[float | None]]) -> Chart:
    """Lines over the same buckets; a bucket without value is a gap."""
    top = nice(max((value for row in values for value in row if value is not None), default=0))
    across = (WIDTH - LEFT - RIGHT) / max(1, len(names) - 1)
    down = HEIGHT - TOP - BOTTOM

    def placed(at: int, value: float) -> tuple[float, float]:
        return round(LEFT + at * across, 1), round(TOP + down * (1 - value / top), 1)

    points = [[placed(at, value) for at, value in enumerate(row) if value is not None] for row in values]
    marks = [(round(TOP + down * (1 - part), 1), top * part) for part in (0, 0.5, 1)]
    every = max(1, -(-len(names) // 8))
    shown = [(placed(at, 0)[0], name) for at, name in enumerate(names) if at % every == 0]
    return Chart([_runs(row, placed) for row in values], points, marks, shown)


def _runs(row: Sequence[float | None], placed: object) -> list[str]:
    """The points of each stretch without a gap."""
    runs: list[list[str]] = [[]]
    for at, value in enumerate(row):
        if value is None:
            runs.append([])
        else:
            x, y = placed(at, value)  # type: ignore[operator]
            runs[-1].append(f"{x},{y}")
    return [" ".join(run) for run in runs if run]


def bars(values: Sequence[float | None]) -> list[float]:
    """How long each bar is, in percent of the longest."""
    largest = max((value for value in values if value), default=0)
    return [round(100 * (value or 0) / largest, 1) if largest else 0.0 for value in values]
