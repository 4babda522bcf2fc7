"""``triage replay``: sends dead letters back to the topics where they were read."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from triage_worker.cli.moments import parse_moment
from triage_worker.cli.settings_flags import CONNECTION, settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_worker.replay.replay import ReplayResult, Survey

FLAGS = (*CONNECTION, "dead_letter_topic", "transactional_id_prefix")


@settings_flags(FLAGS)
def replay(
    settings: Settings,
    code: Annotated[list[str] | None, typer.Option(help="Only records with this dlq.error; may be repeated")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only records read from this topic; may be repeated")] = None,
    partition: Annotated[
        list[int] | None, typer.Option(help="Only records read from this partition; may be repeated")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Only records that became dead letters at or after it, such as 2026-03-01T09:00Z"
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only records that became dead letters before it")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the records, and send nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Send without asking")] = False,
) -> None:
    """Send dead letters back to where they were read, with their value, key and headers. None is sent twice."""
    from triage_worker.replay import replay as service  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_worker.replay.dead_letter_record import Selection  # noqa: PLC0415

    selection = Selection(
        frozenset(code or ()),
        frozenset(topic or ()),
        frozenset(partition or ()),
        parse_moment(since),
        parse_moment(until),
    )
    found = asyncio.run(service.survey(settings, selection))
    _print(found)
    count = found.to_send.total()
    if dry_run or not count:
        return
    if not yes and not sys.stdin.isatty():
        raise TriageError("Nothing was sent, because nobody can confirm it: give --yes, or --dry-run to count only.")
    if not yes and not typer.confirm(f"Send {count}?"):
        return
    columns = (TextColumn("sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("sending", total=count)
        result = asyncio.run(service.replay(settings, selection, lambda done: progress.advance(bar, done)))
    _report(result)


def _print(found: "Survey") -> None:
    for kind in sorted({*found.to_send, *found.sent}):
        before = f", {found.sent[kind]} sent before" if found.sent[kind] else ""
        typer.echo(f"{kind.topic}  {kind.code}: {found.to_send[kind]} to send{before}")
    if found.not_dead_letters:
        typer.echo(f"{found.not_dead_letters} records on the topic are not dead letters of Triage and are left alone.")
    typer.echo(f"{found.to_send.total()} to send.")


def _report(result: "ReplayResult") -> None:
    typer.echo(f"{result.sent} sent.")
    if result.lost:
        typer.echo(
            f"{result.lost} could not be sent: they were too large for the dead-letter topic, and are no longer "
            "on the topic where they were read."
        )
        raise typer.Exit(1)
