"""The topics of the router: those that everybody sees, and two of its own."""

from typing import NamedTuple

from triage_worker.config.settings import Settings


class RouterTopics(NamedTuple):
    """Names. ``keyed`` takes intents that came without a key, ``counts`` what the desk tells the watch."""

    intents: str
    tickets: str
    alerts: str
    dead_letters: str
    keyed: str
    counts: str

    @classmethod
    def of(cls, settings: Settings) -> "RouterTopics":
        """The names that the settings give."""
        group = settings.group("router")
        return cls(
            intents=settings.output_topic,
            tickets=settings.tickets_topic,
            alerts=settings.alerts_topic,
            dead_letters=settings.dead_letter_topic,
            keyed=f"{group}-keyed",
            counts=f"{group}-counts",
        )
