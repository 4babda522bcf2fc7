"""The curve of what is automated and what of it is right, as the numbers of an SVG."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triage_worker.console.shared.charts import BOTTOM, LEFT, RIGHT, TOP, Bar, Tick
from triage_worker.console.shared.trust_figures import Point

WIDTH, HEIGHT = 720, 260
COLUMNS = 40
"""Bars of the distribution of confidences."""

BARS_HEIGHT = 140


@dataclass(frozen=True)
class Dot:
    """A place in the chart."""

    x: float
    y: float


@dataclass(frozen=True)
class CurveChart:
    """The chart: coverage to the right, the share that is right upwards.

    Attributes:
        line: the estimate, as the points of a polyline.
        band: what is sure, as the points of a polygon.
        dots: one for each point of the curve; None where nothing is known.
        rows: labels at the left.
        columns: labels at the bottom.
    """

    line: str
    band: str
    dots: Sequence[Dot | None]
    rows: Sequence[Tick]
    columns: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    base: int = HEIGHT - BOTTOM


def curve_chart(points: Sequence[Point]) -> CurveChart:
    """Lay out a curve, whose points have rising thresholds."""
    known = [point for point in points if point.right.share is not None and point.automated > 0.0]
    floor = _floor(min((point.right.share or 0.0 for point in known), default=0.9))
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - BOTTOM - TOP

    def x(automated: float) -> float:
        return round(LEFT + automated * width, 1)

    def y(right: float) -> float:
        return round(TOP + (1.0 - max(right, floor)) / (1.0 - floor) * height, 1)

    upper = [(x(point.automated), y(point.right.most)) for point in known]
    lower = [(x(point.automated), y(point.right.least)) for point in reversed(known)]
    return CurveChart(
        _joined([(x(point.automated), y(point.right.share or 0.0)) for point in known]),
        _joined([*upper, *lower]),
        [
            None if point.right.share is None or not point.automated else Dot(x(point.automated), y(point.right.share))
            for point in points
        ],
        [
            Tick(y(floor + (1.0 - floor) * part), f"{100 * (floor + (1.0 - floor) * part):.0f} %")
            for part in (0, 0.5, 1)
        ],
        [Tick(x(share), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)],
    )


def confidence_bars(kinds: Sequence[tuple[str, Sequence[int]]]) -> tuple[list[Bar], list[Tick]]:
    """Lay out the distribution of confidences.

    Args:
        kinds: the class of each kind of message with its counts by step, from the bottom to the top.

    Returns:
        The bars, and labels at the bottom.
    """
    steps = len(kinds[0][1]) - 1
    size = steps // COLUMNS
    columns = [
        [(kind, sum(counts[number * size : (number + 1) * size + (number == COLUMNS - 1)])) for kind, counts in kinds]
        for number in range(COLUMNS)
    ]
    top = max((sum(count for _, count in column) for column in columns), default=0) or 1
    width, height = (WIDTH - LEFT - RIGHT) / COLUMNS, BARS_HEIGHT - BOTTOM - TOP
    bars = []
    for number, column in enumerate(columns):
        y = float(BARS_HEIGHT - BOTTOM)
        for kind, count in column:
            own = count / top * height
            y -= own
            if count:
                bars.append(
                    Bar(round(LEFT + number * width, 1), round(y, 1), round(width * 0.85, 1), round(own, 1), kind)
                )
    return bars, [Tick(confidence_x(share), f"{100 * share:.0f} %") for share in (0.0, 0.25, 0.5, 0.75, 1.0)]


def confidence_x(confidence: float) -> float:
    """Return where a confidence is in the distribution."""
    return round(LEFT + confidence * (WIDTH - LEFT - RIGHT), 1)


def _floor(lowest: float) -> float:
    """Return where the axis begins: a round share below the lowest, and not above 90 %."""
    return max(0.0, min(0.9, math.floor((lowest - 0.02) * 10) / 10))


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x},{y}" for x, y in places)
