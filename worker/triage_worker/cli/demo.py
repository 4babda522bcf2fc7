"""``triage demo``: runs all services on one machine, without installation or settings."""

import asyncio
from typing import Annotated

import typer

from triage_worker.cli.settings_flags import MODEL, settings_flags
from triage_worker.config.settings import Settings
from triage_worker.streaming.signals import TERMINATED


@settings_flags(MODEL)
def demo(
    settings: Settings,
    messages: Annotated[int, typer.Option(min=1, help="Number of messages to send")] = 2_000,
    console: Annotated[bool, typer.Option("--console", help="Keep the console open at the end, until Ctrl-C")] = False,
) -> None:
    """Watch sample messages become intents and tickets, on an embedded broker. Ends by itself."""
    from triage_worker.demo.run import run_demo  # noqa: PLC0415 (keeps `triage --help` fast)

    try:
        passed = asyncio.run(run_demo(settings, messages, stay=console))
    except asyncio.CancelledError:
        raise typer.Exit(TERMINATED) from None
    if not passed:
        raise typer.Exit(1)
