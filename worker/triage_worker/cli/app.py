"""The ``triage`` command."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from triage_models.errors import ModelError

from triage_worker.cli import (
    bench,
    bundle,
    classify,
    demo,
    documents,
    evaluate,
    fallback,
    helpdesk,
    learn,
    replay,
    review,
    router,
    topics,
    train,
    worker,
)
from triage_worker.config.errors import TriageError

BAD_INPUT = 2

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Streaming intent classification for Kafka: what customers want, and how far that can be trusted.",
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"triage {version('triage-worker')}")
        raise typer.Exit


@app.callback()
def triage(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """What comes before a command's name."""


app.command()(demo.demo)
app.command()(worker.worker)
app.command()(router.router)
app.command()(helpdesk.helpdesk)
app.command()(fallback.fallback)
app.command()(classify.classify)
app.command()(train.train)
app.command()(learn.learn)
app.command()(evaluate.evaluate)
app.command()(bench.bench)
app.add_typer(bundle.app, name="bundle")
app.add_typer(topics.app, name="topics")
app.command()(review.review)
app.command()(replay.replay)
app.command()(documents.settings)
app.command()(documents.asyncapi)


def main() -> None:
    """Run the command line; what a person can mend is one sentence on standard error and exit code 2."""
    try:
        app()
    except (TriageError, ModelError) as error:
        print(f"triage: {error}", file=sys.stderr)  # noqa: T201 (the one place where an error is told)
        sys.exit(BAD_INPUT)


if __name__ == "__main__":
    main()
