"""``triage asyncapi``: prints the AsyncAPI document of the topics."""

import typer

from triage_worker.cli.settings_flags import TOPICS, settings_flags
from triage_worker.config.settings import Settings


@settings_flags(TOPICS)
def asyncapi(settings: Settings) -> None:
    """Print the AsyncAPI 3 document of the topics, with their configured names."""
    from triage_schemas.asyncapi import document  # noqa: PLC0415 (keeps `triage --help` fast)

    typer.echo(document({name.removesuffix("_topic"): getattr(settings, name) for name in TOPICS}), nl=False)
