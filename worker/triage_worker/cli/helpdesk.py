"""``triage helpdesk``: tickets to Zendesk or Gorgias."""

import typer

from triage_worker.cli.settings_flags import HELPDESK, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(HELPDESK)
def helpdesk(settings: Settings) -> None:
    """Bring tickets to the helpdesk that a team works in, until told to stop (SIGTERM, or Ctrl-C)."""
    from triage_worker.helpdesk import service  # noqa: PLC0415
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` quick)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
