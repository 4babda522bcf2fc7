"""``triage fallback``: the service that asks an LLM."""

import typer

from triage_worker.cli.settings_flags import FALLBACK, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(FALLBACK)
def fallback(settings: Settings) -> None:
    """Decide by an LLM what the model would not vouch for, until told to stop; what it can't goes to review."""
    from triage_worker.fallback import service  # noqa: PLC0415 (keeps `triage --help` quick)
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` quick)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
