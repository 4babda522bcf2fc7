"""The events on the topics. Writing validates strictly; reading ignores unknown fields."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from triage_schemas.cloudevents import timestamp
from triage_schemas.messages.message import Scalar

Reason = Literal["low_confidence", "unfamiliar", "ambiguous", "out_of_scope", "unsupported_language"]
DecidedBy = Literal["model", "llm", "human"]
EntityKind = Literal["order_number", "tracking_number", "email", "date", "amount", "phone", "postcode", "product"]
ENTITY_KINDS: tuple[EntityKind, ...] = get_args(EntityKind)
"""The kinds of entities that this version finds."""

Probability = Annotated[float, Field(ge=0, le=1)]


def _milliseconds(time: datetime) -> str:
    return timestamp(time.timestamp())


Timestamp = Annotated[
    AwareDatetime,
    PlainSerializer(_milliseconds, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class StrictModel(BaseModel):
    """A value that is validated when it is created: no unknown fields, no type coercion."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Event(StrictModel):
    """Base class of all events. ``TYPE`` is the event's ``ce_type``."""

    TYPE: ClassVar[str]

    @classmethod
    def read(cls, value: bytes | str) -> Self:
        """Parse an event's JSON. Unknown fields are ignored, since a newer version may have written it.

        Raises:
            pydantic.ValidationError: a field is missing or has the wrong type.
        """
        return cls.model_validate_json(value, strict=False, extra="ignore")

    def write(self) -> bytes:
        """The event as JSON in UTF-8. Optional fields that were not set are omitted."""
        return self.model_dump_json(exclude_unset=True).encode()


class ModelRef(StrictModel):
    """The name and version of a model."""

    name: str
    version: str


class SourceRef(StrictModel):
    """The position of the input record in Kafka."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class WishRef(StrictModel):
    """Something that a message asks for."""

    intent: str
    probability: Probability = Field(
        description="of the intent its confidence; of another one how sure the model is that it is asked for, 0 to 1"
    )


class EntityRef(StrictModel):
    """An entity of the message's text, such as an order number."""

    type: str = Field(description=f"{', '.join(ENTITY_KINDS)}; more may come")
    start: int = Field(ge=0, description="position of its first character in the message's text")
    end: int = Field(ge=0, description="position after its last character")
    value: str = Field(description="in one way of writing: E.164, ISO 8601, a decimal number, a product's id")
    currency: str | None = Field(default=None, description="of an amount, ISO 4217")


class TicketEntity(StrictModel):
    """An entity that a message of a ticket's conversation names."""

    type: str = Field(description="as in the events about the messages")
    value: str = Field(description="as in the events about the messages")
    currency: str | None = Field(default=None, description="of an amount, ISO 4217")


class MessageEvent(Event):
    """The fields of the message that every event about it repeats."""

    message_id: str = Field(description="the message's own id, or topic-partition-offset if it has none")
    conversation_id: str | None
    customer_id: str | None
    channel: str | None
    language: str | None = Field(
        default=None, description="as the message gives it; else ISO 639-1 code of what the text is in, if it says"
    )
    metadata: dict[str, Scalar] = Field(default_factory=dict, description="scalars of the message's metadata")
    helpdesk_ticket_id: str | None = Field(
        default=None, description="id of the helpdesk's ticket that the message belongs to; omitted if there is none"
    )
    source: SourceRef


class Intent(MessageEvent):
    """A decision about one message."""

    intent: str
    confidence: Probability = Field(
        description="calibrated probability that the intent is right; from an LLM, its own estimate; from a person, 1"
    )
    scores: dict[str, Probability] = Field(description="the three most likely intents, in descending order")
    decided_by: DecidedBy
    threshold: Probability = Field(description="minimum confidence of an accepted intent")
    threshold_version: int | None = Field(
        default=None,
        ge=0,
        description="version of that threshold, as an audit decided it; 0: the bundle's own; none: without an audit",
    )
    intents: list[WishRef] = Field(
        default_factory=list,
        description="what the message asks for: first the intent, then what it asks for besides; only from the model",
    )
    familiarity: float | None = Field(default=None, description="cosine similarity to the nearest training prototype")
    truncated: bool = Field(default=False, description="the text was too long to be read to its end")
    entities: list[EntityRef] = Field(default_factory=list, description="what the text names; omitted if nothing")
    model: ModelRef = Field(
        description="the model that decided; for a person's decision, the model that did not accept"
    )
    classified_at: Timestamp


class IntentEvent(Intent):
    """An accepted intent, for downstream systems to act on."""

    TYPE = "triage.intent"

    text: str | None = Field(default=None, description="the message's text; only with TRIAGE_INCLUDE_TEXT")
    corrects: str | None = Field(
        default=None, description="the intent that was published before, and that a person found wrong in an audit"
    )


class FallbackEvent(Intent):
    """A message whose prediction was not accepted, with everything that a larger model needs to decide."""

    TYPE = "triage.intent.fallback"

    reason: Reason
    suggested: bool = Field(
        default=False, description="the intent is worth showing to a person: it is above the threshold of suggestions"
    )
    text: str
    labels: dict[str, str] = Field(description="every intent with its description")


class ReviewEvent(Intent):
    """A message that needs a person's decision, or whose decision is audited."""

    TYPE = "triage.intent.review"

    reason: Reason | None = Field(
        default=None, description="why the model's prediction was not accepted; none if it was, and is audited"
    )
    suggested: bool = Field(default=False, description="as in the fallback event")
    review_reason: str = Field(description="why the larger model did not decide it either; in an audit: audit")
    text: str
    labels: dict[str, str]
    audit: bool = Field(default=False, description="a request of the audit: the decision is checked, not missing")
    audit_probability: Probability | None = Field(default=None, description="with which the audit selected the message")
    audit_weight: float | None = Field(default=None, gt=0, description="what the answer counts for in the audit")


class AuditedDecision(StrictModel):
    """What the model decided about a message that a person labelled in an audit."""

    intent: str
    confidence: Probability
    agreed: bool = Field(description="the person's label is the model's intent")
    accepted: bool = Field(description="the intent was published; if not, its confidence was below a raised threshold")
    probability: Probability = Field(description="with which the audit selected the message")
    weight: float = Field(gt=0, description="what the answer counts for")
    threshold: Probability
    threshold_version: int = Field(ge=0)
    model: ModelRef


class LabelEvent(MessageEvent):
    """The label that a person or a larger model gave to a message, for training."""

    TYPE = "triage.label"

    text: str
    label: str
    decided_by: Literal["llm", "human"]
    model: ModelRef | None = Field(default=None, description="the larger model, if one decided")
    audited: AuditedDecision | None = Field(
        default=None, description="the decision that the person checked, in an audit"
    )
    labelled_by: str | None = Field(
        default=None, description="who decided, where that is known: of an agent at a helpdesk, product:id"
    )
    confidence: Probability | None = Field(
        default=None, description="how sure the label is: 1 where a person chose it, less where it follows from a group"
    )
    labelled_at: Timestamp


class ThresholdEvent(Event):
    """A bundle's threshold from now on, decided by an audit. The newest event of a bundle is what workers follow."""

    TYPE = "triage.threshold"

    model: ModelRef = Field(description="the bundle that it was decided for")
    version: int = Field(ge=1, description="counted from 1 for each bundle")
    threshold: Probability = Field(description="minimum confidence of an accepted intent; never below the bundle's own")
    previous: Probability = Field(description="the threshold before")
    reason: str
    alarm: Literal["promise", "change"] | None = Field(description="what led to it; null if the threshold falls")
    estimate: Probability | None = Field(description="error rate above the new threshold; null if nothing is known")
    lower: Probability = Field(description="lower bound of the error rate above the previous threshold")
    upper: Probability = Field(description="upper bound of the same")
    answers: int = Field(ge=0, description="people's answers that the estimate stands on")
    answered_until: Timestamp = Field(
        description="when the last answer was given that led to it, by the clock of the person who gave it"
    )
    answered_before: list[SourceRef] | None = Field(
        default=None,
        description="where later answers begin, in each partition of the labels topic; without it, answered_until says",
    )
    may_fall_to: list[Probability] | None = Field(
        default=None, description="lower thresholds that answers from now on are judged by; none: chosen by the audit"
    )
    decided_at: Timestamp


class TicketMessage(StrictModel):
    """The message that a ticket has its intent from."""

    message_id: str
    channel: str | None = None
    language: str | None = None
    source: SourceRef


class TicketEvent(Event):
    """The state of a ticket after a change. The newest event of a ticket is its complete state."""

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
    fields: dict[str, str] = Field(
        default_factory=dict, description="values of entities, by the names that the rules give them; omitted if none"
    )
    entities: list[TicketEntity] = Field(
        default_factory=list, description="what the messages name, each once, oldest first; omitted if nothing"
    )
    due_at: Timestamp | None
    messages: int = Field(ge=1)
    confidence: Probability | None = Field(default=None, description="of the intent; omitted if not known")
    message: TicketMessage | None = Field(default=None, description="that the intent is from; omitted if not known")
    helpdesk_ticket_id: str | None = Field(
        default=None, description="id of the customer's own ticket at the helpdesk; omitted if there is none"
    )
    opened_at: Timestamp
    updated_at: Timestamp


class AlertEvent(Event):
    """A surge of one intent has started or ended."""

    TYPE = "triage.alert"

    alert_id: str
    event: Literal["started", "ended"]
    intent: str
    count: int = Field(ge=0, description="messages in the window")
    usual: float = Field(ge=0, description="usual number of messages in such a window at this hour")
    examples: list[str] = Field(description="ids of some of these messages")
    window_start: Timestamp
    window_end: Timestamp
