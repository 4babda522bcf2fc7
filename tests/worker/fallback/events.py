"""Fallback events like the worker's."""

from datetime import UTC, datetime
from typing import Any

from triage_schemas.events import FallbackEvent, ModelRef, SourceRef

LABELS = {
    "WISMO": "where is my order",
    "RETURN_REQUEST": "send it back, money back",
    "CANCEL_ORDER": "stop an order",
    "OTHER": "a real wish that belongs to none of the others",
}


def event(text: str = "it never came", offset: int = 0, **more: Any) -> FallbackEvent:
    """One event; ``more`` sets or replaces its fields."""
    fields: dict[str, Any] = {
        "message_id": f"m-{offset}",
        "conversation_id": "c-1",
        "customer_id": "u-1",
        "channel": "chat",
        "language": "en",
        "metadata": {"tier": "gold"},
        "source": SourceRef(topic="customer.messages", partition=0, offset=offset),
        "intent": "OTHER",
        "confidence": 0.4,
        "scores": {"OTHER": 0.4, "WISMO": 0.3, "CANCEL_ORDER": 0.2},
        "decided_by": "model",
        "threshold": 0.8,
        "familiarity": 0.5,
        "truncated": False,
        "model": ModelRef(name="ecommerce", version="1"),
        "classified_at": datetime(2026, 1, 1, tzinfo=UTC),
        "reason": "low_confidence",
        "text": text,
        "labels": LABELS,
    }
    return FallbackEvent(**(fields | more))
