"""``triage train``: from labelled text to a bundle."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from triage_models.progress import reporting

from triage_worker.cli.interruption import interruptible
from triage_worker.config.errors import TriageError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
UNTOUCHED = "Interrupted: {} is as it was; the same command goes on from here."


@contextmanager
def lab_imported(what: str) -> Iterator[None]:
    """Within this the lab is imported, which is heavy, and an extra: where it is missing, ``what`` needs it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise TriageError(f"{what} needs {error.name}: `pip install 'triage-worker[train]'` brings it.") from None


def train(
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    output: Annotated[Path, typer.Option(help="Folder of the bundle to be made")],
    validation: Annotated[Path | None, typer.Option(help="CSV to calibrate with; unset: rows are held out")] = None,
    out_of_scope: Annotated[Path | None, typer.Option(help="CSV of messages that have no label")] = None,
    out_of_scope_label: Annotated[str | None, typer.Option(help="The label of such messages within --data")] = None,
    base: Annotated[str | None, typer.Option(help="DistilBERT or BERT to start from: a folder, or a hub id")] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data; unset: by its size")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn")] = 0,
    time_budget: Annotated[
        str | None, typer.Option(help="How long it may take, such as 90s, 15m or 1h", metavar="TIME")
    ] = None,
    teachers: Annotated[int, typer.Option(min=1, help="Networks that teach the one that serves; 1: none")] = 1,
    descriptions: Annotated[Path | None, typer.Option(help="CSV with the columns label and description")] = None,
) -> None:
    """Make a bundle of labelled messages; an interrupted run goes on where it was when called again."""
    seconds = None if time_budget is None else _duration(time_budget)
    if epochs is not None and epochs <= 0:
        raise TriageError(f"--epochs {epochs:g} would learn nothing: say how many passes, or leave it out.")
    if not data.is_file():  # before torch is imported, which takes seconds
        raise TriageError(f"There is no file {data}: check the path.")
    with lab_imported("Training"):
        from triage_models.training import train as make  # noqa: PLC0415 (torch is heavy, and an extra)

    console = Console(stderr=True, highlight=False)
    with interruptible(console, UNTOUCHED.format(output)), reporting(console) as report:
        made = make(
            data,
            output,
            validation=validation,
            out_of_scope=out_of_scope,
            out_of_scope_label=out_of_scope_label,
            base=base,
            epochs=epochs,
            seed=seed,
            time_budget=seconds,
            teachers=teachers,
            descriptions=descriptions,
            report=report,
        )
    typer.echo(f"{made} is ready: `triage bundle inspect {made}` shows what it promises.")


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise TriageError(f"--time-budget {text} is no time: write it like 90s, 15m or 1h.")
    return float(match[1]) * _SECONDS[match[2]]
