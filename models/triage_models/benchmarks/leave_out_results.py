"""The results of leaving out kinds of shop: their mean, a table, and a JSON file."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table

HEADS = {
    "accuracy": "right",
    "aurc": "AURC",
    "selective_accuracy_at_80": "right at 80 %",
    "coverage": "accepted",
    "selective_accuracy": "of that right",
    "false_acceptance_rate": "out of scope accepted",
    "oos_auroc": "AUROC",
}
"""The metrics of `triage_models.metrics.compute` that are shown, and how the table heads their columns."""

METRICS = tuple(HEADS)
WITH_INTERVAL = ("accuracy", "aurc")
"""The metrics whose interval the table has room for; the file has all."""


@dataclass(frozen=True)
class Result:
    """An evaluation on a data set.

    Attributes:
        title: names the data set.
        figures: what `triage_models.report.evaluation.evaluate` returned.
        left_out: whether the data set counts in the mean: a kind of shop that was left out, or a language.
    """

    title: str
    figures: dict[str, Any]
    left_out: bool


def mean_of_kinds(results: Sequence[Result]) -> dict[str, float | None]:
    """Return the mean of each metric over the kinds of shop, each counting alike; None where one is undefined."""
    kinds = [result.figures for result in results if result.left_out]
    values = {name: [figures[name] for figures in kinds] for name in METRICS}
    return {name: None if None in found else fmean(found) for name, found in values.items()}


def result_table(results: Sequence[Result], kinds_name: str = "kinds") -> Table:
    """Build a table with a line per data set, the mean of what was left out after it, and a column per metric."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("measured on", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    for name, head in HEADS.items():
        table.add_column(head, justify="right", no_wrap=name in WITH_INTERVAL)
    kinds = [result for result in results if result.left_out]
    for result in kinds:
        table.add_row(*_line(result))
    mean = mean_of_kinds(results)
    if len(kinds) > 1:
        rows = sum(result.figures["rows"] for result in kinds)
        table.add_row(
            f"mean of the {len(kinds)} {kinds_name}", f"{rows:,}", *(_cell(name, mean[name]) for name in METRICS)
        )
    for result in results:
        if not result.left_out:
            table.add_row(*_line(result))
    return table


def write_results(path: Path, name: str, results: Sequence[Result], *, seed: int | None = None) -> Path:
    """Write the results as JSON: each data set with all metrics that are shown, their intervals, and the mean.

    Args:
        path: the file; its folder is created if needed.
        name: names the run.
        results: what was measured.
        seed: that of the training; None if nothing was trained.

    Returns:
        ``path``.
    """
    measured = [
        {
            "measured_on": result.title,
            "left_out": result.left_out,
            **{key: result.figures[key] for key in ("rows", "in_scope_rows", "out_of_scope_rows")},
            **{key: result.figures[key] for name in METRICS for key in (name, f"{name}_ci")},
        }
        for result in results
    ]
    content = {"run": name, "seed": seed, "mean_of_kinds": mean_of_kinds(results), "results": measured}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _line(result: Result) -> list[str]:
    figures = result.figures
    cells = (_cell(name, figures[name], figures[f"{name}_ci"] if name in WITH_INTERVAL else None) for name in METRICS)
    return [result.title, f"{figures['rows']:,}", *cells]


def _cell(name: str, value: float | None, interval: Sequence[float] | None = None) -> str:
    """Format a value with its interval, if there is one; AURC, which is small, has one more digit."""
    if value is None:
        return "–"
    digits = 4 if name == "aurc" else 3
    shown = f"{value:.{digits}f}"
    if interval is None:
        return shown
    return f"{shown} ({interval[0]:.{digits}f} – {interval[1]:.{digits}f})"
