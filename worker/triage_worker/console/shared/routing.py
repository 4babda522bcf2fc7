"""Why a message went where it went: the rules that are in force now, applied to what is known about it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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
    return Facts(
        intent=decision.intent,
        confidence=decision.confidence or 0.0,
        at=datetime.fromtimestamp(decision.at / 1000, UTC),
        decided_by=decision.decided_by,
        channel=message.channel,
        language=message.language,
        customer_id=message.customer_id,
        metadata=more.get("metadata", {}),
        text=decision.text,
        entities=entities_of(more),
        wishes=wishes_of(more, decision.intent),
    )


def wishes_of(more: Mapping[str, Any], intent: str) -> list[str]:
    """Return what a message asks for besides its intent, by what the state keeps of its event."""
    intents = [one["intent"] for one in more.get("intents", ()) if isinstance(one, dict) and "intent" in one]
    return [one for one in intents if one != intent]


def entities_of(more: Mapping[str, Any]) -> list[EntityRef]:
    """Return what a message names, by what the state keeps of its event."""
    found, entities = more.get("entities"), []
    for one in found if isinstance(found, list) else ():
        try:
            entities.append(EntityRef.model_validate(one, strict=False, extra="ignore"))
        except ValidationError:
            continue
    return entities
