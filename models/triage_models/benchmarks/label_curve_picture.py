"""Draws the label curve as SVG: guaranteed, accepted and right, by the number of labels."""

from collections.abc import Callable, Sequence
from html import escape

from triage_models.benchmarks.label_curve_outcomes import GOAL_COVERAGE, GOAL_RIGHT
from triage_models.benchmarks.label_curve_results import CHANNELS, SHOP, Results
from triage_models.benchmarks.label_curve_runs import Point, Way

WIDTH, HEIGHT, LEFT, TOP, GAP, ROW = 290, 180, 50, 92, 58, 284
ROWS = {SHOP: SHOP, CHANNELS: "held-out channels, all six"}
COLORS = ("first", "second")
WAYS: dict[Way, str] = {"random": "", "sampled": "sampled"}
PLAIN = "plain"
"""The line of the bundle as it is."""

STYLE = """<style>
.page { fill: #ffffff } .text { fill: #1f2328 } .small { fill: #57606a } .grid { stroke: #d0d7de }
.line { fill: none; stroke-width: 2.2 } .sampled { stroke-dasharray: 6 4 } .axis { stroke: #57606a }
.goal { stroke: #15803d; stroke-width: 1.4; stroke-dasharray: 2 3 } .goaltext { fill: #15803d }
.plain { stroke: #8c959f; stroke-width: 1.6 } .first { stroke: #1d4ed8 } .second { stroke: #c2410c }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
.axis { stroke: #9198a1 } .goal { stroke: #4ade80 } .goaltext { fill: #4ade80 }
.plain { stroke: #6e7681 } .first { stroke: #60a5fa } .second { stroke: #fb923c }
}
</style>"""


class _Panel:
    """Axes of one panel: labels to the right, shares upwards from ``lowest`` to 1."""

    def __init__(self, column: int, row: int, most: int, lowest: float) -> None:
        self.left, self.top = LEFT + column * (WIDTH + GAP), TOP + row * ROW
        self._most, self._lowest = most, lowest

    def x(self, labels: float) -> float:
        return self.left + WIDTH * labels / self._most

    def y(self, share: float) -> float:
        return self.top + HEIGHT * (1 - (share - self._lowest) / (1 - self._lowest))

    def axes(self, title: str) -> list[str]:
        """Return title, grid and numbers."""
        base, right = self.top + HEIGHT, self.left + WIDTH
        parts = [f'<text class="text" x="{self.left}" y="{self.top - 12}" font-weight="600">{escape(title)}</text>']
        for step in range(6):
            share = self._lowest + (1 - self._lowest) * step / 5
            y = self.y(share)
            parts.append(f'<line class="grid" x1="{self.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="small" x="{self.left - 6}" y="{y + 4:.1f}" text-anchor="end">{100 * share:.0f} %</text>'
            )
        for labels in range(0, self._most + 1, 100):
            x = self.x(labels)
            parts.append(f'<text class="small" x="{x:.1f}" y="{base + 17}" text-anchor="middle">{labels}</text>')
        return [*parts, f'<line class="axis" x1="{self.left}" x2="{right}" y1="{base}" y2="{base}"/>']

    def line(self, points: Sequence[tuple[float, float]], kind: str) -> str:
        """Return a line through numbers of labels and shares."""
        path = " ".join(f"{self.x(labels):.1f},{self.y(share):.1f}" for labels, share in points)
        return f'<polyline class="line {kind}" points="{path}"/>'

    def level(self, share: float, kind: str) -> str:
        """Return a line across the panel."""
        y, right = self.y(share), self.left + WIDTH
        return f'<line class="{kind}" x1="{self.left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'


def draw(results: Results) -> str:
    """Return a row of three panels for each shop that was measured; dashed lines are `triage sample`."""
    rows = [name for name in ROWS if any(one.traffic == name for one in results.points)]
    width, height = LEFT + 3 * WIDTH + 2 * GAP + 20, TOP + ROW * len(rows) - 52
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="By the number of labels: how often a limit is guaranteed, what is accepted, and how much of that '
        'is right" font-family="system-ui, sans-serif" font-size="12">',
        STYLE,
        '<rect class="page" width="100%" height="100%"/>',
        *_legend(results.limits),
    ]
    for number, name in enumerate(rows):
        parts += _row(results, name, number)
    return "\n".join([*parts, "</svg>", ""])


def _row(results: Results, name: str, number: int) -> list[str]:
    own = [one for one in results.points if one.traffic == name and one.way in WAYS]
    most = -(-max(one.labels for one in own) // 100) * 100
    before = results.baseline(name)
    lowest = min(0.9, int(20 * min([one.right for one in own] + [before.right])) / 20)
    panels = [_Panel(column, number, most, lowest if column == 2 else 0.0) for column in range(3)]
    guaranteed, accepted, right = panels
    parts = [f'<text class="text" x="{LEFT}" y="{guaranteed.top - 32}" font-size="14">{escape(ROWS[name])}</text>']
    parts += guaranteed.axes("guaranteed, of all draws")
    parts += accepted.axes("accepted, of messages with an intent")
    parts += right.axes("right, of what is accepted")
    for panel, level, goal in ((accepted, before.coverage, GOAL_COVERAGE), (right, before.right, GOAL_RIGHT)):
        parts += [panel.level(level, PLAIN), panel.level(goal, "goal")]
    shown: list[tuple[_Panel, Callable[[Point], float]]] = [
        (guaranteed, lambda one: one.guaranteed),
        (accepted, lambda one: one.coverage),
        (right, lambda one: one.right),
    ]
    for panel, share in shown:
        for limit, color in zip(results.limits, COLORS, strict=False):
            for way, dashes in WAYS.items():
                line = [(one.labels, share(one)) for one in results.line(name, limit, way)]
                parts.append(panel.line(line, f"{color} {dashes}".strip()))
    base = guaranteed.top + HEIGHT + 34
    middle = accepted.left + WIDTH / 2
    return [*parts, f'<text class="small" x="{middle:.0f}" y="{base}" text-anchor="middle">labelled messages</text>']


def _legend(limits: Sequence[float]) -> list[str]:
    goal = f"goal: {100 * GOAL_RIGHT:.0f} % right at {100 * GOAL_COVERAGE:.0f} %"
    entries = [
        *((f"line {color}", f"at most {100 * one:.0f} % wrong") for one, color in zip(limits, COLORS, strict=False)),
        ("line axis", "drawn at random"),
        ("line axis sampled", "drawn by triage sample"),
        ("plain", "not calibrated"),
        ("goal", goal),
    ]
    parts, x = [], float(LEFT)
    for kind, name in entries:
        parts.append(f'<line class="{kind}" x1="{x:.0f}" x2="{x + 28:.0f}" y1="22" y2="22"/>')
        parts.append(f'<text class="text" x="{x + 35:.0f}" y="26">{escape(name)}</text>')
        x += 48 + 6.5 * len(name)
    return parts
