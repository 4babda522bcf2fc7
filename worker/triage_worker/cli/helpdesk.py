"""``triage helpdesk``: runs the helpdesk connector."""

import typer

from triage_worker.cli.settings_flags import HELPDESK, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(HELPDESK)
def helpdesk(settings: Settings) -> None:
    """Copy tickets to the helpdesk that a team works in, until SIGTERM or Ctrl-C."""
    from triage_worker.helpdesk import service  # noqa: PLC0415
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
