"""``triage router``: runs the router, or explains a routing decision."""

import asyncio
from typing import Annotated

import typer

from triage_worker.cli.extras import needing
from triage_worker.cli.settings_flags import ROUTER, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(ROUTER)
def router(
    settings: Settings,
    explain: Annotated[
        str | None,
        typer.Option(
            metavar="JSON|MESSAGE_ID",
            help="Explain which rule matches and why: for an intent event (only its intent is required), or for a "
            "message that is on the intents topic",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Route intents to tickets, and raise alerts on surges, until SIGTERM or Ctrl-C."""
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    if explain is not None:
        from triage_worker.router.explain import explain as explain_route  # noqa: PLC0415

        typer.echo(asyncio.run(explain_route(settings, explain)))
        return
    with needing("The router", "router"):
        from triage_worker.router import service  # noqa: PLC0415
    raise typer.Exit(service.run(settings))
