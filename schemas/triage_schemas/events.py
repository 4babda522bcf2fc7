"""The events on the topics, as types. Writing is strict; reading leaves out what it does not know."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from triage_schemas.cloudevents import timestamp
from triage_schemas.input.message import Scalar

Reason = Literal["low_confidence", "unfamiliar", "ambiguous", "out_of_scope"]
DecidedBy = Literal["model", "llm", "human"]
Probability = Annotated[float, Field(ge=0, le=1)]


def _milliseconds(moment: datetime) -> str:
    return timestamp(moment.timestamp())


Moment = Annotated[
    AwareDatetime,
    PlainSerializer(_milliseconds, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Part(BaseModel):
    """A part of an event, checked when made: no unknown field, no coercion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Event(Part):
    """One event. ``TYPE`` is its ``ce_type``."""

    TYPE: ClassVar[str]

    @classmethod
    def read(cls, value: bytes | str) -> Self:
        """Read an event that somebody wrote, perhaps a newer version: unknown fields are left out.

        Raises:
            pydantic.ValidationError: a field is missing or of the wrong type.
        """
        return cls.model_validate_json(value, strict=False, extra="ignore")

    def write(self) -> bytes:
        """The event as JSON; optional fields that were not given stay out."""
        return self.model_dump_json(exclude_unset=True).encode()


class ModelRef(Part):
    """Which model decided."""

    name: str
    version: str


class SourceRef(Part):
    """Where the message was read."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class MessageEvent(Event):
    """What every event about one message carries of it."""

    message_id: str = Field(description="the message's own id, or topic-partition-offset where it has none")
    conversation_id: str | None
    customer_id: str | None
    channel: str | None
    language: str | None = None
    metadata: dict[str, Scalar] = Field(default_factory=dict, description="scalars of the message's metadata")
    source: SourceRef


class Intent(MessageEvent):
    """A decision about one message."""

    intent: str
    confidence: Probability = Field(
        description="calibrated probability that the intent is right; an LLM's own estimate; 1 where a person decided"
    )
    scores: dict[str, Probability] = Field(description="the three likeliest intents, likeliest first")
    decided_by: DecidedBy
    threshold: Probability = Field(description="confidence from which such intents are accepted")
    familiarity: float | None = Field(None, description="cosine similarity to the nearest training prototype")
    truncated: bool = Field(False, description="the text was longer than the model reads")
    model: ModelRef = Field(description="who decided; where a person did, the model that would not")
    classified_at: Moment


class IntentEvent(Intent):
    """An intent to act on."""

    TYPE = "triage.intent"

    text: str | None = Field(None, description="the message's text, with TRIAGE_INCLUDE_TEXT only")


class FallbackEvent(Intent):
    """A message that the model would not vouch for, with all that a larger model needs to decide it."""

    TYPE = "triage.intent.fallback"

    reason: Reason
    text: str
    labels: dict[str, str] = Field(description="every intent there is, with what it means")


class ReviewEvent(Intent):
    """A message that a person has to decide."""

    TYPE = "triage.intent.review"

    reason: Reason = Field(description="why the model would not vouch for it")
    review_reason: str = Field(description="why the larger model could not decide it either")
    text: str
    labels: dict[str, str]


class LabelEvent(MessageEvent):
    """What a message really was, said by a person or a larger model: a row to learn from."""

    TYPE = "triage.label"

    text: str
    label: str
    decided_by: Literal["llm", "human"]
    model: ModelRef | None = Field(None, description="the larger model, where one decided")
    labelled_at: Moment


class TicketEvent(Event):
    """The state of a ticket after something happened to it. The newest event of a ticket is all of it."""

    TYPE = "triage.ticket"

    ticket_id: str
    conversation_id: str
    customer_id: str | None
    event: Literal["opened", "updated", "escalated", "closed"]
    status: Literal["open", "closed"]
    intent: str
    intents: list[str] = Field(description="every intent of the conversation, oldest first")
    queue: str
    priority: Literal["low", "normal", "high", "urgent"]
    tags: list[str]
    due_at: Moment | None
    messages: int = Field(ge=1)
    opened_at: Moment
    updated_at: Moment


class AlertEvent(Event):
    """An intent comes in far more often than is usual, or has stopped to."""

    TYPE = "triage.alert"

    alert_id: str
    event: Literal["started", "ended"]
    intent: str
    count: int = Field(ge=0, description="messages in the window")
    usual: float = Field(ge=0, description="messages usual for a window at this hour")
    examples: list[str] = Field(description="message ids")
    window_start: Moment
    window_end: Moment
