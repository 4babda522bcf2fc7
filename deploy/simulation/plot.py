"""Draws a simulated day as SVG: arrivals, pods, and the wait of the oldest message. It follows a dark colour scheme."""

from collections.abc import Mapping, Sequence
from html import escape

from deploy.simulation.model import DAY_S, Day

WIDTH, HEIGHT, LEFT, TOP, GAP = 880, 130, 70, 60, 46
STEP_S = 120
COLORS = ("a", "b", "c")
"""Classes of the lines, one for each policy."""

STYLE = """<style>
.page { fill: #ffffff } .text { fill: #1f2328 } .small { fill: #57606a } .grid { stroke: #d0d7de }
rect.a { fill: #c2410c } rect.b { fill: #1d4ed8 } rect.c { fill: #15803d }
polyline { fill: none; stroke-width: 1.5 }
.arrivals { stroke: #57606a } .a { stroke: #c2410c } .b { stroke: #1d4ed8 } .c { stroke: #15803d } rect { stroke: none }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
rect.a { fill: #fb923c } rect.b { fill: #60a5fa } rect.c { fill: #4ade80 }
.arrivals { stroke: #9198a1 } .a { stroke: #fb923c } .b { stroke: #60a5fa } .c { stroke: #4ade80 }
}
</style>"""


def draw(arrivals: Sequence[float], days: Mapping[str, Day]) -> str:
    """Return three strips below each other, with hours from left to right."""
    named = list(days.items())
    strips: list[tuple[str, list[tuple[str, Sequence[float]]]]] = [
        ("messages per second", [("arrivals", arrivals)]),
        ("pods", [(color, day.pods) for color, (_, day) in zip(COLORS, named, strict=False)]),
        ("oldest message waits, s", [(color, day.waits_s) for color, (_, day) in zip(COLORS, named, strict=False)]),
    ]
    total = TOP + len(strips) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {total}" role="img" '
        'aria-label="A simulated day of autoscaling" font-family="system-ui, sans-serif" font-size="12">',
        STYLE,
        '<rect class="page" width="100%" height="100%"/>',
    ]
    x = LEFT
    for color, (name, _) in zip(COLORS, named, strict=False):
        parts.append(f'<rect class="{color}" x="{x}" y="16" width="14" height="4"/>')
        parts.append(f'<text class="text" x="{x + 20}" y="23">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    for number, (title, lines) in enumerate(strips):
        parts += _strip(TOP + number * (HEIGHT + GAP), title, lines)
    return "\n".join([*parts, "</svg>", ""])


def _strip(top: int, title: str, lines: Sequence[tuple[str, Sequence[float]]]) -> list[str]:
    highest = max(max(values) for _, values in lines) or 1.0
    parts = [
        f'<text class="text" x="{LEFT}" y="{top - 8}" font-weight="600">{escape(title)}</text>',
        f'<text class="small" x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{highest:,.0f}</text>',
        f'<text class="small" x="{LEFT - 8}" y="{top + HEIGHT}" text-anchor="end">0</text>',
    ]
    for hour in range(0, 25, 6):
        x = LEFT + WIDTH * hour / 24
        parts.append(f'<line class="grid" x1="{x:.0f}" y1="{top}" x2="{x:.0f}" y2="{top + HEIGHT}"/>')
        parts.append(f'<text class="small" x="{x:.0f}" y="{top + HEIGHT + 16}" text-anchor="middle">{hour}:00</text>')
    for color, values in lines:
        steps = [(second, max(values[second : second + STEP_S])) for second in range(0, len(values), STEP_S)]
        places = [(LEFT + WIDTH * second / DAY_S, top + HEIGHT * (1 - value / highest)) for second, value in steps]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline class="{color}" points="{points}"/>')
    return parts
