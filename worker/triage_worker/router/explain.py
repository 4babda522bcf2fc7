"""``triage router --explain``: shows which rule fires for a message, why the rules before it do not, and the result."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict, ValidationError
from triage_schemas.events import DecidedBy, EntityRef, IntentEvent, Probability, WishRef
from triage_schemas.messages.message import Scalar
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import authorization, topics
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.records import InputRecord
from triage_worker.kafka.topic_reader import open_reader, read_topic
from triage_worker.router.intent_parser import facts_of, wishes_of
from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import Routes
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load

MINUTE = "%a %d %b %Y %H:%M %Z"
"""How times are shown: always in the rules' time zone."""


class _TypedEntity(EntityRef):
    """An entity as a person types it, without positions."""

    model_config = ConfigDict(extra="ignore", strict=False)

    start: int = 0
    end: int = 0


class _TypedWish(WishRef):
    """A wish as a person types it, without a probability."""

    model_config = ConfigDict(extra="ignore", strict=False)

    probability: Probability = 1.0


class _TypedIntent(BaseModel):
    """An intent event as a person types it: only the intent is required, and unknown fields are ignored."""

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
    entities: list[_TypedEntity] = []
    intents: list[_TypedWish] = []


async def explain(settings: Settings, event_or_id: str) -> str:
    """Explain how the rules route an intent event.

    Args:
        settings: the rules file, and the connection to Kafka.
        event_or_id: an intent event as JSON, or the id of a message on the intents topic.

    Raises:
        TriageError: the JSON is no intent event, there is no such message, or the rules are not valid.
    """
    routes = load(settings.routes or DEFAULT_ROUTES)
    is_json = event_or_id.lstrip().startswith("{")
    facts = _parse(event_or_id) if is_json else await _find(settings, event_or_id)
    return "\n".join(explain_route(routes, facts))


def explain_route(routes: Routes, facts: Facts) -> Iterator[str]:
    """Explain a route line by line: each rule up to the one that fires, then what the ticket gets."""
    yield f"{facts.intent}, confidence {facts.confidence:g}, at {facts.at.astimezone(routes.zone):{MINUTE}}"
    for rule, results in routes.evaluate(facts):
        failed = [condition for condition, holds in results if not holds]
        if failed:
            why = ", ".join(f"{c.name} is {c.found(facts)}, not {c.wanted}" for c in failed)
            yield f"  no   {rule.name}: {why}"
        else:
            why = ", ".join(f"{c.name} is {c.found(facts)}" for c, _ in results) or "it has no conditions"
            yield f"  FIRES {rule.name}: {why}"
    route = routes.route(facts)
    if route.rule is None:
        yield "  No rule fires: the defaults apply."
    due = (
        "none"
        if route.sla_s is None
        else f"{datetime.fromtimestamp(facts.at.timestamp() + route.sla_s, routes.zone):{MINUTE}}"
    )
    tags = ", ".join(route.tags) or "none"
    fields = "".join(f", {name} {value}" for name, value in route.fields.items())
    yield f"queue {route.queue}, priority {route.priority}, due {due}, tags {tags}{fields}"


def _parse(text: str) -> Facts:
    try:
        typed = _TypedIntent.model_validate_json(text)
    except ValidationError as error:
        first = first_error(error)
        raise ConfigError(f"--explain: {first.path or 'the JSON'}: {first.message}.") from None
    at = typed.classified_at or datetime.now(UTC)
    fields: dict[str, Any] = dict(typed)
    del fields["classified_at"], fields["intents"]
    fields["wishes"] = wishes_of(typed.intent, typed.intents)
    return Facts(at=at if at.tzinfo else at.replace(tzinfo=UTC), **fields)


async def _find(settings: Settings, message_id: str) -> Facts:
    """Search the intents topic for a message, from its beginning to its current end."""
    topic = settings.output_topic
    await topics.require(settings, {"output_topic": "Read"})
    try:
        async with open_reader(settings) as consumer, opened_reader(settings, strict=True) as reader:
            async for records in read_topic(consumer, topic):
                await reader.load(records)
                for record in records:
                    if (event := _event_about(message_id, record, reader)) is not None:
                        return facts_of(event)
    except KafkaError as error:
        raise TriageError(f"{topic} could not be read ({authorization.describe_error(error)}): try again.") from error
    raise TriageError(
        f"There is no message {message_id} on {topic}: it may have gone to the fallback, or be older than the topic's "
        f"retention."
    )


def _event_about(message_id: str, record: InputRecord, reader: EventReader) -> IntentEvent | None:
    """The event in a record if it is about the message."""
    if message_id.encode() not in (record.value or b""):  # avoids parsing nearly all records; Avro has it as it is, too
        return None
    try:
        event = reader.read(IntentEvent, record)
    except ValidationError:
        return None
    return event if event.message_id == message_id else None
