"""``triage asyncapi``: prints the AsyncAPI document of the topics."""

from typing import Annotated

import typer
from triage_schemas.channels import CHANNELS, INPUT
from triage_schemas.output_formats import OutputFormat

from triage_worker.cli.settings_flags import TOPICS, settings_flags
from triage_worker.config.input_topics import input_topics
from triage_worker.config.settings import Settings


@settings_flags(TOPICS)
def asyncapi(
    settings: Settings,
    output_format: Annotated[
        OutputFormat | None, typer.Option(help="What events are written in; unset: TRIAGE_OUTPUT_FORMAT")
    ] = None,
) -> None:
    """Print the AsyncAPI 3 document of the topics, with their configured names."""
    from triage_schemas.asyncapi import document  # noqa: PLC0415 (keeps `triage --help` fast)

    topics = {channel.name: getattr(settings, channel.setting) for channel in CHANNELS}
    topics |= {INPUT.name: str(input_topics(settings))}
    typer.echo(document(topics, output_format or settings.output_format), nl=False)
