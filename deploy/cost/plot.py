"""Draws the costs of docs/cost.md as SVG, on two logarithmic scales. It follows a dark colour scheme.

Run `python -m deploy.cost.plot` to draw docs/cost.svg.
"""

import math
from collections.abc import Callable
from html import escape
from pathlib import Path

from triage_models.metrics.prices import GPT_4O_MINI, MACHINES
from triage_models.metrics.running_cost import (
    SHORTEST_PROMPT,
    Comparison,
    Deployment,
    SelfHosted,
    Traffic,
    compare,
    llm_dollars_per_month,
)

PLOT = Path(__file__).parents[2] / "docs" / "cost.svg"
WIDTH, HEIGHT, LEFT, TOP = 760, 400, 100, 150
MESSAGES, DOLLARS = (4, 9), (1, 7)
"""The powers of ten at the ends of the scales: messages a day, and dollars a month."""

STEPS = 400
COLORS = ("a", "b", "c", "d", "e")
"""Classes of the lines, in the order of `LINES`."""

STYLE = """<style>
.page { fill: #ffffff } .text { fill: #1f2328 } .small { fill: #57606a } .grid { stroke: #d0d7de }
polyline { fill: none; stroke-width: 2 } .b { stroke-dasharray: 6 4 } .c { stroke-dasharray: 2 3 }
.a { stroke: #b91c1c } .b { stroke: #b91c1c } .c { stroke: #7c3aed } .d { stroke: #1d4ed8 } .e { stroke: #15803d }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
.a { stroke: #f87171 } .b { stroke: #f87171 } .c { stroke: #c4b5fd } .d { stroke: #60a5fa } .e { stroke: #4ade80 }
}
</style>"""

MACHINE, DEPLOYMENT = MACHINES[0], Deployment()


def _llm(traffic: Traffic) -> Comparison:
    return compare(traffic, DEPLOYMENT, MACHINE, GPT_4O_MINI)


LINES: tuple[tuple[str, Callable[[Traffic], float]], ...] = (
    (f"{GPT_4O_MINI.name} for each message, asked as the fallback asks", lambda traffic: _llm(traffic).alone),
    (
        f"{GPT_4O_MINI.name} for each message, the shortest prompt",
        lambda traffic: llm_dollars_per_month(GPT_4O_MINI, traffic, SHORTEST_PROMPT),
    ),
    (
        "an 8B model of your own for each message, asked as the fallback asks",
        lambda traffic: compare(traffic, DEPLOYMENT, MACHINE, SelfHosted()).alone,
    ),
    (
        f"Triage, and {GPT_4O_MINI.name} for the {DEPLOYMENT.refused:.0%} that it refuses",
        lambda traffic: _llm(traffic).together,
    ),
    ("Triage's pods alone", lambda traffic: DEPLOYMENT.dollars_per_month(traffic, MACHINE)),
)


def draw() -> str:
    """Return the picture."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 60} {TOP + HEIGHT + 60}" role="img" '
        'aria-label="Dollars a month by messages a day" font-family="system-ui, sans-serif" font-size="13">',
        STYLE,
        '<rect class="page" width="100%" height="100%"/>',
        *_legend(),
        *_scales(),
    ]
    for color, (_, dollars) in zip(COLORS, LINES, strict=True):
        places = []
        for step in range(STEPS + 1):
            power = MESSAGES[0] + (MESSAGES[1] - MESSAGES[0]) * step / STEPS
            cost = math.log10(dollars(Traffic(10**power)))
            if DOLLARS[0] <= cost <= DOLLARS[1]:
                places.append(f"{_x(power):.1f},{_y(cost):.1f}")
        parts.append(f'<polyline class="{color}" points="{" ".join(places)}"/>')
    return "\n".join([*parts, "</svg>", ""])


def _x(power: float) -> float:
    return LEFT + WIDTH * (power - MESSAGES[0]) / (MESSAGES[1] - MESSAGES[0])


def _y(power: float) -> float:
    return TOP + HEIGHT * (DOLLARS[1] - power) / (DOLLARS[1] - DOLLARS[0])


def _legend() -> list[str]:
    parts = []
    for number, (color, (name, _)) in enumerate(zip(COLORS, LINES, strict=True)):
        y = 22 + 22 * number
        parts.append(f'<polyline class="{color}" points="{LEFT},{y} {LEFT + 34},{y}"/>')
        parts.append(f'<text class="text" x="{LEFT + 44}" y="{y + 4}">{escape(name)}</text>')
    return parts


def _scales() -> list[str]:
    bottom, right = TOP + HEIGHT, LEFT + WIDTH
    parts = [f'<text class="small" x="{LEFT - 8}" y="{TOP - 14}" text-anchor="end">$ a month</text>']
    for power in range(MESSAGES[0], MESSAGES[1] + 1):
        x = _x(power)
        parts.append(f'<line class="grid" x1="{x:.0f}" y1="{TOP}" x2="{x:.0f}" y2="{bottom}"/>')
        parts.append(f'<text class="small" x="{x:.0f}" y="{bottom + 20}" text-anchor="middle">{10**power:,}</text>')
    for power in range(DOLLARS[0], DOLLARS[1] + 1):
        y = _y(power)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.0f}" x2="{right}" y2="{y:.0f}"/>')
        parts.append(f'<text class="small" x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    parts.append(
        f'<text class="small" x="{(LEFT + right) / 2:.0f}" y="{bottom + 44}" text-anchor="middle">messages a day</text>'
    )
    return parts


if __name__ == "__main__":
    PLOT.write_text(draw(), encoding="utf-8")
