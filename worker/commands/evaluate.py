"""``triage evaluate``: how far a bundle can be trusted on labelled messages."""

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from worker.commands.options import settings_flags
from worker.settings import Settings


@settings_flags(["bundle", "device"])
def evaluate(
    settings: Settings,
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    out_of_scope_label: Annotated[
        str | None, typer.Option(help="The label of messages that have none of the bundle's; unset: the bundle's own")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for report.html and metrics.json")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Measure a bundle on labelled messages: accuracy, calibration, what it accepts and how much of that is right."""
    from models.evaluation import run  # noqa: PLC0415 (ONNX Runtime takes its time to import)

    watched = Console(stderr=True)
    with Progress(console=watched, transient=True, disable=not watched.is_terminal) as progress:
        bar = progress.add_task("classifying", total=None)
        result = run(
            data,
            settings.bundle,
            out_of_scope_label,
            output,
            device=settings.device,
            progress=lambda done, total: progress.update(bar, completed=done, total=total),
        )
    if as_json:
        typer.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2))
    else:
        _print(result)
        if output is not None:
            typer.echo(f"\n{output / 'report.html'} says it in pictures.")


def _print(result: dict[str, Any]) -> None:
    from models.evaluation.words import FIGURES, figure, figure_span  # noqa: PLC0415 (only where it is printed)

    bundle = result["bundle"]
    console = Console(highlight=False)
    console.print(f"{bundle['name']} {bundle['version']} on {result['data']}\n", soft_wrap=True)
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
