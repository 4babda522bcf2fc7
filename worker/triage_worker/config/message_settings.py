"""Settings of topics and messages."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, PositiveInt
from triage_schemas.dead_letters import HeaderStyle
from triage_schemas.input.formats import FormatName, describe_formats
from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER
from triage_schemas.output_formats import OutputFormat

from triage_worker.config.field_paths import FieldPath, FieldPaths
from triage_worker.config.topic_selection import InputTopics
from triage_worker.config.types import CommaSeparatedNames, Lower, Topic


class MessageSettings(BaseModel):
    """The topics, and how messages are read."""

    input_topic: InputTopics = Field(
        "customer.messages",
        description="messages are read from here: topics separated by commas, or a regular expression that begins "
        "with ^",
    )
    output_topic: Topic = Field("customer.intents", description="accepted intents go here")
    fallback_topic: Topic = Field(
        "customer.intents.fallback", description="messages that the model does not accept go here"
    )
    dead_letter_topic: Topic = Field("customer.messages.dlq", description="messages that cannot be read go here")
    dead_letter_headers: Annotated[HeaderStyle, Lower] = Field(
        "triage", description="names of the headers that say why: Triage's, or those of Kafka Connect or of Spring"
    )
    tickets_topic: Topic = Field("support.tickets", description="router: tickets go here")
    alerts_topic: Topic = Field("support.alerts", description="router: alerts about surges go here")
    review_topic: Topic = Field(
        "customer.intents.review", description="fallback: messages that a person must decide go here"
    )
    labels_topic: Topic = Field("customer.labels", description="fallback and review: decisions to learn from go here")
    control_topic: Topic = Field("customer.intents.control", description="audit: changes of the threshold go here")
    acts_topic: Topic = Field("support.acts", description="console: what people do there goes here, for the record")

    input_format: Annotated[FormatName, Lower] = Field(
        "json", description=f"what a message's value is: {describe_formats()}"
    )
    output_format: Annotated[OutputFormat, Lower] = Field(
        "json", description="what an event's value is: JSON, or by the schema registry avro or json_schema"
    )
    sources: Path | None = Field(
        None, description="worker: YAML file with the input topics, each with its own fields, format and bundle"
    )
    text_field: FieldPaths = Field(
        "text",
        description="path to the text in the JSON object, such as payload.body.text; header:NAME or key:; several, "
        "separated by commas, are joined",
    )
    subject_field: FieldPath | None = Field(
        None, description="path to the subject in the JSON object; it is read with the text"
    )
    id_field: FieldPath = Field("message_id", description="path to the id of the message")
    conversation_field: FieldPath = Field(
        "conversation_id", description="path to the id of the conversation, by which tickets are grouped"
    )
    customer_field: FieldPath = Field("customer_id", description="path to the id of the customer")
    channel_field: FieldPath = Field("channel", description="path to the channel, such as chat")
    language_field: FieldPath = Field("language", description="path to the language, as ISO 639-1 code")
    helpdesk_ticket_field: FieldPath = Field(
        "ticket_id", description="path to the id of the helpdesk's ticket that the message belongs to"
    )
    include_text: bool = Field(False, description="also put the message's text into accepted intents")
    detect_language: bool = Field(
        True,
        description="find the language of messages that give none, and refuse those that the bundle has not learned",
    )
    clean_email: bool = Field(
        True, description="leave out HTML, quotations, signatures and automatic replies when a text is classified"
    )
    skip_unchanged: bool = Field(True, description="skip updates in a change log (CDC) that leave the text as it was")
    text_placeholders: CommaSeparatedNames = Field(
        DEBEZIUM_PLACEHOLDER,
        description="what connectors write for a value that they leave out, separated by commas; never a text or an id",
    )
    max_message_bytes: PositiveInt = Field(1_048_576, description="larger messages go to the dead letters")
    max_text_bytes: PositiveInt = Field(
        65_536, description="messages with a longer text (in UTF-8) go to the dead letters"
    )
