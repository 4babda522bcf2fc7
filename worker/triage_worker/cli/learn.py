"""``triage learn``: trains a candidate on labels from people and LLMs, and promotes it if it is better."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from triage_models.data.file_check import check_file
from triage_models.progress import progress_display

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.settings_flags import CONNECTION, REGISTRY, settings_flags
from triage_worker.cli.train import INTERRUPTED, training_imports
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.bundle.store import BundleStore
    from triage_models.feedback.answers import Answer
    from triage_models.feedback.learn import LearningResult
    from triage_schemas.events import LabelEvent

NOT_PROMOTED = 3


@settings_flags([*CONNECTION, *REGISTRY, "labels_topic", "bundle", "clean_email"])
def learn(
    settings: Settings,
    output: Annotated[Path, typer.Option(help="Folder of the candidate")] = Path("runs/candidate"),
    store: Annotated[Path | None, typer.Option(help="Store to promote a better candidate into; needs --test")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV or JSON lines of labels; unset: read from the labels topic")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="CSV that the bundle was trained on")] = None,
    out_of_scope: Annotated[
        Path | None, typer.Option(help="CSV of out-of-scope messages that the bundle was trained on, too")
    ] = None,
    validation: Annotated[
        Path | None, typer.Option(help="CSV that the bundle was calibrated with in its training (`train --validation`)")
    ] = None,
    test: Annotated[Path | None, typer.Option(help="Old test set: CSV with the columns text and label")] = None,
    margin: Annotated[
        float, typer.Option(min=0, help="Percentage points of accuracy that may be lost on the old test set")
    ] = 0.2,
    llm_share: Annotated[
        float, typer.Option(min=0, help="Most LLM labels used for training, per label of a person")
    ] = 1.0,
    report: Annotated[Path | None, typer.Option(help="File of the JSON report; unset: OUTPUT.json")] = None,
    seed: Annotated[int, typer.Option(help="Random seed")] = 0,
    max_error: Annotated[
        float | None, typer.Option(help="Largest share of accepted messages that may be wrong; unset: the bundle's own")
    ] = None,
) -> None:
    """Train a candidate on labels, compare it with the serving bundle, and promote it if it is better.

    Exit code 0: better (and promoted, with --store); 3: trained, but not better; 2: an error to correct.
    """
    from triage_models.bundle.store import BundleStore  # noqa: PLC0415

    if store is not None and test is None:
        raise TriageError("--store needs --test: a promoted bundle must be compared on the old test set, too.")
    if out_of_scope is not None and data is None:
        raise TriageError("--out-of-scope needs --data: give both as they were given to `triage train`.")
    if validation is not None and data is None:
        raise TriageError("--validation needs --data: give both as they were given to `triage train`.")
    for file in (labels, data, out_of_scope, validation, test):
        if file is not None:
            check_file(file)
    serving = (BundleStore(store).current() if store is not None else None) or settings.bundle.only
    console = Console(stderr=True, highlight=False)
    with training_imports("Learning"):
        from triage_models.feedback import learn as learning  # noqa: PLC0415 (torch is heavy, and an extra)
    options: dict[str, Any] = {"data": data, "out_of_scope": out_of_scope, "test": test, "margin": margin}
    options |= {"validation": validation, "llm_per_human": llm_share, "seed": seed, "max_error": max_error}
    options["clean_email"] = settings.clean_email
    with interruptible(console, INTERRUPTED.format(output)):
        answers = _read_labels(settings, labels, console)
        with progress_display(console) as on_progress:
            learned = learning.learn(answers, serving, output, **options, progress=on_progress)
    file = report or output.with_name(f"{output.name}.json")
    file.write_text(json.dumps(learned.report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _print(learned)
    if store is not None:
        _promote_if_better(BundleStore(store), learned)
    typer.echo(f"The candidate is {output}. The whole report is {file}.")
    if not learned.decision.better:
        raise typer.Exit(NOT_PROMOTED)


def _read_labels(settings: Settings, labels: Path | None, console: Console) -> "list[Answer]":
    from triage_models.feedback.answers import read_answers  # noqa: PLC0415

    from triage_worker.kafka.labels_topic import read_labels_topic  # noqa: PLC0415

    if labels is not None:
        return read_answers(labels, lambda note: console.print(note, soft_wrap=True, markup=False))
    topic = settings.labels_topic
    with console.status(f"reading {topic}") as status:
        found = asyncio.run(
            read_labels_topic(settings, lambda count: status.update(f"reading {topic}: {count:,} records"))
        )
    if found.unreadable:
        console.print(f"{found.unreadable} records of {topic} are not valid labels and were skipped.", soft_wrap=True)
    return [answer(label) for label in found.labels]  # oldest first: a person's last label counts


def answer(event: "LabelEvent") -> "Answer":
    """Make a label of the topic one to learn from."""
    from triage_models.feedback.answers import Answer  # noqa: PLC0415

    return Answer(event.text, event.label, event.decided_by, event.message_id, event.conversation_id)


def _print(learned: "LearningResult") -> None:
    """Print both bundles side by side, and the decision with its reasons."""
    console = Console(highlight=False)
    result = learned.report
    answers = result["answers"]
    assert isinstance(answers, dict)
    console.print(
        f"{answers['read']} labels: trained on {answers['human']} from people and {answers['llm']} from LLMs, "
        f"tested on {answers['held_out']} others from people.",
        soft_wrap=True,
    )
    for what, number in answers["left_out"].items():
        console.print(f"  {number} left out: they {what}.", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("measured on")
    for head in ("rows", "errors", "accuracy", "accepted", "of those wrong", "fixed / broken"):
        table.add_column(head, justify="right", no_wrap=True)
    for title, name in (("people's held-out labels", "held_out"), ("the old test set", "test")):
        one = result[name]
        if isinstance(one, dict):
            table.add_row(title, str(one["rows"]), *_cells(one))
    console.print(table)
    console.print("[bold green]Better.[/]" if learned.decision.better else "[bold yellow]Not better.[/]")
    for why in learned.decision.reasons:
        console.print(f"  {why}", soft_wrap=True, markup=False)
    if result["calibrate_again"] is not None:
        console.print(result["calibrate_again"], soft_wrap=True, markup=False)


def _cells(one: dict[str, list[float]]) -> list[str]:
    pairs = [f"{one['errors'][0]} → {one['errors'][1]}"]
    pairs += [f"{one[name][0]:.4f} → {one[name][1]:.4f}" for name in ("accuracy", "accepted")]
    pairs.append(f"{one['accepted_errors'][0]} → {one['accepted_errors'][1]}")
    return [*pairs, f"{one['mended']} / {one['broken']}"]


def _promote_if_better(store: "BundleStore", learned: "LearningResult") -> None:
    """Promote the candidate if it is better, and add a line to the store's file of runs either way."""
    from triage_models.bundle.verdicts import append_run  # noqa: PLC0415

    better = learned.decision.better
    if better:
        promoted = store.promote(learned.bundle, why="learnt: " + " ".join(learned.decision.reasons))
        typer.echo(f"{promoted.name} is now current in {store.root}.")
    else:
        typer.echo(f"Nothing was promoted: {learned.version} was not added to {store.root}.")
    append_run(store.root, datetime.now(UTC), promoted=better, report=learned.report)
