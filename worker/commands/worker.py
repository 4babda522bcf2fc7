"""``triage worker``: the service that classifies."""

import typer

from worker.commands.options import WORKER, settings_flags
from worker.settings import Settings


@settings_flags(WORKER)
def worker(settings: Settings) -> None:
    """Classify what comes in, until told to stop (SIGTERM, or Ctrl-C), which drains, commits and exits with 0."""
    from worker import logs, service  # noqa: PLC0415 (ONNX Runtime and aiokafka take their time to import)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
