"""Charts as the numbers of an SVG: no styles in them, only places and classes."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, BOTTOM, TOP = 44, 18, 22, 8


@dataclass(frozen=True)
class Bar:
    """A rectangle, with its class."""

    x: float
    y: float
    width: float
    height: float
    kind: str


@dataclass(frozen=True)
class Tick:
    """A label at an axis; ``at`` is its y, or its x."""

    at: float
    text: str


@dataclass(frozen=True)
class StackedBars:
    """A chart of stacked bars: one stack for each column."""

    bars: Sequence[Bar]
    rows: Sequence[Tick]
    columns: Sequence[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


def stacked(columns: Sequence[Sequence[tuple[str, int]]], labels: Sequence[str], every: int = 10) -> StackedBars:
    """Lay out stacked bars.

    Args:
        columns: the class and the value of each part, from the bottom to the top.
        labels: of the columns; every so many is shown.
        every: shows each so many'th label, counted from the last.
    """
    top = _round_up(max((sum(value for _, value in column) for column in columns), default=0))
    step = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    scale = (HEIGHT - BOTTOM - TOP) / top
    bars = []
    for number, column in enumerate(columns):
        y = float(HEIGHT - BOTTOM)
        for kind, value in column:
            height = value * scale
            y -= height
            if value:
                bars.append(
                    Bar(round(LEFT + number * step, 1), round(y, 1), round(step * 0.85, 1), round(height, 1), kind)
                )
    rows = [Tick(round(HEIGHT - BOTTOM - top * share * scale, 1), f"{top * share:,.0f}") for share in (0, 0.5, 1)]
    last = len(labels) - 1
    shown = [
        Tick(round(LEFT + number * step + step / 2, 1), label)
        for number, label in enumerate(labels)
        if (last - number) % every == 0
    ]
    return StackedBars(bars, rows, shown)


def _round_up(value: int) -> int:
    """Return a round number that is not smaller, and whose half is whole."""
    size = 1
    while True:
        for factor in (2, 4, 6, 8, 10, 12, 16):
            if factor * size >= value:
                return factor * size
        size *= 10
