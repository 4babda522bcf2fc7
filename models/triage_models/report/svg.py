"""A minimal SVG plot: axes, and marks placed in the units of the data."""

from collections.abc import Iterable, Sequence
from html import escape

SIZE = (460, 320)
LEFT, RIGHT, TOP, BOTTOM = 58, 22, 14, 46


class Plot:
    """A chart whose axes run from 0 to a largest x and y; the page's style sheet colours marks by their class.

    Args:
        title: what a screen reader calls the picture.
        description: what the picture shows, for readers who cannot see it.
        labels: names of the x and the y axis.
        limits: largest x and y.
        size: width and height in pixels.
    """

    def __init__(
        self,
        title: str,
        description: str,
        labels: tuple[str, str],
        limits: tuple[float, float],
        size: tuple[int, int] = SIZE,
    ) -> None:
        self._title = title
        self._description = description
        self._labels = labels
        self._limits = limits
        self._width, self._height = size
        self._marks: list[str] = []

    def x(self, value: float) -> float:
        """Return the position of an x value, in pixels from the left."""
        return LEFT + (self._width - LEFT - RIGHT) * value / self._limits[0]

    def y(self, value: float) -> float:
        """Return the position of a y value, in pixels from the top."""
        return self._height - BOTTOM - (self._height - BOTTOM - TOP) * value / self._limits[1]

    def ticks(self, horizontal: Iterable[tuple[float, str]], vertical: Iterable[tuple[float, str]]) -> None:
        """Draw the numbers of both axes, and a grid line for each vertical one; each tick is a value and its text."""
        for value, text in vertical:
            at = self.y(value)
            self._marks.append(
                f'<line class="grid" x1="{LEFT}" x2="{self._width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            self._marks.append(f'<text class="tick" text-anchor="end" x="{LEFT - 7}" y="{at + 4:.1f}">{text}</text>')
        for value, text in horizontal:
            at = self.x(value)
            below = self._height - BOTTOM + 17
            self._marks.append(f'<text class="tick" text-anchor="middle" x="{at:.1f}" y="{below}">{text}</text>')

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """Draw a line through points."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self._marks.append(f'<polyline class="line {kind}" points="{path}"/>')

    def dot(self, x: float, y: float, radius: float, kind: str, tooltip: str) -> None:
        """Draw a dot with a tooltip; the radius is in pixels."""
        self._marks.append(
            f'<circle class="dot {kind}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:.1f}">'
            f"<title>{escape(tooltip)}</title></circle>"
        )

    def bar(self, left: float, right: float, top: float, kind: str, tooltip: str) -> None:
        """Draw a bar that stands on the x axis, one pixel apart from the next, with a tooltip."""
        x, y = self.x(left) + 0.5, self.y(top)
        width, height = self.x(right) - x - 0.5, self.y(0) - y
        self._marks.append(
            f'<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
            f"<title>{escape(tooltip)}</title></rect>"
        )

    def note(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start", shift: float = 0) -> None:
        """Write a text above a point, shifted to the right by ``shift`` pixels."""
        self._marks.append(
            f'<text class="note {kind}" text-anchor="{anchor}" x="{self.x(x) + shift:.1f}" '
            f'y="{self.y(y) - 6:.1f}">{escape(text)}</text>'
        )

    def render(self) -> str:
        """Return the picture as an ``<svg>`` element."""
        title, description = escape(self._title), escape(self._description)
        x_label, y_label = (escape(text) for text in self._labels)
        middle, base = (LEFT + self._width - RIGHT) / 2, self._height - BOTTOM
        side = (TOP + base) / 2
        return (
            f'<svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{title}. {description}">'
            f'<line class="axis" x1="{LEFT}" x2="{self._width - RIGHT}" y1="{base}" y2="{base}"/>'
            + "".join(self._marks)
            + f'<text class="axis-name" text-anchor="middle" x="{middle:.0f}" y="{self._height - 8}">{x_label}</text>'
            '<text class="axis-name" text-anchor="middle" '
            f'transform="translate(13 {side:.0f}) rotate(-90)">{y_label}</text></svg>'
        )
