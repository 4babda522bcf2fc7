"""``triage helpdesk``: tickets to Zendesk or Gorgias."""

import typer

from worker.commands.options import HELPDESK, settings_flags
from worker.settings import Settings


@settings_flags(HELPDESK)
def helpdesk(settings: Settings) -> None:
    """Bring tickets to the helpdesk that a team works in, until told to stop (SIGTERM, or Ctrl-C)."""
    from worker import logs  # noqa: PLC0415 (keeps `triage --help` quick)
    from worker.helpdesk import service  # noqa: PLC0415

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
