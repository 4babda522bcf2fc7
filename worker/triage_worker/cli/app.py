"""The ``triage`` command: collects all commands, and prints errors."""

from importlib.metadata import version
from typing import Annotated

import typer

from triage_worker.cli import (
    asyncapi,
    audit,
    bench,
    bundle,
    calibrate,
    classify,
    console,
    cost,
    demo,
    doctor,
    evaluate,
    fallback,
    forget,
    helpdesk,
    intake,
    learn,
    replay,
    review,
    router,
    sample,
    schemas,
    serve,
    settings,
    sources,
    suggest,
    topics,
    train,
    worker,
)

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Streaming intent classification for Kafka: what customers want, with confidence that can be trusted.",
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"triage {version('triage-worker')}")
        raise typer.Exit


@app.callback()
def triage(
    _: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """The options of ``triage`` itself."""


app.command()(demo.demo)
app.command()(doctor.doctor)
app.command()(worker.worker)
app.command()(router.router)
app.command()(helpdesk.helpdesk)
app.command()(fallback.fallback)
app.add_typer(serve.app, name="serve")
app.command()(intake.intake)
app.add_typer(console.app, name="console")
app.command()(classify.classify)
app.command()(train.train)
app.command()(learn.learn)
app.command()(calibrate.calibrate)
app.command()(evaluate.evaluate)
app.command()(sample.sample)
app.command()(suggest.suggest)
app.command()(bench.bench)
app.command()(cost.cost)
app.add_typer(bundle.app, name="bundle")
app.add_typer(topics.app, name="topics")
app.add_typer(schemas.app, name="schemas")
app.add_typer(sources.app, name="sources")
app.command()(review.review)
app.command()(audit.audit)
app.command()(replay.replay)
app.command()(forget.forget)
app.command()(settings.settings)
app.command()(asyncapi.asyncapi)
