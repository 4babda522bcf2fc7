"""Makes the label of an agent's correction, as a record of ``customer.labels``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from triage_schemas.cloudevents import Headers, event_id, timestamp
from triage_schemas.encoding import EventEncoding
from triage_schemas.events import LabelEvent, SourceRef, TicketMessage
from triage_schemas.messages.message import Source
from triage_schemas.records import to_record

from triage_worker.helpdesk.corrections import AgentRecord, Correction

KIND = f"{LabelEvent.TYPE}.helpdesk"
"""Begins the ids of these labels: the message may also have a label by an LLM, or by a person in the review."""


class LabelRecord(NamedTuple):
    """A record to send."""

    key: bytes
    value: bytes
    headers: Headers


def label_record(
    ticket_id: str,
    about: Mapping[str, Any],
    correction: Correction,
    agents: AgentRecord,
    text: str,
    labelled_by: str,
    encoding: EventEncoding,
) -> LabelRecord:
    """Make a label.

    Args:
        ticket_id: the helpdesk's ticket.
        about: the ticket's intent and message, as `triage_worker.helpdesk.customer_tickets.about` keeps them.
        correction: what the agent said.
        agents: when that was, and how often this ticket has taught before.
        text: of the ticket's first message.
        labelled_by: who decided.
        encoding: writes the value.
    """
    message = TicketMessage.model_validate(about["message"])
    source = SourceRef.model_validate(message.source)
    fields: dict[str, Any] = {} if message.language is None else {"language": message.language}
    event = LabelEvent(
        **fields,
        message_id=message.message_id,
        conversation_id=about["conversation_id"],
        customer_id=about["customer_id"],
        channel=message.channel,
        helpdesk_ticket_id=ticket_id,
        source=source,
        text=text,
        label=correction.label,
        decided_by="human",
        labelled_by=labelled_by,
        confidence=correction.confidence,
        labelled_at=datetime.fromtimestamp(agents.since, UTC),
    )
    record = to_record(
        event,
        identity=event_id(f"{KIND}.{agents.times + 1}", Source(source.topic, source.partition, source.offset)),
        time=timestamp(agents.since),
        subject=message.message_id,
        encoding=encoding,
    )
    return LabelRecord(str(about["conversation_id"] or message.message_id).encode(), record.value, record.headers)
