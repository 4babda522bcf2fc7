"""``triage evaluate``: measures a bundle on labelled messages, and compares it with an LLM."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from triage_models.data.file_check import check_file

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.report.evaluation import ClassifiedRows

    from triage_worker.llm_evaluation.llm_runner import RunProgress

HOURLY = ("llm_money_per_hour", "llm_calls_per_hour")
LLM = tuple(name for name in Settings.model_fields if name.startswith("llm_") and name not in HOURLY)

WIDE = 110
"""From this many columns on, the meaning of a figure is printed beside it."""

ShowProgress = Callable[[str, int, int, str], None]
"""Called with the present stage, how many of its items are done, how many there are, and a note."""


@settings_flags(["bundle", "device", "clean_email", *LLM], short={"llm_url": "--llm"})
def evaluate(
    settings: Settings,
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    out_of_scope_label: Annotated[
        str | None,
        typer.Option(help="Label of messages that have none of the bundle's labels; unset: the bundle's own"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for report.html, metrics.json and the LLM's answers")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
    rows: Annotated[
        int | None, typer.Option(min=1, help="With --llm: how many messages to ask about; unset: all")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --llm: seed of the choice of messages")] = 0,
    max_money: Annotated[
        float | None, typer.Option(min=0, help="With --llm: stop before this run spends more, and report so far")
    ] = None,
    machine_price: Annotated[
        float | None, typer.Option(min=0, help="With --llm: price of the bundle's machine per hour (default: 0.10)")
    ] = None,
    messages_per_second: Annotated[
        float | None,
        typer.Option(min=0.001, help="With --llm: the bundle's speed on that machine; unset: as measured here"),
    ] = None,
) -> None:
    """Measure a bundle on labelled messages: accuracy, calibration, what it accepts and how much of that is right.

    With --llm URL, also measures an OpenAI-compatible endpoint on the same messages, alone and behind the bundle.
    """
    ask_llm = settings.source("llm_url") == "flag"  # only a flag may spend money, not a .env file
    options = {
        "rows": rows,
        "max_money": max_money,
        "machine_price": machine_price,
        "messages_per_second": messages_per_second,
    }
    plan = {name: value for name, value in options.items() if value is not None}
    if plan and not ask_llm:
        raise TriageError(f"--{next(iter(plan)).replace('_', '-')} is about an LLM: give --llm URL, too.")
    check_file(data, read_once=True)
    result = _evaluate(settings, data, out_of_scope_label, output, plan | {"seed": seed} if ask_llm else None)
    if as_json:
        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        _print(result)
        if output is not None:
            typer.echo(f"\nThe report is {output / 'report.html'}.")
            if count := result["suspect_labels"]:
                typer.echo(f"{count:,} labels of the data look wrong: see {output / 'suspect_labels.csv'}.")


def _evaluate(
    settings: Settings, data: Path, out_of_scope_label: str | None, output: Path | None, plan: dict[str, Any] | None
) -> dict[str, Any]:
    """Run the evaluation; ``plan`` is about the LLM, and None asks none."""
    from triage_models.report import evaluate as evaluate_bundle  # noqa: PLC0415 (ONNX Runtime is slow to import)

    console = Console(stderr=True, highlight=False)
    stored = plan is not None and output is not None
    what_next = f": {output} has the answers so far. Run the same command again to continue" if stored else ""
    with interruptible(console, f"Interrupted{what_next}."), _progress_bars(console) as show:
        return evaluate_bundle(
            data,
            settings.bundle.only,
            out_of_scope_label,
            output,
            device=settings.device,
            clean_email=settings.clean_email,
            progress=lambda done, total: show("classifying", done, total, ""),
            comparison=_no_comparison if plan is None else _llm_comparison(settings, plan, output, console, show),
        )


def _no_comparison(_rows: "ClassifiedRows") -> dict[str, Any]:
    return {}


def _llm_comparison(
    settings: Settings, plan: dict[str, Any], output: Path | None, console: Console, show: ShowProgress
) -> "Callable[[ClassifiedRows], dict[str, Any]]":
    from triage_models.report.narrative import money  # noqa: PLC0415 (ONNX Runtime is slow to import)

    from triage_worker.llm_evaluation.comparison import LlmComparison, Plan  # noqa: PLC0415 (the same)

    def on_progress(progress: "RunProgress", rows: int) -> None:
        left = "" if progress.to_spend is None else f", about {money(progress.to_spend)} to go"
        show(f"asking {settings.llm_model}", progress.rows, rows, f"{money(progress.spent)} spent{left}")

    def announce(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)
        if output is None:
            console.print("Answers are not stored: give --output, and a second run does not pay for them again.")

    return LlmComparison(settings, Plan(**plan), output, announce=announce, on_progress=on_progress)


@contextmanager
def _progress_bars(console: Console) -> Iterator[ShowProgress]:
    """Show one progress bar per stage, if the console is a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def show(stage: str, done: int, total: int, note: str) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=total, note=note)
            progress.update(bars[stage], completed=done, note=note)

        yield show


def _print(result: dict[str, Any]) -> None:
    from triage_models.report.narrative import (  # noqa: PLC0415 (only where it is printed)
        METRICS,
        metric,
        metric_interval,
        metric_rows,
    )

    bundle = result["bundle"]
    console = Console(highlight=False)
    console.print(f"{bundle['name']} {bundle['version']} on {result['data']}\n", soft_wrap=True)
    for note in result["notes"]:
        console.print(note, soft_wrap=True, markup=False)
    if unknown := result["unknown_labels"]:
        names = ", ".join(list(unknown)[:8]) + (" …" if len(unknown) > 8 else "")
        found = f"{sum(unknown.values())} rows have labels that this bundle does not know, and count as wrong: {names}."
        console.print(f"{found} Is it the right bundle (--bundle)?\n", soft_wrap=True, markup=False)
    rows = [
        (
            title,
            metric(name, result[name]),
            metric_interval(name, result[f"{name}_ci"]),
            f"{metric_rows(name, result):,}",
            meaning,
        )
        for name, (title, meaning) in METRICS.items()
        if result[name] is not None
    ]
    _print_metrics(console, rows)
    if "llm" in result:
        _print_comparison(console, result["llm"])


def _print_metrics(console: Console, rows: list[tuple[str, str, str, str, str]]) -> None:
    """Print titles, values, intervals, messages and meanings; on a narrow terminal the meanings are below the table."""
    beside = console.width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metric", no_wrap=True)
    table.add_column("value", no_wrap=True, justify="right")
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("messages", no_wrap=True, justify="right")
    if beside:
        table.add_column("meaning", style="dim")
    for row in rows:
        table.add_row(*(row if beside else row[:4]))
    console.print(table)
    if not beside:
        console.print()
        for title, *_, meaning in rows:
            console.print(f"{title}: [dim]{meaning}[/]")


def _print_comparison(console: Console, compared: dict[str, Any]) -> None:
    from triage_models.report import llm_comparison  # noqa: PLC0415 (only where it is printed)

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("on the same messages", no_wrap=True)
    for name in llm_comparison.STRATEGIES.values():
        table.add_column(name, justify="right")
    for title, cells in llm_comparison.comparison_rows(compared):
        table.add_row(title, *(f"{value}\n[dim]{ends}[/]" if ends else value for value, ends in cells))
    console.print()
    console.print(table)
    console.print()
    for sentence in llm_comparison.comparison_notes(compared):
        console.print(sentence, markup=False)
