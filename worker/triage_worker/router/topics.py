"""The names of the router's topics."""

from typing import NamedTuple, Self

from triage_worker.config.settings import Settings
from triage_worker.kafka.dead_letters import DeadLetterTopic

FORGET = "triage.forget"
"""The header of a record without a value on `RouterTopics.keyed`: forget the conversation that is the record's key, if
its ticket is the one that the header names."""


class RouterTopics(NamedTuple):
    """The topics that the router reads and writes.

    Attributes:
        intents: intent events.
        tickets: ticket events.
        alerts: surge alerts.
        dead_letters: records that cannot be processed.
        keyed: internal; intent events that came without a key, with the conversation's id as the key; also requests of
            `triage forget`.
        counts: internal; how often each intent was seen, from the ticket service to the surge service.
    """

    intents: str
    tickets: str
    alerts: str
    dead_letters: DeadLetterTopic
    keyed: str
    counts: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the names that the settings give."""
        group = settings.group("router")
        return cls(
            intents=settings.output_topic,
            tickets=settings.tickets_topic,
            alerts=settings.alerts_topic,
            dead_letters=DeadLetterTopic.of(settings, "router"),
            keyed=f"{group}-keyed",
            counts=f"{group}-counts",
        )
