"""``triage topics``: creates the topics, or checks them."""

import asyncio
from typing import Annotated

import typer

from triage_worker.cli.settings_flags import CONNECTION, TOPICS, settings_flags
from triage_worker.config.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Create the topics, or check them.")


@app.command()
@settings_flags((*CONNECTION, *TOPICS, "sources"))
def create(
    settings: Settings,
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of each new topic: the most workers that can share the work")
    ] = 12,
    replication_factor: Annotated[
        int | None,
        typer.Option(min=1, help="Replicas of each new topic; unset: 3, or the number of brokers if it is less"),
    ] = None,
) -> None:
    """Create the topics that do not exist. Existing topics are not changed."""
    from triage_worker.kafka import topics  # noqa: PLC0415 (keeps `triage --help` fast)

    outcome = asyncio.run(topics.create(settings, partitions=partitions, replicas=replication_factor))
    for topic, is_new in outcome.items():
        typer.echo(f"{topic}: {'created' if is_new else 'exists already'}")


@app.command()
@settings_flags((*CONNECTION, *TOPICS, "sources"))
def check(settings: Settings) -> None:
    """Print what is wrong with the topics and how to fix it. Exits with 1 if a problem would stop a service."""
    from triage_worker.kafka import topics  # noqa: PLC0415 (keeps `triage --help` fast)

    problems = asyncio.run(topics.check(settings))
    for problem in problems:
        typer.echo(f"{problem.kind}: {problem.topic} {problem.message}.")
    if not problems:
        typer.echo("All topics exist and are configured as they should be.")
    if any(problem.kind == "error" for problem in problems):
        raise typer.Exit(1)
