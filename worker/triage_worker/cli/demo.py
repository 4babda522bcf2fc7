"""``triage demo``: everything at once, with nothing to install or to set."""

import asyncio
from typing import Annotated

import typer

from triage_worker.cli.settings_flags import MODEL, settings_flags
from triage_worker.config.settings import Settings
from triage_worker.streaming.signals import TERMINATED


@settings_flags(MODEL)
def demo(
    settings: Settings,
    messages: Annotated[int, typer.Option(min=1, help="How many messages to send")] = 2_000,
) -> None:
    """Watch messages of made-up shops become intents and tickets, on an embedded broker; ends by itself."""
    from triage_worker.demo.run import run_demo  # noqa: PLC0415 (keeps `triage --help` quick)

    try:
        held = asyncio.run(run_demo(settings, messages))
    except asyncio.CancelledError:
        raise typer.Exit(TERMINATED) from None
    if not held:
        raise typer.Exit(1)
