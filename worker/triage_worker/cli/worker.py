"""``triage worker``: runs the classification worker."""

import typer

from triage_worker.cli.settings_flags import WORKER, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(WORKER)
def worker(settings: Settings) -> None:
    """Classify incoming messages until SIGTERM or Ctrl-C, which drains, commits and exits with 0."""
    from triage_worker.classify import service  # noqa: PLC0415 (ONNX Runtime and aiokafka are slow to import)
    from triage_worker.observability import logs  # noqa: PLC0415 (ONNX Runtime and aiokafka are slow to import)

    logs.configure(settings)
    raise typer.Exit(service.run(settings))
