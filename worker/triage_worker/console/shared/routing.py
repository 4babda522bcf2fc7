"""Why a message went where it went: the rules that are in force now, applied to what is known about it."""

from datetime import UTC, datetime

from pydantic import ValidationError
from triage_schemas.events import EntityRef

from triage_worker.config.settings import Settings
from triage_worker.console.queries.conversations import Decision, Message
from triage_worker.routing.conditions import Facts
from triage_worker.routing.routes import Route, Routes
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load


def routes_of(settings: Settings) -> Routes:
    """Load the rules.

    Raises:
        ConfigError: the file cannot be read or is not valid.
    """
    return load(settings.routes or DEFAULT_ROUTES)


def route_of(routes: Routes, message: Message, decision: Decision) -> Route:
    """Return where the rules send a message with this decision."""
    return routes.route(facts_of(message, decision))


def facts_of(message: Message, decision: Decision) -> Facts:
    """Return what rules can match on; the text only if the event had it, as for the router."""
    more = decision.more
    intents = [one["intent"] for one in more.get("intents", ()) if isinstance(one, dict) and "intent" in one]
    return Facts(
        intent=decision.intent,
        confidence=decision.confidence or 0.0,
        at=datetime.fromtimestamp(decision.at / 1000, UTC),
        decided_by=decision.decided_by,
        channel=message.channel,
        language=message.language,
        customer_id=message.customer_id,
        metadata=more.get("metadata", {}),
        entities=_entities(more.get("entities", ())),
        wishes=[intent for intent in intents if intent != decision.intent],
    )


def _entities(found: object) -> list[EntityRef]:
    entities = []
    for one in found if isinstance(found, list) else ():
        try:
            entities.append(EntityRef.model_validate(one, strict=False, extra="ignore"))
        except ValidationError:
            continue
    return entities
