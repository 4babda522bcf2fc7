"""Just enough SVG for a report: a plot area with axes, and marks placed in the data's own units."""

from collections.abc import Iterable, Sequence
from html import escape

SIZE = (460, 320)
LEFT, RIGHT, TOP, BOTTOM = 58, 22, 14, 46


class Plot:
    """A chart whose axes run from 0 to ``x_max`` and ``y_max``; colours come from the page's style by class.

    Args:
        title: what a screen reader says the picture is.
        description: what it shows, in words, for those who cannot see it.
        labels: names of the x and the y axis.
        tops: largest x and y.
        size: width and height in the picture's own units, which are pixels where it has the room.
    """

    def __init__(
        self,
        title: str,
        description: str,
        labels: tuple[str, str],
        tops: tuple[float, float],
        size: tuple[int, int] = SIZE,
    ) -> None:
        self._head = (title, description)
        self._labels = labels
        self._tops = tops
        self._width, self._height = size
        self._marks: list[str] = []

    def x(self, value: float) -> float:
        """Where a value stands on the picture, from its left."""
        return LEFT + (self._width - LEFT - RIGHT) * value / self._tops[0]

    def y(self, value: float) -> float:
        """Where a value stands on the picture, from its top."""
        return self._height - BOTTOM - (self._height - BOTTOM - TOP) * value / self._tops[1]

    def ticks(self, across: Iterable[tuple[float, str]], up: Iterable[tuple[float, str]]) -> None:
        """Grid lines with their numbers."""
        for value, text in up:
            at = self.y(value)
            self._marks.append(
                f'<line class="grid" x1="{LEFT}" x2="{self._width - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            )
            self._marks.append(f'<text class="tick" text-anchor="end" x="{LEFT - 7}" y="{at + 4:.1f}">{text}</text>')
        for value, text in across:
            at = self.x(value)
            below = self._height - BOTTOM + 17
            self._marks.append(f'<text class="tick" text-anchor="middle" x="{at:.1f}" y="{below}">{text}</text>')

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """A line through points."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self._marks.append(f'<polyline class="line {kind}" points="{path}"/>')

    def dot(self, x: float, y: float, radius: float, kind: str, tip: str) -> None:
        """A dot that says ``tip`` when pointed at."""
        self._marks.append(
            f'<circle class="dot {kind}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:.1f}">'
            f"<title>{escape(tip)}</title></circle>"
        )

    def bar(self, left: float, right: float, top: float, kind: str, tip: str) -> None:
        """A bar from the x axis up, with a hair's breadth of room to the next."""
        x, y = self.x(left) + 0.5, self.y(top)
        width, height = self.x(right) - x - 0.5, self.y(0) - y
        self._marks.append(
            f'<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
            f"<title>{escape(tip)}</title></rect>"
        )

    def note(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start", shift: float = 0) -> None:
        """A word at a place."""
        self._marks.append(
            f'<text class="note {kind}" text-anchor="{anchor}" x="{self.x(x) + shift:.1f}" '
            f'y="{self.y(y) - 6:.1f}">{escape(text)}</text>'
        )

    def render(self) -> str:
        """The whole picture."""
        title, description = (escape(text) for text in self._head)
        across, up = (escape(text) for text in self._labels)
        middle, base = (LEFT + self._width - RIGHT) / 2, self._height - BOTTOM
        side = (TOP + base) / 2
        return (
            f'<svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{title}. {description}">'
            f'<line class="axis" x1="{LEFT}" x2="{self._width - RIGHT}" y1="{base}" y2="{base}"/>'
            + "".join(self._marks)
            + f'<text class="axis-name" text-anchor="middle" x="{middle:.0f}" y="{self._height - 8}">{across}</text>'
            f'<text class="axis-name" text-anchor="middle" transform="translate(13 {side:.0f}) rotate(-90)">{up}</text>'
            "</svg>"
        )
