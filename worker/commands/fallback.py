"""``triage fallback``: the service that asks an LLM."""

import typer

from worker.commands.options import FALLBACK, settings_flags
from worker.settings import Settings


@settings_flags(FALLBACK)
def fallback(settings: Settings) -> None:
    """Decide by an LLM what the model would not vouch for, until told to stop; what it can't goes to review."""
    from worker import logs  # noqa: PLC0415 (keeps `triage --help` quick)
    from worker.fallback import service  # noqa: PLC0415 (keeps `triage --help` quick)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
