"""Intent events as the worker publishes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from triage_schemas.events import IntentEvent, ModelRef, SourceRef

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def intent_event(number: int, *, intent: str = "WISMO", at: datetime | None = None, **fields: Any) -> IntentEvent:
    """Make the event of message ``number``; messages are a second apart unless ``at`` is given."""
    given: dict[str, Any] = {
        "message_id": f"m-{number}",
        "conversation_id": "chat-1",
        "customer_id": "c-1",
        "channel": "chat",
        "confidence": 0.97,
        "decided_by": "model",
    }
    return IntentEvent(
        **(given | fields),
        source=SourceRef(topic="in", partition=0, offset=number),
        intent=intent,
        scores={intent: 0.97},
        threshold=0.9,
        model=ModelRef(name="fake", version="1"),
        classified_at=at or MONDAY + timedelta(seconds=number),
    )
