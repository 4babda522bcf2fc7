"""``triage train``: trains a bundle on labelled messages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from triage_models.data.file_check import check_file
from triage_models.labelling.suspects import FILE as SUSPECTS
from triage_models.progress import progress_display
from triage_models.text.language_codes import LANGUAGE_CODES

from triage_worker.cli.interruption import interruptible
from triage_worker.config.errors import TriageError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
INTERRUPTED = "Interrupted: {} is unchanged. Run the same command again to continue."


@contextmanager
def training_imports(purpose: str) -> Iterator[None]:
    """Within the context, packages of the [train] extra are imported.

    Args:
        purpose: what needs them, for the error.

    Raises:
        TriageError: a package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise TriageError(
            f"{purpose} needs {error.name}: install Triage with its [train] extra, in a clone by "
            "`pip install '.[train]'`."
        ) from None


def train(
    data: Annotated[Path, typer.Option(help="CSV with the columns text and label")],
    output: Annotated[Path, typer.Option(help="Folder of the new bundle")],
    validation: Annotated[
        Path | None, typer.Option(help="CSV for calibration; unset: part of --data is held out")
    ] = None,
    out_of_scope: Annotated[Path | None, typer.Option(help="CSV of messages that have none of the labels")] = None,
    out_of_scope_label: Annotated[str | None, typer.Option(help="Label of such messages within --data")] = None,
    generated: Annotated[
        Path | None, typer.Option(help="CSV of rows that no customer wrote (templates, an LLM); only trained on")
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="DistilBERT, BERT, RoBERTa or XLM-R to start from: a folder or a hub id")
    ] = None,
    epochs: Annotated[float | None, typer.Option(help="Passes over the data; unset: chosen by its size")] = None,
    seed: Annotated[int, typer.Option(help="Random seed")] = 0,
    time_budget: Annotated[
        str | None, typer.Option(help="Longest time, such as 90s, 15m or 1h", metavar="TIME")
    ] = None,
    teachers: Annotated[int, typer.Option(min=1, help="Teacher networks for distillation; 1: none")] = 1,
    early_exit: Annotated[
        bool, typer.Option("--early-exit", help="Let texts leave the network where an early layer is sure of them")
    ] = False,
    descriptions: Annotated[Path | None, typer.Option(help="CSV with the columns label and description")] = None,
    max_error: Annotated[float, typer.Option(help="Largest share of accepted messages that may be wrong")] = 0.05,
    suggest_max_error: Annotated[
        float, typer.Option(help="The same, down to the confidence from which refused messages are suggestions")
    ] = 0.2,
    languages: Annotated[
        str | None,
        typer.Option(help="Languages of the data, such as en,es: messages in others are refused", metavar="CODES"),
    ] = None,
) -> None:
    """Train a bundle on labelled messages. An interrupted run continues when the command is run again."""
    seconds, codes = None if time_budget is None else _duration(time_budget), _codes(languages)
    if epochs is not None and epochs <= 0:
        raise TriageError(
            f"--epochs {epochs:g} would learn nothing: give a positive number of passes, or leave it out."
        )
    for file in (
        data,
        validation,
        out_of_scope,
        generated,
        descriptions,
    ):  # before torch is imported, which takes seconds
        if file is not None:
            check_file(file)
    with training_imports("Training"):
        from triage_models.training import train as run_training  # noqa: PLC0415 (torch is heavy, and an extra)

    console = Console(stderr=True, highlight=False)
    with interruptible(console, INTERRUPTED.format(output)), progress_display(console) as progress:
        bundle = run_training(
            data,
            output,
            validation=validation,
            out_of_scope=out_of_scope,
            out_of_scope_label=out_of_scope_label,
            generated=generated,
            base=base,
            epochs=epochs,
            seed=seed,
            time_budget=seconds,
            teachers=teachers,
            early_exit=early_exit,
            descriptions=descriptions,
            max_error=max_error,
            suggest_max_error=suggest_max_error,
            languages=codes,
            suspects=output.with_name(f"{output.name}.{SUSPECTS}"),  # not in the bundle, which goes to servers
            progress=progress,
        )
    typer.echo(f"{bundle} is ready: `triage bundle inspect {bundle}` prints its guarantee and metrics.")


def _codes(text: str | None) -> list[str]:
    codes = [] if text is None else [code.strip().lower() for code in text.split(",")]
    wrong = next((code for code in codes if code not in LANGUAGE_CODES), None)
    if wrong is not None:
        raise TriageError(f"--languages has '{wrong}', which is no language: write ISO 639-1 codes, such as en,es,pt.")
    return sorted(set(codes))


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None or float(match[1]) == 0:
        raise TriageError(f"--time-budget {text} is not a time: write it like 90s, 15m or 1h.")
    return float(match[1]) * _SECONDS[match[2]]
