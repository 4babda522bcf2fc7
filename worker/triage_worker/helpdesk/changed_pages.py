"""Reading tickets by the time of their last change, for helpdesks that list them so and have no cursor of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from triage_worker.helpdesk.adapter import ChangedPage, ChangedTicket


@dataclass(frozen=True, slots=True)
class Place:
    """Where reading goes on: from a time, in seconds since the epoch, at a page of what was changed since then."""

    since: float
    page: int = 1

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read what `write` wrote, or a plain time."""
        since, _, page = text.partition("/")
        return cls(float(since), int(page or 1))

    def write(self) -> str:
        """This place as a text."""
        return f"{self.since:.3f}/{self.page}"


OVERLAP_S = 60.0
"""What was changed so shortly before the last change is read again, since a list may show a change late."""


def resumed(begin: Place, tickets: Sequence[ChangedTicket]) -> ChangedPage:
    """The last page for now, of a list that was read from a place on."""
    if not tickets:
        return ChangedPage(tickets, begin.write(), complete=True)
    last = max(ticket.updated_at for ticket in tickets)
    return ChangedPage(tickets, Place(last - OVERLAP_S).write(), complete=True)


def next_page(place: Place, tickets: Sequence[ChangedTicket], *, full: bool) -> ChangedPage:
    """The page that was read at a place, of tickets with the earliest change first.

    A full page goes on at the time of its last ticket, so that tickets that are changed while pages are read are not
    missed. If all of its tickets have the time that it began at, its next page is read.

    Args:
        place: where it was read.
        tickets: what it has.
        full: whether there may be more.
    """
    if not full:
        return resumed(place, tickets)
    last = max(ticket.updated_at for ticket in tickets)
    further = Place(last) if last > place.since else Place(place.since, place.page + 1)
    return ChangedPage(tickets, further.write(), complete=False)


def seconds(moment: str | float | None) -> float:
    """A time of a helpdesk's JSON, in seconds since the epoch; 0 if there is none."""
    if moment is None or isinstance(moment, int | float):
        return float(moment or 0)
    parsed = datetime.fromisoformat(moment)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def iso(moment: float) -> str:
    """A time as helpdesks take it, in UTC and whole seconds."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
