"""``triage fallback``: runs the LLM fallback."""

import typer

from triage_worker.cli.settings_flags import FALLBACK, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(FALLBACK)
def fallback(settings: Settings) -> None:
    """Ask an LLM about messages that the model did not accept, until SIGTERM or Ctrl-C; undecided ones go to review."""
    from triage_worker.fallback import service  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
