"""``triage intake``: takes messages from helpdesks, other senders, and mailboxes."""

import typer

from triage_worker.cli.extras import needing
from triage_worker.cli.settings_flags import INTAKE, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(INTAKE)
def intake(settings: Settings) -> None:
    """Turn webhooks and mailboxes into messages on Kafka, each once, until SIGTERM or Ctrl-C."""
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    with needing("`triage intake`", "serve"):
        from triage_worker.intake import service  # noqa: PLC0415 (uvicorn is slow to import)
    raise typer.Exit(service.run(settings))
