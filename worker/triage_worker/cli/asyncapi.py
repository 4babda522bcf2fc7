"""``triage asyncapi``: prints the AsyncAPI document of the topics."""

import typer
from triage_schemas.channels import CHANNELS

from triage_worker.cli.settings_flags import TOPICS, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(TOPICS)
def asyncapi(settings: Settings) -> None:
    """Print the AsyncAPI 3 document of the topics, with their configured names."""
    from triage_schemas.asyncapi import document  # noqa: PLC0415 (keeps `triage --help` fast)

    typer.echo(document({channel.name: getattr(settings, channel.setting) for channel in CHANNELS}), nl=False)
