"""The contract of an adapter: how a sender's webhooks are verified, and which messages their bodies have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.intake.signatures import Signature


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message of a customer, as a webhook has it.

    Attributes:
        text: as a person reads it, without HTML.
        key: that the sender gives this message, the same whenever it is sent again; None if it gives none.
        subject: is read with the text; that of earlier messages belongs into ``metadata`` only.
        message_id: of the message; None: its key.
        conversation_id: by which tickets are grouped.
        ticket_id: of the ticket at the helpdesk that the message is from.
        customer_id: who wrote it.
        channel: such as email or chat.
        language: as ISO 639-1 code.
        created_at: when it was written, in RFC 3339.
        metadata: for the router's rules.
    """

    text: str
    key: str | None = None
    subject: str = ""
    message_id: str | None = None
    conversation_id: str | None = None
    ticket_id: str | None = None
    customer_id: str | None = None
    channel: str | None = None
    language: str | None = None
    created_at: str | None = None
    metadata: Mapping[str, str | int | float | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is in a webhook.

    Attributes:
        messages: of customers, in the order in which they were written.
        ignored: how many things in it are none: answers of agents, notes, changes of a status.
        answer: what the sender has to be answered, if it is no webhook but a test of the address.
    """

    messages: Sequence[ReceivedMessage] = ()
    ignored: int = 0
    answer: Mapping[str, str] | None = None


IGNORED = Reading(ignored=1)


class Reader(Protocol):
    """Reads the body of a webhook."""

    def __call__(self, body: Any, headers: Mapping[str, str], source: IntakeSourceModel) -> Reading:
        """Return what is in it.

        Args:
            body: parsed from JSON.
            headers: of the request, by lower-case names.
            source: whose webhook it is.

        Raises:
            InvalidBodyError: it has not the shape that its sender documents.
        """
        ...


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a module in ``adapters`` declares about a sender.

    Attributes:
        read: reads the body of a webhook.
        signature: how webhooks are signed; None if they are not.
    """

    read: Reader
    signature: Signature | None = None


def load_adapter(kind: str) -> Adapter:
    """Import the adapter of a kind of source."""
    adapter: Adapter = import_module(f"triage_worker.intake.adapters.{kind}").ADAPTER
    return adapter
