"""What agents' changes at the helpdesk say about a message. No I/O.

An agent who gives a ticket another intent than Triage did, in its field, by its tag, or by moving it to a group that
stands for one, has labelled the message that the intent was from. Some changes say nothing about it, and do not teach.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from triage_worker.helpdesk.adapter import ChangedTicket
from triage_worker.helpdesk.ownership import INTENT_TAG, TicketRecord
from triage_worker.helpdesk.ticket_state import TicketState, same_value
from triage_worker.routing.helpdesk_section import Helpdesk as Section

Silence = Literal["merged", "reopened", "several_intents", "no_message"]
"""Why a ticket does not teach."""

SETTLED_S = 180.0
"""A change teaches once it is so old: by then all tickets of a bulk change are known, and slips are corrected."""

BULK_GAP_S = 10.0
BULK_TICKETS = 5
"""So many tickets that get the same value, each within `BULK_GAP_S` of the next, were changed in bulk."""


@dataclass(frozen=True, slots=True)
class Correction:
    """An agent's label.

    Attributes:
        label: the intent.
        name: what was changed: ``intent``, ``tags`` or ``group``.
        value: what it was changed to.
        confidence: how sure the label is, 0 to 1.
    """

    label: str
    name: str
    value: str
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """What is remembered of agents' changes on a ticket.

    Attributes:
        solved: whether the ticket was done when it was seen last.
        pending: the correction that may teach, and since when, in seconds since the epoch.
        since: when that change was made.
        taught: the label that was taught last.
        passed: the label that was left out last.
        times: how often this ticket has taught.
        silent: why it does not teach any more.
    """

    solved: bool = False
    pending: Correction | None = None
    since: float = 0.0
    taught: str | None = None
    passed: str | None = None
    times: int = 0
    silent: str | None = None

    @classmethod
    def load(cls, value: bytes) -> "AgentRecord":
        """Load a record from the JSON that `dump` made."""
        content = orjson.loads(value)
        pending = content.pop("pending")
        return cls(**content, pending=None if pending is None else Correction(**pending))

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return orjson.dumps(self)

    def after_teaching(self) -> "AgentRecord":
        """The record once its pending correction has taught."""
        label = self.pending.label if self.pending else self.taught
        return replace(self, pending=None, since=0.0, taught=label, passed=None, times=self.times + 1)

    def after_leaving_out(self) -> "AgentRecord":
        """The record once its pending correction was left out."""
        return replace(self, pending=None, since=0.0, passed=self.pending.label if self.pending else self.passed)


class Corrections:
    """Reads corrections out of tickets.

    Args:
        section: what groups and tags stand for, and the values of intents.
        intents: the names of intents, as far as the rules have them.
    """

    def __init__(self, section: Section, intents: Collection[str]) -> None:
        self._section = section
        self._labels = {name.casefold(): name for name in intents}
        self._labels |= {value.casefold(): name for name, value in section.intents.items()}

    def of(self, state: TicketState, record: TicketRecord) -> Correction | None:
        """Return what somebody else says a ticket is about; None if Triage's intent stands."""
        written = {**record.values, **{name: new for name, (_, new) in record.pending.items()}}
        found = (
            self._of_intent(state, written) or self._of_tags(state, record, written) or self._of_group(state, written)
        )
        return None if found is None or same_value(found.label, record.about.get("intent")) else found

    def _of_intent(self, state: TicketState, written: Mapping[str, str]) -> Correction | None:
        value = state.values.get("intent")
        if value is None or "intent" not in written or same_value(value, written["intent"]):
            return None
        return Correction(self._labels.get(value.casefold(), value), "intent", value)

    def _of_tags(self, state: TicketState, record: TicketRecord, written: Mapping[str, str]) -> Correction | None:
        ours = written.get(INTENT_TAG)
        others = sorted(tag for tag in state.tags if tag.startswith(INTENT_TAG) and not same_value(tag, ours))
        label = self._labels.get(others[0].removeprefix(INTENT_TAG).casefold()) if len(others) == 1 else None
        if ours is not None and ours not in state.tags and label is not None:
            return Correction(label, "tags", others[0])
        for tag, meaning in self._section.teach.tags.items():
            if tag in state.tags and tag not in record.tags:
                return Correction(meaning, "tags", tag)
        return None

    def _of_group(self, state: TicketState, written: Mapping[str, str]) -> Correction | None:
        group, teach = state.values.get("group"), self._section.teach
        if group is None or "group" not in written or same_value(group, written["group"]) or not group.isdecimal():
            return None
        label = teach.groups.get(int(group))
        return None if label is None else Correction(label, "group", group, teach.group_confidence)


def seen(
    known: AgentRecord, changed: ChangedTicket, record: TicketRecord, correction: Correction | None
) -> AgentRecord:
    """Take a changed ticket into account.

    Args:
        known: what is remembered of agents' changes on it.
        changed: as the helpdesk lists it.
        record: what Triage wrote on it.
        correction: what somebody else says it is about.
    """
    silent = known.silent or _silence(known, changed, record.about)
    taught = known.taught or str(record.about.get("intent"))
    if correction is None and known.taught not in (None, record.about.get("intent")):
        correction = Correction(str(record.about["intent"]), "intent", record.values.get("intent", ""))  # taken back
    passed = known.passed if correction else None
    now = replace(known, solved=changed.solved, silent=silent, pending=None, since=0.0, passed=passed)
    if silent or correction is None or correction.label in (taught, known.passed):
        return now
    since = known.since if known.pending == correction else changed.updated_at
    return replace(now, pending=correction, since=since)


def _silence(known: AgentRecord, changed: ChangedTicket, about: Mapping[str, Any]) -> Silence | None:
    if changed.merged:
        return "merged"
    if changed.reopened or (known.solved and not changed.solved):
        return "reopened"  # what it is about now may be another message
    if len(set(about.get("intents") or ())) > 1:
        return "several_intents"  # the agent may mean another message than the one that the intent is from
    return None if about.get("message") else "no_message"


def bulk_changes(waiting: Iterable[tuple[str, AgentRecord]]) -> set[str]:
    """Return the tickets, of those with a pending correction, that were changed in bulk."""
    alike: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for ticket_id, record in waiting:
        if record.pending is not None:
            alike.setdefault((record.pending.name, record.pending.value), []).append((record.since, ticket_id))
    found: set[str] = set()
    for changes in alike.values():
        chain: list[str] = []
        last = float("-inf")
        for at, ticket_id in sorted(changes):
            chain = [*chain, ticket_id] if at - last <= BULK_GAP_S else [ticket_id]
            last = at
            if len(chain) >= BULK_TICKETS:
                found.update(chain)
    return found
