"""``triage learn``: a bundle that learns from what people and LLMs answered, promoted only if it is better."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from triage_models.progress import reporting

from triage_worker.cli.interruption import interruptible
from triage_worker.cli.settings_flags import CONNECTION, settings_flags
from triage_worker.cli.train import UNTOUCHED, lab_imported
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_models.bundle.store import BundleStore
    from triage_models.feedback.answers import Answer
    from triage_models.feedback.learn import Learned

NOT_PROMOTED = 3
RUNS = "learning.jsonl"
"""In a store: one line for each candidate, promoted or not, with the whole report."""


@settings_flags([*CONNECTION, "labels_topic", "bundle"])
def learn(
    settings: Settings,
    output: Annotated[Path, typer.Option(help="Folder of the candidate")] = Path("runs/candidate"),
    store: Annotated[
        Path | None, typer.Option(help="Store of bundles to promote into, if the candidate is better; needs --test")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="CSV or JSON lines of answers; unset: the topic of labels is read")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The CSV that the bundle was trained on")] = None,
    test: Annotated[Path | None, typer.Option(help="The old test set: CSV with the columns text and label")] = None,
    margin: Annotated[float, typer.Option(min=0, help="Points of accuracy that may be lost on the test set")] = 0.2,
    llm_share: Annotated[float, typer.Option(min=0, help="Most of LLMs' answers learnt from, for each person's")] = 1.0,
    report: Annotated[Path | None, typer.Option(help="File for the report as JSON; unset: OUTPUT.json")] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn")] = 0,
) -> None:
    """Train a candidate on answers, compare it with the bundle that serves, and promote it if it is better.

    Exit code 0: better (and promoted, with --store); 3: trained, and not better; 2: something to mend.
    """
    from triage_models.bundle.store import BundleStore  # noqa: PLC0415

    if store is not None and test is None:
        raise TriageError("--store needs --test: what is promoted has to be compared on the old test set, too.")
    for file in (labels, data, test):
        if file is not None and not file.is_file():
            raise TriageError(f"There is no file {file}: check the path.")
    serving = (BundleStore(store).current() if store is not None else None) or settings.bundle
    console = Console(stderr=True, highlight=False)
    with lab_imported("Learning"):
        from triage_models.feedback import learn as lab  # noqa: PLC0415 (torch is heavy, and an extra)
    with interruptible(console, UNTOUCHED.format(output)):
        answers = _answers(settings, labels, console)
        with reporting(console) as tell:
            learned = lab.learn(
                answers,
                serving,
                output,
                data=data,
                test=test,
                margin=margin,
                llm_per_human=llm_share,
                seed=seed,
                report=tell,
            )
    file = report or output.with_name(f"{output.name}.json")
    file.write_text(json.dumps(learned.report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _print(learned)
    if store is not None:
        _settle(BundleStore(store), learned)
    typer.echo(f"The candidate is {output}, the whole report {file}.")
    if not learned.verdict.better:
        raise typer.Exit(NOT_PROMOTED)


def _answers(settings: Settings, labels: Path | None, console: Console) -> "list[Answer]":
    from triage_models.feedback.answers import read_answers  # noqa: PLC0415

    from triage_worker.feedback.labels_topic import gather  # noqa: PLC0415

    if labels is not None:
        return read_answers(labels)
    topic = settings.labels_topic
    with console.status(f"reading {topic}") as status:
        found = asyncio.run(gather(settings, lambda count: status.update(f"reading {topic}: {count:,} records")))
    if found.unreadable:
        console.print(f"{found.unreadable} records of {topic} are no labels and were passed over.", soft_wrap=True)
    return found.answers


def _print(learned: "Learned") -> None:
    """The verdict and why, and the two bundles side by side."""
    console = Console(highlight=False)
    told = learned.report
    answers = told["answers"]
    assert isinstance(answers, dict)
    console.print(
        f"{answers['read']} answers: learnt from {answers['human']} of people's and {answers['llm']} of LLMs', "
        f"judged by {answers['held_out']} of people's.",
        soft_wrap=True,
    )
    for what, number in answers["left_out"].items():
        console.print(f"  {number} left out: they {what}.", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("measured on")
    for head in ("rows", "errors", "accuracy", "accepted", "of those wrong", "mended / broken"):
        table.add_column(head, justify="right", no_wrap=True)
    for title, name in (("people's held-out answers", "held_out"), ("the old test set", "test")):
        one = told[name]
        if isinstance(one, dict):
            table.add_row(title, str(one["rows"]), *_cells(one))
    console.print(table)
    console.print("[bold green]Better.[/]" if learned.verdict.better else "[bold yellow]Not better.[/]")
    for why in learned.verdict.why:
        console.print(f"  {why}", soft_wrap=True)


def _cells(one: dict[str, list[float]]) -> list[str]:
    pairs = [f"{one['errors'][0]} → {one['errors'][1]}"]
    pairs += [f"{one[name][0]:.4f} → {one[name][1]:.4f}" for name in ("accuracy", "accepted")]
    pairs.append(f"{one['accepted_errors'][0]} → {one['accepted_errors'][1]}")
    return [*pairs, f"{one['mended']} / {one['broken']}"]


def _settle(store: "BundleStore", learned: "Learned") -> None:
    """Promote, where it is better; a line in the store either way."""
    better = learned.verdict.better
    if better:
        promoted = store.promote(learned.bundle, why="learnt: " + " ".join(learned.verdict.why))
        typer.echo(f"{promoted.name} is now current in {store.root}.")
    else:
        typer.echo(f"Nothing was promoted: {learned.version} stays out of {store.root}.")
    store.root.mkdir(parents=True, exist_ok=True)
    line = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "promoted": better, **learned.report}
    with (store.root / RUNS).open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False) + "\n")
