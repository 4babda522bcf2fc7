"""The schemas that were fetched from a registry. Each is fetched once, however many records wait for it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge
from triage_schemas.input.registry.compiling import compile_schema, require_libraries
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import KnownSchema, SchemaText, UnusableSchema

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.registry_client import RegistryDownError, open_client
from triage_worker.resilience.backoff import RetryPolicy

log = logging.getLogger(__name__)

MOST_SCHEMAS = 5_000
"""That are kept; more than one poll can need."""

AT_ONCE = 8
RETRY = RetryPolicy(first_s=0.2, longest_s=5.0)
SECOND_LOOK_S = 1.0
"""A registry of several nodes can take this long to know everywhere what was just registered."""

UNKNOWN_FOR_S = 60.0
"""An id that the registry did not know is asked for again after this long."""

FetchSchema = Callable[[SchemaId], Awaitable[SchemaText | UnusableSchema]]


class SchemaCache:
    """Fetches and keeps schemas.

    Args:
        fetch: asks the registry.
        registry: where requests are counted.
        retry: the delays between attempts while the registry does not answer.

    Attributes:
        problem: why the registry gave no answer the last time it was asked; None if it did.
    """

    def __init__(self, fetch: FetchSchema, registry: CollectorRegistry, retry: RetryPolicy = RETRY) -> None:
        self._fetch = fetch
        self._retry = retry
        self._schemas: dict[SchemaId, KnownSchema] = {}
        self._unknown_since: dict[SchemaId, float] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        self.problem: str | None = None
        self._requests = Counter(
            "triage_schema_registry_requests",
            "Schemas asked for, by result: found, unknown, failed.",
            ["result"],
            registry=registry,
        )
        for result in ("found", "unknown", "failed"):
            self._requests.labels(result)
        kept = Gauge("triage_schemas", "Schemas of the registry that are kept.", registry=registry)
        kept.set_function(lambda: len(self._schemas))

    def __call__(self, schema_id: SchemaId) -> KnownSchema:
        """Return a schema that is there."""
        return self._schemas[schema_id]

    def lacks(self, schema_id: SchemaId) -> bool:
        """Whether a schema has to be fetched first."""
        if schema_id not in self._schemas:
            return True
        since = self._unknown_since.get(schema_id)
        return since is not None and monotonic() - since > UNKNOWN_FOR_S

    async def load(self, schema_ids: Iterable[SchemaId]) -> None:
        """Fetch those schemas that are not there; waits until the registry has answered, however long that takes."""
        missing = {schema_id for schema_id in schema_ids if self.lacks(schema_id)}
        async with asyncio.TaskGroup() as group:
            for schema_id in missing:
                group.create_task(self._load(schema_id))

    async def _load(self, schema_id: SchemaId) -> None:
        async with self._slots:
            found = await self._ask(schema_id)
            if isinstance(found, UnusableSchema):
                await asyncio.sleep(SECOND_LOOK_S)
                found = await self._ask(schema_id)
        # Compiling takes milliseconds, during which records of other schemas could be decoded.
        schema = found if isinstance(found, UnusableSchema) else await asyncio.to_thread(compile_schema, found)
        while len(self._schemas) >= MOST_SCHEMAS:
            oldest = next(iter(self._schemas))
            del self._schemas[oldest]
            self._unknown_since.pop(oldest, None)
        self._schemas[schema_id] = schema
        self._unknown_since.pop(schema_id, None)
        if isinstance(schema, UnusableSchema):
            self._unknown_since[schema_id] = monotonic()
            log.warning("Records have a schema that cannot be used: they become dead letters", extra=_shown(schema))

    async def _ask(self, schema_id: SchemaId) -> SchemaText | UnusableSchema:
        failures = 0
        while True:
            try:
                found = await self._fetch(schema_id)
            except RegistryDownError as error:
                failures += 1
                self.problem = f"the schema registry does not answer ({error})"
                self._requests.labels("failed").inc()
                delay_s = self._retry.delay_s(failures)
                extra = {"problem": str(error), "schema": str(schema_id), "retry_in_s": round(delay_s, 1)}
                log.warning("The schema registry does not answer: records wait for their schema", extra=extra)
                await asyncio.sleep(delay_s)
                continue
            if self.problem is not None:
                log.info("The schema registry answers again")
                self.problem = None
            self._requests.labels("unknown" if isinstance(found, UnusableSchema) else "found").inc()
            return found


@asynccontextmanager
async def opened_schemas(settings: Settings, registry: CollectorRegistry) -> AsyncIterator[SchemaCache | None]:
    """The schemas of the registry in the settings; None if there is no registry.

    Raises:
        ConfigError: the libraries that read its schemas are not installed, or a file for TLS cannot be loaded.
    """
    if settings.schema_registry_url is None:
        yield None
        return
    try:
        require_libraries()
    except ImportError as error:
        raise ConfigError(
            f"TRIAGE_SCHEMA_REGISTRY_URL needs the package {error.name}: pip install '.[registry]'."
        ) from None
    async with open_client(settings) as client:
        yield SchemaCache(client.schema, registry)


def _shown(schema: UnusableSchema) -> dict[str, str]:
    return {"code": schema.code, "problem": schema.problem}
