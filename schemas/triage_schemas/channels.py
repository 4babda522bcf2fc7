"""The channels between the services: the events on each topic, and the services that read and write it.

Required topics, the topic plan, flags of commands and the AsyncAPI document derive from this table.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from triage_schemas.act_event import ActEvent
from triage_schemas.events import (
    AlertEvent,
    Event,
    FallbackEvent,
    IntentEvent,
    LabelEvent,
    ReviewEvent,
    ThresholdEvent,
    TicketEvent,
)

Service = Literal["worker", "router", "helpdesk", "fallback", "review", "audit", "intake", "console"]
SERVICES: tuple[Service, ...] = get_args(Service)


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic as the services see it, whatever its configured name is.

    Attributes:
        name: the channel's name in the AsyncAPI document.
        event: the type of its events; None if its records are not events.
        readers: the services that read it.
        writers: the services that write it.
        optional: those of them that need it only with a setting of their own.
        key: describes the key of its records.
        always_json: its events are JSON in every output format: only Triage reads them, before anything else.
    """

    name: str
    event: type[Event] | None = None
    readers: tuple[Service, ...] = ()
    writers: tuple[Service, ...] = ()
    optional: tuple[Service, ...] = ()
    key: str = "the message's"
    always_json: bool = False

    @property
    def setting(self) -> str:
        """The setting that names the topic."""
        return f"{self.name}_topic"


INPUT = Channel(
    "input",
    readers=("worker",),
    writers=("intake",),
    key="any; conversation_id keeps a conversation in order",
)
DEAD_LETTERS = Channel(
    "dead_letter",
    readers=("console",),
    writers=("worker", "router", "helpdesk", "fallback", "review", "intake"),
    key="the record's",
)
INTAKE = Channel(
    "intake",
    readers=("intake",),
    writers=("intake",),
    key="the conversation's id, or else the source and the key of the message",
)

CHANNELS = (
    INPUT,
    Channel("output", IntentEvent, readers=("router", "console"), writers=("worker", "fallback", "review", "console")),
    Channel("fallback", FallbackEvent, readers=("fallback", "console"), writers=("worker",)),
    DEAD_LETTERS,
    Channel("tickets", TicketEvent, readers=("helpdesk", "console"), writers=("router",), key="ticket_id"),
    Channel("alerts", AlertEvent, readers=("console",), writers=("router",), key="intent"),
    Channel(
        "review",
        ReviewEvent,
        readers=("review", "audit", "console"),
        writers=("worker", "fallback", "review"),
        optional=("worker",),
    ),
    Channel(
        "labels",
        LabelEvent,
        readers=("audit", "console"),
        writers=("fallback", "review", "helpdesk", "console"),
        optional=("helpdesk",),
    ),
    Channel(
        "control",
        ThresholdEvent,
        readers=("worker", "audit", "console"),
        writers=("audit",),
        optional=("worker", "audit"),
        key="the bundle's name and version, joined by a colon",
        always_json=True,
    ),
    INTAKE,
    Channel(
        "acts",
        ActEvent,
        readers=("console",),
        writers=("console",),
        key="what the act is about, such as review:customer.messages:3:1042",
        always_json=True,
    ),
)
"""All channels, in the order of their settings."""


def read_by(service: Service) -> tuple[Channel, ...]:
    """Return the channels that a service reads."""
    return tuple(channel for channel in CHANNELS if service in channel.readers)


def written_by(service: Service) -> tuple[Channel, ...]:
    """Return the channels that a service writes, with the dead letters last."""
    written = (channel for channel in CHANNELS if service in channel.writers)
    return tuple(sorted(written, key=lambda channel: channel is DEAD_LETTERS))


def topic_settings(service: Service) -> tuple[str, ...]:
    """Return the settings that name a service's topics: first those that it reads, then those that it only writes."""
    return tuple(dict.fromkeys(channel.setting for channel in (*read_by(service), *written_by(service))))
