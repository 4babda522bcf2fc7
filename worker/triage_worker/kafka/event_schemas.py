"""Gets the ids of the schemas that events are written by, before the first one is written."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from triage_schemas.channels import CHANNELS, Channel
from triage_schemas.encoding import JSON, AvroEncoding, EventEncoding, FramedJsonEncoding
from triage_schemas.input.registry.compiling import require_libraries
from triage_schemas.output_formats import schema_of

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.registry_client import RegistryDownError, open_client
from triage_worker.kafka.schema_cache import RETRY
from triage_worker.kafka.schema_subjects import SchemaMissingError, Subjects
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

EVENT_CHANNELS = tuple(channel for channel in CHANNELS if channel.event is not None and not channel.always_json)
"""The channels whose events are written in the output format."""


def written_channels(needed: Mapping[str, str]) -> list[Channel]:
    """Return the channels among those that a service needs whose events it writes in the output format.

    Args:
        needed: the settings that name its topics, each with the operation on it.
    """
    return [channel for channel in EVENT_CHANNELS if "Write" in needed.get(channel.setting, "")]


def subject_of(settings: Settings, channel: Channel) -> str:
    """Return the subject of a channel's schemas: that of the values on its topic."""
    return f"{getattr(settings, channel.setting)}-value"


class EventSchemas:
    """Registers the schemas of events, or looks them up, as the settings say.

    Args:
        settings: the registry, the output format, and the topics.
        retry: the delays between attempts while the registry does not answer.

    Attributes:
        problem: why the registry gave no answer the last time it was asked; None if it did.
    """

    def __init__(self, settings: Settings, retry: RetryPolicy = RETRY) -> None:
        self._settings = settings
        self._retry = retry
        self.problem: str | None = None

    async def encoding(self, channels: Sequence[Channel]) -> EventEncoding:
        """Return what writes the events of channels; waits until the registry answers. Later it is not asked again.

        Raises:
            ConfigError: the registry refuses a schema, or does not have it; or a library is missing. Says what to do.
        """
        output_format = self._settings.output_format
        if output_format == "json" or not channels:
            return JSON
        try:
            require_libraries()
        except ImportError as error:
            raise ConfigError(
                f"TRIAGE_OUTPUT_FORMAT={output_format} needs the package {error.name}: pip install '.[registry]'."
            ) from None
        ids = {}
        async with open_client(self._settings) as client:
            for channel in channels:
                assert channel.event is not None
                ids[channel.event] = await self._wait_for_id(Subjects(client), channel)
        shown = {subject_of(self._settings, channel): ids[channel.event] for channel in channels if channel.event}
        log.info("Events are written by registered schemas", extra={"format": output_format, "ids": shown})
        return AvroEncoding(ids) if output_format == "avro" else FramedJsonEncoding(ids)

    async def _wait_for_id(self, subjects: Subjects, channel: Channel) -> int:
        failures = 0
        while True:
            try:
                schema_id = await schema_id_of(self._settings, subjects, channel)
            except RegistryDownError as error:
                failures += 1
                self.problem = f"the schema registry does not answer ({error})"
                delay_s = self._retry.delay_s(failures)
                extra = {"problem": str(error), "retry_in_s": round(delay_s, 1)}
                log.warning("The schema registry does not answer: nothing is read before it does", extra=extra)
                await asyncio.sleep(delay_s)
                continue
            self.problem = None
            return schema_id


async def schema_id_of(settings: Settings, subjects: Subjects, channel: Channel) -> int:
    """Return the id of the schema of a channel's events. It is registered first if the settings say so.

    Raises:
        ConfigError: the registry refuses it, or does not have it; says what to do.
        RegistryDownError: the registry gave no usable answer.
    """
    assert channel.event is not None
    schema, subject = schema_of(channel.event, settings.output_format), subject_of(settings, channel)
    try:
        return await subjects.find(subject, schema)  # which needs no right to write
    except SchemaMissingError as error:
        if settings.schema_registration == "register":
            return await subjects.register(subject, schema, settings.schema_compatibility)
        why = await subjects.why_incompatible(subject, schema)
        refused = "" if why is None else f", and would refuse it as incompatible ({why})"
        said = f"{error}{refused}"
        raise ConfigError(
            f"{said[:1].upper()}{said[1:]}: run `triage schemas register`, or set TRIAGE_SCHEMA_REGISTRATION=register."
        ) from None
