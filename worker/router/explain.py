"""``triage router --explain``: which rule fires for a message, which did not, and what the ticket gets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.structs import TopicPartition
from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.cloudevents import timestamp
from schemas.events import DecidedBy, IntentEvent, Probability
from schemas.message import Scalar
from worker import topics
from worker.connection import connection
from worker.errors import ConfigError, TriageError
from worker.router.intents import facts_of
from worker.router.routes import Facts, Routes
from worker.router.routes_file import SHIPPED, load
from worker.settings import Settings


class _Given(BaseModel):
    """An intent event as a person types it: only the intent is needed. Fields that rules cannot match on are let be."""

    model_config = ConfigDict(extra="ignore")

    intent: str
    confidence: Probability = 1.0
    classified_at: datetime | None = None
    decided_by: DecidedBy = "model"
    channel: str | None = None
    language: str | None = None
    customer_id: str | None = None
    metadata: dict[str, Scalar] = {}
    text: str | None = None


async def explain(settings: Settings, asked: str) -> str:
    """What the rules say of an intent event in JSON, or of a message on the intents topic.

    Raises:
        TriageError: the JSON is no intent event, there is no such message, or the rules are not valid.
    """
    routes = load(settings.routes or SHIPPED)
    facts = _typed(asked) if asked.lstrip().startswith("{") else await _found(settings, asked)
    return "\n".join(told(routes, facts))


def told(routes: Routes, facts: Facts) -> Iterator[str]:
    """Line by line, what every rule makes of a message up to the one that fires."""
    yield f"{facts.intent}, confidence {facts.confidence:g}, at {facts.at.astimezone(routes.zone):%a %d %b %Y %H:%M %Z}"
    for rule, outcome in routes.tried(facts):
        failed = [condition for condition, holds in outcome if not holds]
        if failed:
            why = ", ".join(f"{c.name} is {c.found(facts)}, not {c.wanted}" for c in failed)
            yield f"  no   {rule.name}: {why}"
        else:
            why = ", ".join(f"{c.name} is {c.found(facts)}" for c, _ in outcome) or "it has no conditions"
            yield f"  FIRES {rule.name}: {why}"
    route = routes.route(facts)
    if route.rule is None:
        yield "  No rule fires: the defaults decide."
    due = "none" if route.sla_s is None else timestamp(facts.at.timestamp() + route.sla_s)
    tags = ", ".join(route.tags) or "none"
    yield f"queue {route.queue}, priority {route.priority}, due {due}, tags {tags}"


def _typed(text: str) -> Facts:
    try:
        given = _Given.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"--explain: {where or 'the JSON'}: {first['msg']}.") from None
    at = given.classified_at or datetime.now(UTC)
    fields: dict[str, Any] = given.model_dump(exclude={"classified_at"})
    return Facts(at=at if at.tzinfo else at.replace(tzinfo=UTC), **fields)


async def _found(settings: Settings, message_id: str) -> Facts:
    """Look for a message on the intents topic, from its beginning to what is its end now."""
    await topics.require(settings, {"output_topic": "Read"})
    async with AIOKafkaConsumer(**connection(settings), enable_auto_commit=False) as consumer:
        await consumer._client._wait_on_metadata(settings.output_topic)
        numbers = consumer.partitions_for_topic(settings.output_topic) or set()
        partitions = [TopicPartition(settings.output_topic, number) for number in numbers]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        while [p for p in partitions if await consumer.position(p) < ends[p]]:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    if message_id.encode() in (record.value or b"") and _is(record.value, message_id):
                        return facts_of(IntentEvent.read(record.value))
    raise TriageError(
        f"There is no message {message_id} on {settings.output_topic}: it may have been passed to the fallback, or be "
        f"older than what the topic keeps."
    )


def _is(value: bytes, message_id: str) -> bool:
    try:
        return bool(orjson.loads(value).get("message_id") == message_id)
    except (orjson.JSONDecodeError, AttributeError):
        return False
