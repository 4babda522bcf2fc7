"""The day as an SVG: arrivals, pods, and how long the oldest message waits."""

from collections.abc import Mapping, Sequence
from html import escape

from deploy.simulation.model import DAY_S, Day

WIDTH, HEIGHT, LEFT, TOP, GAP = 880, 130, 70, 60, 46
STEP_S = 120
COLORS = ("#c2410c", "#1d4ed8", "#15803d")


def draw(arrivals: Sequence[float], days: Mapping[str, Day]) -> str:
    """Three strips under each other, hours from left to right."""
    named = list(days.items())
    strips: list[tuple[str, list[tuple[str, Sequence[float]]]]] = [
        ("messages per second", [("#57606a", arrivals)]),
        ("pods", [(color, day.pods) for color, (_, day) in zip(COLORS, named, strict=False)]),
        ("oldest message waits, s", [(color, day.waits_s) for color, (_, day) in zip(COLORS, named, strict=False)]),
    ]
    total = TOP + len(strips) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {total}" role="img" '
        'aria-label="A simulated day of autoscaling" font-family="system-ui, sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    x = LEFT
    for color, (name, _) in zip(COLORS, named, strict=False):
        parts.append(f'<rect x="{x}" y="16" width="14" height="4" fill="{color}"/>')
        parts.append(f'<text x="{x + 20}" y="23" fill="#1f2328">{escape(name)}</text>')
        x += 40 + 7 * len(name)
    for number, (title, lines) in enumerate(strips):
        parts += _strip(TOP + number * (HEIGHT + GAP), title, lines)
    return "\n".join([*parts, "</svg>", ""])


def _strip(top: int, title: str, lines: Sequence[tuple[str, Sequence[float]]]) -> list[str]:
    highest = max(max(values) for _, values in lines) or 1.0
    parts = [
        f'<text x="{LEFT}" y="{top - 8}" fill="#1f2328" font-weight="600">{escape(title)}</text>',
        f'<text x="{LEFT - 8}" y="{top + 10}" fill="#57606a" text-anchor="end">{highest:,.0f}</text>',
        f'<text x="{LEFT - 8}" y="{top + HEIGHT}" fill="#57606a" text-anchor="end">0</text>',
    ]
    for hour in range(0, 25, 6):
        x = LEFT + WIDTH * hour / 24
        parts.append(f'<line x1="{x:.0f}" y1="{top}" x2="{x:.0f}" y2="{top + HEIGHT}" stroke="#d0d7de"/>')
        parts.append(f'<text x="{x:.0f}" y="{top + HEIGHT + 16}" fill="#57606a" text-anchor="middle">{hour}:00</text>')
    for color, values in lines:
        steps = [(second, max(values[second : second + STEP_S])) for second in range(0, len(values), STEP_S)]
        places = [(LEFT + WIDTH * second / DAY_S, top + HEIGHT * (1 - value / highest)) for second, value in steps]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')
    return parts
