"""Writes the label curve as tables: in the terminal, and into marked blocks of the documentation."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.table import Table

from triage_models.benchmarks.label_curve_outcomes import GOAL_COVERAGE, GOAL_RIGHT, Baseline
from triage_models.benchmarks.label_curve_picture import draw
from triage_models.benchmarks.label_curve_results import CHANNELS, OTHERS, POSTS, SHOP, Results, first_labels
from triage_models.benchmarks.label_curve_runs import Point, Way
from triage_models.errors import DataError

FIGURES, PICTURE = "label_curve.json", "label_curve.svg"
CURVE_PAGE, CHANNELS_PAGE = "calibrate.md", "evaluation.md"
BEGIN, END = "<!-- label-curve: written by `make label-curve` -->", "<!-- label-curve: end -->"

OFTEN = 0.8
"""A guarantee counts as reached if so large a share of the draws has it."""

WAYS: dict[Way, str] = {"random": "at random", "sampled": "`sample`", "all sampled": "all of `sample`"}
NAMES = {"email": "e-mail", "app_store": "app store"}
CURVE_HEAD = (
    "labels",
    "drawn",
    "guaranteed",
    "kept",
    "broken, of all draws (all messages)",
    "accepted",
    "right",
    "accepted, where guaranteed",
    "right, where guaranteed",
    "goal reached",
    "ECE",
    "more rows needed",
)
CHANNEL_HEAD = ("traffic", "at most wrong", *CURVE_HEAD[:1], *CURVE_HEAD[2:9], "without an intent accepted")
BASELINE_HEAD = (
    "traffic",
    "rows with an intent, without",
    "accepted",
    "right, all accepted (95 % interval)",
    "right, with an intent",
    "without an intent accepted",
)

Cells = list[list[str]]


def write_pages(results: Results, docs: Path) -> None:
    """Write figures and picture into a folder, and the tables between the marks of its pages.

    Raises:
        DataError: A page has no such marks.
    """
    figures = results.to_json()
    stored = Results.from_json(figures)  # its rounded figures, so that the pages can be made again of the file
    for page, text in pages(stored).items():
        replace_block(docs / page, text)
    (docs / FIGURES).write_text(figures, encoding="utf-8")
    (docs / PICTURE).write_text(draw(stored), encoding="utf-8")


def pages(results: Results) -> dict[str, str]:
    """Return the text between the marks of each page."""
    return {CURVE_PAGE: _curve_text(results), CHANNELS_PAGE: _channels_text(results)}


def replace_block(page: Path, text: str) -> None:
    """Replace what is between the marks of a page.

    Raises:
        DataError: The marks are not there.
    """
    before = page.read_text(encoding="utf-8")
    if before.count(BEGIN) != 1 or before.count(END) != 1:
        raise DataError(f"{page} does not have the lines '{BEGIN}' and '{END}' once each.")
    after = re.sub(
        f"{re.escape(BEGIN)}.*{re.escape(END)}", lambda _: f"{BEGIN}\n\n{text}\n\n{END}", before, flags=re.DOTALL
    )
    page.write_text(after, encoding="utf-8")


def result_tables(results: Results) -> list[Table]:
    """Build the tables for a terminal: the bundle as it is, and all points."""
    shown = [_table(BASELINE_HEAD, [_baseline_cells(one) for one in results.baselines])]
    head = ("traffic", "at most wrong", *CURVE_HEAD)
    rows = [[one.traffic, f"{one.max_error:.0%}", *_curve_cells(one)] for one in results.points]
    return [*shown, _table(head, rows)]


def _curve_text(results: Results) -> str:
    before = results.baseline(SHOP)
    parts = [
        f"Bundle `{results.bundle}`, {results.draws} draws. As it is, it accepts {before.coverage:.3f} of the messages "
        f"with an intent, and {before.right:.3f} of what it accepts is right. The best threshold for these very rows, "
        f"chosen with all their labels, would accept {before.best_coverage:.3f} with {_percent(GOAL_RIGHT)} right.",
        _markdown(("labels needed", WAYS["random"], WAYS["sampled"]), _answers(results)),
        f"![By the number of labels: guaranteed, accepted and right]({PICTURE})",
    ]
    for limit in results.limits:
        rows = [
            _curve_cells(one)
            for one in sorted(
                (one for way in WAYS for one in results.line(SHOP, limit, way)),
                key=lambda one: (one.labels, list(WAYS).index(one.way)),
            )
        ]
        parts += [f"At most {_percent(limit)} wrong:", _markdown(CURVE_HEAD, rows)]
    return "\n\n".join(parts)


def _answers(results: Results) -> Cells:
    """Say from how many labels on something is reached, for each limit and way."""
    before = results.baseline(SHOP)
    goal = f"{_percent(GOAL_RIGHT)} right at {_percent(GOAL_COVERAGE)} accepted"
    rows = [
        _answer(results, limit, f"at most {_percent(limit)} wrong is guaranteed in four of five draws", _is_sure)
        for limit in results.limits
    ]
    there = before.right >= GOAL_RIGHT and before.coverage >= GOAL_COVERAGE
    if there:
        rows.append([f"{goal}, in the mean of all draws", "none", "none"])
    else:
        rows.append(_answer(results, results.limits[0], f"{goal}, in the mean of all draws", _is_there))
    strict = results.limits[-1]
    both = f"{goal}, in the mean, and at most {_percent(strict)} wrong guaranteed in four of five"
    return [*rows, _answer(results, strict, both, _is_both)]


def _is_sure(one: Point) -> bool:
    return one.guaranteed >= OFTEN


def _is_there(one: Point) -> bool:
    return one.right >= GOAL_RIGHT and one.coverage >= GOAL_COVERAGE


def _is_both(one: Point) -> bool:
    return _is_sure(one) and _is_there(one)


def _answer(results: Results, limit: float, question: str, reached: Callable[[Point], bool]) -> list[str]:
    cells = []
    for way in ("random", "sampled"):
        line = results.line(SHOP, limit, way)
        labels = first_labels(line, reached)
        cells.append(str(labels) if labels else f"more than {line[-1].labels}" if line else "–")
    return [question, *cells]


def _channels_text(results: Results) -> str:
    rows = [
        [one.traffic, _percent(limit), *_channel_cells(one)]
        for traffic in (POSTS, OTHERS, CHANNELS)
        for limit in results.limits
        for one in results.line(traffic, limit, "random")
    ]
    return "\n\n".join(
        [
            f"Bundle `{results.bundle}` as it is, on all rows:",
            _markdown(
                (*BASELINE_HEAD, f"at most {_percent(results.limits[0])} wrong"),
                [[*_baseline_cells(one), _verdict(one, results.limits[0])] for one in results.baselines],
            ),
            f"The same bundle, calibrated to rows drawn at random, {results.draws} draws of each number:",
            _markdown(CHANNEL_HEAD, rows),
        ]
    )


def _curve_cells(one: Point) -> list[str]:
    needed = "–" if one.rows_needed is None else f"{one.rows_needed:,.0f}"
    first, *rest = _outcome_cells(one)
    return [first, WAYS[one.way], *rest, _percent(one.reached), f"{one.ece:.3f}", needed]


def _channel_cells(one: Point) -> list[str]:
    return [*_outcome_cells(one), f"{one.foreign_accepted:.3f}"]


def _outcome_cells(one: Point) -> list[str]:
    return [
        str(one.labels),
        _percent(one.guaranteed),
        "–" if one.kept is None else _percent(one.kept),
        f"{_percent(one.broken)} ({_percent(one.broken_everywhere)})",
        *(_share(share) for share in (one.coverage, one.right, one.guaranteed_coverage, one.guaranteed_right)),
    ]


def _baseline_cells(one: Baseline) -> list[str]:
    return [
        NAMES.get(one.traffic, one.traffic),
        f"{one.in_scope}, {one.foreign}",
        f"{one.coverage:.3f}",
        f"{one.right:.3f} ({one.right_low:.3f} – {one.right_high:.3f})",
        f"{one.right_in_scope:.3f}",
        f"{one.foreign_accepted} of {one.foreign}",
    ]


def _verdict(one: Baseline, limit: float) -> str:
    """Say whether a limit is kept; where the interval has it inside, the rows are too few to say so."""
    kept = one.right >= 1 - limit
    clear = one.right_low >= 1 - limit or one.right_high < 1 - limit
    return ("yes" if kept else "no") + ("" if clear else ", not clearly")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"


def _markdown(head: Sequence[str], rows: Cells) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(head: Sequence[str], rows: Cells) -> Table:
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*row)
    return table
