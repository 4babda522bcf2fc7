"""``triage evaluate``: how far a bundle can be trusted on labelled messages, by itself and beside an LLM."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.report.evaluation import Measured

    from triage_worker.llm_evaluation.llm_runner import RunProgress

HOURLY = ("llm_money_per_hour", "llm_calls_per_hour")
LLM = tuple(name for name in Settings.model_fields if name.startswith("llm_") and name not in HOURLY)

Show = Callable[[str, int, int, str], None]
"""Shows what is going on, how much of it is done, of how much, and what else there is to say of it."""


@settings_flags(["bundle", "device", *LLM], short={"llm_url": "--llm"})
def evaluate(
    settings: Settings,
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    out_of_scope_label: Annotated[
        str | None, typer.Option(help="The label of messages that have none of the bundle's; unset: the bundle's own")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder for report.html and metrics.json, and an LLM's answers")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
    rows: Annotated[
        int | None, typer.Option(min=1, help="With --llm: ask about so many messages; unset: about all")
    ] = None,
    seed: Annotated[int, typer.Option(help="With --llm: of the draw of messages")] = 0,
    max_money: Annotated[
        float | None, typer.Option(min=0, help="With --llm: stop before this run spends more, and report so far")
    ] = None,
    machine_price: Annotated[
        float | None, typer.Option(min=0, help="With --llm: the bundle's machine, an hour (default: 0.10)")
    ] = None,
    messages_per_second: Annotated[
        float | None, typer.Option(min=0.001, help="With --llm: the bundle's speed there; unset: as measured here")
    ] = None,
) -> None:
    """Measure a bundle on labelled messages: accuracy, calibration, what it accepts and how much of that is right.

    With --llm URL also an OpenAI-compatible endpoint on the same messages, and it as the fallback of the bundle.
    """
    asks = settings.source("llm_url") == "flag"  # money is spent by those who say so, not by a .env
    options = {
        "rows": rows,
        "max_money": max_money,
        "machine_price": machine_price,
        "messages_per_second": messages_per_second,
    }
    plan = {name: value for name, value in options.items() if value is not None}
    if plan and not asks:
        raise TriageError(f"--{next(iter(plan)).replace('_', '-')} is about an LLM: give --llm URL, too.")

    from triage_models.report import run  # noqa: PLC0415 (ONNX Runtime takes its time to import)

    console = Console(stderr=True, highlight=False)
    kept = asks and output is not None
    goes_on = f": {output} has the answers so far, and the same command goes on from there" if kept else ""
    with interruptible(console, f"Interrupted{goes_on}."), _bars(console) as show:
        beside = _beside(settings, plan | {"seed": seed}, output, console, show) if asks else _nothing
        result = run(
            data,
            settings.bundle,
            out_of_scope_label,
            output,
            device=settings.device,
            progress=lambda done, total: show("classifying", done, total, ""),
            beside=beside,
        )
    if as_json:
        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        _print(result)
        if output is not None:
            typer.echo(f"\n{output / 'report.html'} says it in pictures.")


def _nothing(_measured: "Measured") -> dict[str, Any]:
    return {}


def _beside(
    settings: Settings, plan: dict[str, Any], output: Path | None, console: Console, show: Show
) -> "Callable[[Measured], dict[str, Any]]":
    from triage_models.report.narrative import money  # noqa: PLC0415 (ONNX Runtime takes its time to import)

    from triage_worker.llm_evaluation.comparison import LlmComparison, Plan  # noqa: PLC0415 (the same)

    def progress(standing: "RunProgress", rows: int) -> None:
        left = "" if standing.to_spend is None else f", about {money(standing.to_spend)} to go"
        show(f"asking {settings.llm_model}", standing.rows, rows, f"{money(standing.spent)} spent{left}")

    def announce(sentence: str) -> None:
        console.print(sentence, soft_wrap=True)
        if output is None:
            console.print("Answers are not kept: give --output, and a second run does not pay for them again.")

    return LlmComparison(settings, Plan(**plan), output, announce=announce, on_progress=progress)


@contextmanager
def _bars(console: Console) -> Iterator[Show]:
    """A bar for each thing that goes on, where somebody looks at it."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bars: dict[str, TaskID] = {}

        def show(stage: str, done: int, of: int, note: str) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=of, note=note)
            progress.update(bars[stage], completed=done, note=note)

        yield show


def _print(result: dict[str, Any]) -> None:
    from triage_models.report.narrative import FIGURES, figure, figure_span  # noqa: PLC0415 (only where it is printed)

    bundle = result["bundle"]
    console = Console(highlight=False)
    console.print(f"{bundle['name']} {bundle['version']} on {result['data']}\n", soft_wrap=True)
    if unknown := result["unknown_labels"]:
        names = ", ".join(list(unknown)[:8]) + (" …" if len(unknown) > 8 else "")
        said = f"{sum(unknown.values())} rows have labels that this bundle does not know, and count as wrong: {names}."
        console.print(f"{said} Is it the right one (--bundle)?\n", soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("figure", no_wrap=True)
    table.add_column("value", no_wrap=True, justify="right")
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("what it is", style="dim")
    for name, (title, meaning) in FIGURES.items():
        if result[name] is not None:
            span = figure_span(name, result[f"{name}_ci"])
            table.add_row(title, figure(name, result[name]), span, meaning)
    console.print(table)
    if "llm" in result:
        _print_beside(console, result["llm"])


def _print_beside(console: Console, compared: dict[str, Any]) -> None:
    from triage_models.report import comparison as beside  # noqa: PLC0415 (only where it is printed)

    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.add_column("on the same messages", no_wrap=True)
    for name in beside.WAYS.values():
        table.add_column(name, justify="right")
    for title, cells in beside.rows(compared):
        table.add_row(title, *(f"{value}\n[dim]{ends}[/]" if ends else value for value, ends in cells))
    console.print()
    console.print(table)
    console.print()
    for sentence in beside.notes(compared):
        console.print(sentence, markup=False)
