"""``triage router --explain``: which rule fires for a message, which did not, and what the ticket gets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict, ValidationError
from triage_schemas.cloudevents import timestamp
from triage_schemas.events import DecidedBy, IntentEvent, Probability
from triage_schemas.input.message import Scalar
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import authorization as rights
from triage_worker.kafka import topics
from triage_worker.kafka.topic_reader import reader, whole_topic
from triage_worker.router.intents import facts_of
from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import Routes
from triage_worker.routing.routes_file import SHIPPED, load


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
        first = first_error(error)
        raise ConfigError(f"--explain: {first.path or 'the JSON'}: {first.message}.") from None
    at = given.classified_at or datetime.now(UTC)
    fields: dict[str, Any] = given.model_dump(exclude={"classified_at"})
    return Facts(at=at if at.tzinfo else at.replace(tzinfo=UTC), **fields)


async def _found(settings: Settings, message_id: str) -> Facts:
    """Look for a message on the intents topic, from its beginning to what is its end now."""
    topic = settings.output_topic
    await topics.require(settings, {"output_topic": "Read"})
    try:
        async with reader(settings) as consumer:
            async for records in whole_topic(consumer, topic):
                for record in records:
                    if (event := _event(record.value or b"", message_id)) is not None:
                        return facts_of(event)
    except KafkaError as error:
        raise TriageError(f"{topic} could not be read ({rights.told(error)}): try again.") from error
    raise TriageError(
        f"There is no message {message_id} on {topic}: it may have been passed to the fallback, or be "
        f"older than what the topic keeps."
    )


def _event(value: bytes, message_id: str) -> IntentEvent | None:
    """The event in a record, if it is about the message."""
    if message_id.encode() not in value:  # nearly all of them, and not worth parsing
        return None
    try:
        event = IntentEvent.read(value)
    except ValidationError:
        return None
    return event if event.message_id == message_id else None
