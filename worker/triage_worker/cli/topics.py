"""``triage topics``: create the topics, or say what is wrong with those there are."""

import asyncio
from typing import Annotated

import typer

from triage_worker.cli.settings_flags import CONNECTION, TOPICS, settings_flags
from triage_worker.config.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Create the topics, or check them.")


@app.command()
@settings_flags(CONNECTION + TOPICS)
def create(
    settings: Settings,
    partitions: Annotated[int, typer.Option(min=1, help="Of each new topic: as many workers can share the work")] = 12,
    replication_factor: Annotated[
        int | None, typer.Option(min=1, help="Of each new topic; unset: 3, or as many as there are brokers")
    ] = None,
) -> None:
    """Create the topics that do not exist yet; those that do stay as they are."""
    from triage_worker.kafka import topics  # noqa: PLC0415 (keeps `triage --help` quick)

    outcome = asyncio.run(topics.create(settings, partitions=partitions, replicas=replication_factor))
    for topic, is_new in outcome.items():
        typer.echo(f"{topic}: {'created' if is_new else 'was there'}")


@app.command()
@settings_flags(CONNECTION + TOPICS)
def check(settings: Settings) -> None:
    """Say what is wrong with the topics, and how to mend it; exits with 1 if anything would stop a service."""
    from triage_worker.kafka import topics  # noqa: PLC0415 (keeps `triage --help` quick)

    problems = asyncio.run(topics.check(settings))
    for problem in problems:
        typer.echo(f"{problem.kind}: {problem.topic} {problem.message}.")
    if not problems:
        typer.echo("All topics are there, and as they should be.")
    if any(problem.kind == "error" for problem in problems):
        raise typer.Exit(1)
