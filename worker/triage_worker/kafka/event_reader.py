"""Reads the events on Triage's topics, whatever format they were written in."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry
from triage_schemas.events import Event
from triage_schemas.input.registry.frames import Frame
from triage_schemas.reading import avro_frame, read_event, read_fields

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.records import InputRecord
from triage_worker.kafka.schema_cache import SchemaCache, opened_schemas

E = TypeVar("E", bound=Event)


class EventReader:
    """Reads events: JSON without a registry, and Avro by the schema that each names.

    Args:
        schemas: those of the registry; None if there is no registry.
        strict: whether Avro without a registry is an error of the settings. Otherwise such a record is unreadable, for
            services that make it a dead letter.
    """

    def __init__(self, schemas: SchemaCache | None = None, *, strict: bool = False) -> None:
        self.schemas = schemas
        self._strict = strict

    @property
    def problem(self) -> str | None:
        """Why the registry gave no answer the last time it was asked; None if it did, or there is none."""
        return None if self.schemas is None else self.schemas.problem

    def frame(self, record: InputRecord) -> Frame | None:
        """Return the frame of a record that is read by a schema of a registry; None for any other."""
        return avro_frame(record.value, record.headers)

    async def load(self, records: Iterable[InputRecord]) -> None:
        """Fetch the schemas that records need; waits until the registry has answered, however long that takes.

        Raises:
            ConfigError: records are in Avro, and there is no registry.
        """
        if self.schemas is None and not self._strict:
            return
        frames = [(record.topic, frame) for record in records if (frame := self.frame(record)) is not None]
        if self.schemas is not None:
            await self.schemas.load(frame.schema_id for _, frame in frames)
        elif frames:
            topic, frame = frames[0]
            raise ConfigError(
                f"Records on {topic} are in Avro (by the schema {frame.schema_id}): set TRIAGE_SCHEMA_REGISTRY_URL, as "
                "for the service that wrote them."
            )

    def read(self, kind: type[E], record: InputRecord) -> E:
        """Read a record, whose schema was loaded.

        Raises:
            pydantic.ValidationError: it is no event of this type, or cannot be read.
        """
        return read_event(kind, record.value or b"", record.headers, self.schemas)

    def fields(self, record: InputRecord) -> Any:
        """Read a record, whose schema was loaded, as a JSON parser would.

        Raises:
            UnreadableError: it cannot be read.
        """
        return read_fields(record.value or b"", record.headers, self.schemas)


WITHOUT_REGISTRY = EventReader()
"""Reads JSON, framed or not."""


@asynccontextmanager
async def opened_reader(
    settings: Settings, registry: CollectorRegistry | None = None, *, strict: bool = False
) -> AsyncIterator[EventReader]:
    """Open a reader of events.

    Args:
        settings: the registry, if there is one.
        registry: of metrics; None if nobody looks at them.
        strict: whether Avro without a registry is an error of the settings.

    Raises:
        ConfigError: the libraries that read its schemas are not installed, or a file for TLS cannot be loaded.
    """
    async with opened_schemas(settings, registry or CollectorRegistry()) as schemas:
        yield EventReader(schemas, strict=strict)
