"""Draws the audit's simulation as SVG: answers until a drift is noticed, and wrong events in an hour with it."""

from collections.abc import Sequence
from html import escape

from triage_models.benchmarks.audit_runs import Notice, Protection

LEFT, TOP, WIDTH, GAP, ROW = 215, 74, 330, 70, 46
MAX_ANSWERS, GOAL = 500, 40
WIDE = 2 * WIDTH + LEFT + GAP + 90
COLORS = {False: "people", True: "reader"}
NAMES = {"fixed": "fixed threshold", "people": "audited by people", "reader": "LLM reads, people check"}

STYLE = """<style>
.page { fill: #ffffff } .text { fill: #1f2328 } .small { fill: #57606a } .grid { stroke: #d0d7de }
.goal { stroke: #57606a; stroke-dasharray: 4 3 }
.fixed { fill: #8c959f } .people { fill: #c2410c } .reader { fill: #1d4ed8 }
line.people { stroke: #c2410c; stroke-width: 2 } line.reader { stroke: #1d4ed8; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #3d444d }
.goal { stroke: #9198a1 }
.fixed { fill: #6e7681 } .people { fill: #fb923c } .reader { fill: #60a5fa }
line.people { stroke: #fb923c } line.reader { stroke: #60a5fa }
}
</style>"""


def draw(notices: Sequence[Notice], protections: Sequence[Protection]) -> str:
    """Return two panels side by side, with a row for each drift of the first shop."""
    shop = notices[0].setting.shop
    own = [one for one in notices if one.setting.shop == shop and one.drift != "a sale"]
    readers = [one.setting.reader for one in protections]
    own = [one for one in own if one.setting.reader in readers]
    drifts = list(dict.fromkeys(one.drift for one in own))
    height = TOP + ROW * len(drifts) + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {height}" role="img" '
        'aria-label="Answers until a drift is noticed, and wrong events with and without control" '
        'font-family="system-ui, sans-serif" font-size="12">',
        STYLE,
        '<rect class="page" width="100%" height="100%"/>',
        *_legend(),
        *_answers_axis(height),
    ]
    for number, drift in enumerate(drifts):
        y = TOP + ROW * number
        parts.append(f'<text class="text" x="{LEFT - 14}" y="{y + 27}" text-anchor="end">{escape(drift)}</text>')
        for one in (one for one in own if one.drift == drift):
            parts += _range(one, y)
    largest = max((one.wrong_fixed for one in protections), default=1.0)
    for number, drift in enumerate(drifts):
        parts += _bars([one for one in protections if one.drift == drift], TOP + ROW * number, largest)
    return "\n".join([*parts, "</svg>", ""])


def _legend() -> list[str]:
    parts, x = [], 20
    for kind, name in NAMES.items():
        parts.append(f'<rect class="{kind}" x="{x}" y="14" width="12" height="12"/>')
        parts.append(f'<text class="text" x="{x + 18}" y="24">{name}</text>')
        x += 50 + 7 * len(name)
    left, right = LEFT, LEFT + WIDTH + GAP
    return [
        *parts,
        f'<text class="text" x="{left}" y="{TOP - 18}" font-weight="600">'
        "answers until it is noticed: median to 90 %</text>",
        f'<text class="text" x="{right}" y="{TOP - 18}" font-weight="600">'
        "wrong events accepted in the hour, and coverage lost</text>",
    ]


def _answers_axis(height: int) -> list[str]:
    parts = []
    for value in range(0, MAX_ANSWERS + 1, 100):
        x, base = _x(value), height - 40
        parts.append(f'<line class="grid" x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 6}" y2="{base}"/>')
        parts.append(f'<text class="small" x="{x:.0f}" y="{base + 16}" text-anchor="middle">{value}</text>')
    goal = _x(GOAL)
    parts.append(f'<line class="goal" x1="{goal:.0f}" x2="{goal:.0f}" y1="{TOP - 6}" y2="{height - 40}"/>')
    parts.append(f'<text class="small" x="{goal:.0f}" y="{height - 24}" text-anchor="middle">{GOAL}</text>')
    return parts


def _range(one: Notice, y: int) -> list[str]:
    """Return a dot at the median and a line to the 90 % quantile; an open end where that was not reached."""
    color = COLORS[one.setting.reader is not None]
    at = y + (14 if one.setting.reader is None else 32)
    middle = _x(MAX_ANSWERS if one.median is None else one.median)
    end = _x(MAX_ANSWERS if one.p90 is None else one.p90)
    parts = [f'<line class="{color}" x1="{middle:.1f}" x2="{end:.1f}" y1="{at}" y2="{at}"/>']
    if one.median is not None:
        parts.append(f'<circle class="{color}" cx="{middle:.1f}" cy="{at}" r="5"/>')
    note = "not noticed" if one.median is None else f"{one.median:.0f}"
    open_end = " …" if one.p90 is None else ""
    parts.append(f'<text class="small" x="{end + 9:.1f}" y="{at + 4}">{note}{open_end}</text>')
    return parts


def _bars(protections: Sequence[Protection], y: int, largest: float) -> list[str]:
    left, longest = LEFT + WIDTH + GAP, WIDTH - 60
    rows = [("fixed", one.wrong_fixed, "") for one in protections[:1]]
    rows += [
        (COLORS[one.setting.reader is not None], one.wrong_controlled, f", {one.coverage_lost:.0%} lost")
        for one in protections
    ]
    parts = []
    for number, (color, wrong, note) in enumerate(rows):
        top, width = y + 3 + 13 * number, longest * wrong / largest
        parts.append(f'<rect class="{color}" x="{left}" y="{top}" width="{width:.1f}" height="10"/>')
        parts.append(f'<text class="small" x="{left + width + 6:.1f}" y="{top + 9}">{wrong:,.0f}{note}</text>')
    return parts


def _x(answers: float) -> float:
    return LEFT + WIDTH * min(answers, MAX_ANSWERS) / MAX_ANSWERS
