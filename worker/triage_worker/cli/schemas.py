"""``triage schemas``: registers the schemas of the events, checks them, or writes them to files."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from triage_schemas.channels import Channel

from triage_worker.cli.settings_flags import EVENT_FORMAT, REGISTRY, TOPICS, settings_flags
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_worker.kafka.schema_subjects import Subjects

app = typer.Typer(no_args_is_help=True, help="Register the schemas of the events, check them, or write them to files.")
FLAGS = (*TOPICS, *REGISTRY, *EVENT_FORMAT)


@app.command()
@settings_flags(FLAGS)
def register(settings: Settings) -> None:
    """Register the schemas of all event topics that the registry does not have."""
    _print_ids(settings.model_copy(update={"schema_registration": "register"}))


@app.command()
@settings_flags(FLAGS)
def check(settings: Settings) -> None:
    """Print the id of each event topic's schema. Exits with 2 if the registry lacks one."""
    _print_ids(settings.model_copy(update={"schema_registration": "check"}))


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where: the folders avro and json_schema are made in it")],
) -> None:
    """Write the schemas of all events to files, one for each type."""
    import orjson  # noqa: PLC0415 (keeps `triage --help` fast)
    from triage_schemas.output_formats import schema_of  # noqa: PLC0415

    from triage_worker.kafka.event_schemas import EVENT_CHANNELS  # noqa: PLC0415

    for output_format, ending in (("avro", "avsc"), ("json_schema", "json")):
        target = folder / output_format
        target.mkdir(parents=True, exist_ok=True)
        for kind in {channel.event: None for channel in EVENT_CHANNELS if channel.event is not None}:
            schema = orjson.loads(schema_of(kind, output_format).text)  # type: ignore[arg-type]
            text = orjson.dumps(schema, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            (target / f"{kind.__name__}.{ending}").write_bytes(text)


def _print_ids(settings: Settings) -> None:
    from triage_worker.kafka.event_schemas import schema_id_of, subject_of  # noqa: PLC0415 (keeps `triage --help` fast)

    async def print_id(subjects: "Subjects", channel: Channel) -> None:
        schema_id = await schema_id_of(settings, subjects, channel)
        typer.echo(f"{subject_of(settings, channel)}: {schema_id}")

    if settings.output_format == "json":
        raise ConfigError("JSON has no schemas to register: set TRIAGE_OUTPUT_FORMAT to avro or json_schema.")
    asyncio.run(_for_each_channel(settings, print_id))


async def _for_each_channel(settings: Settings, do: "Callable[[Subjects, Channel], Awaitable[None]]") -> None:
    from triage_worker.kafka.event_schemas import EVENT_CHANNELS  # noqa: PLC0415
    from triage_worker.kafka.registry_client import RegistryDownError, open_client  # noqa: PLC0415
    from triage_worker.kafka.schema_subjects import Subjects  # noqa: PLC0415

    try:
        async with open_client(settings) as client:
            for channel in EVENT_CHANNELS:
                await do(Subjects(client), channel)
    except RegistryDownError as error:
        raise TriageError(f"The schema registry does not answer ({error}): try again.") from None
