"""``triage intake``: takes messages from helpdesks, other senders, and mailboxes."""

import typer

from triage_worker.cli.settings_flags import INTAKE, settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings


@settings_flags(INTAKE)
def intake(settings: Settings) -> None:
    """Turn webhooks and mailboxes into messages on Kafka, each once, until SIGTERM or Ctrl-C."""
    from triage_worker.observability import logs  # noqa: PLC0415 (keeps `triage --help` fast)

    logs.configure(settings)
    try:
        from triage_worker.intake import service  # noqa: PLC0415 (uvicorn is slow to import)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"`triage intake` needs the package {error.name}: install Triage with its [serve] extra, in a clone by "
            "`pip install '.[serve]'`."
        ) from None
    raise typer.Exit(service.run(settings))
