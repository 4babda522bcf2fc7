"""Decides what may be written on a customer's ticket: what a person has changed is left alone. No I/O.

A value is Triage's to change if nobody has set it yet, or if it still is what Triage wrote last. What Triage is about
to write is recorded before it is written, so that a lost response is not taken for somebody's change.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from triage_worker.helpdesk.ticket_state import Changes, TicketState, same_value

INTENT_TAG = "intent_"
"""Begins the tag that has a ticket's intent."""

INTENT_VALUES = frozenset({"intent", "confidence", INTENT_TAG})
"""They belong together: who changes the intent, in its field or by its tag, has decided all three."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a ticket should have.

    Attributes:
        values: by name, as in a `TicketState`.
        tags: to add.
        intent_tag: the tag of its intent, which replaces an earlier one; None for none.
    """

    values: Mapping[str, str]
    tags: tuple[str, ...] = ()
    intent_tag: str | None = None


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """What is remembered of a ticket at the helpdesk.

    Attributes:
        values: what Triage wrote last, by name; the tag of the intent is called `INTENT_TAG`.
        pending: the value before and the new one, of what Triage is writing or was writing when it stopped.
        theirs: names of the values that somebody else decides.
        tags: those that the ticket has or had of those that Triage wants.
        about: the ticket's intent and message, for what agents teach.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    pending: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)
    theirs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, value: bytes) -> "TicketRecord":
        """Load a record from the JSON that `dump` made."""
        content = orjson.loads(value)
        pending = {name: (before, new) for name, (before, new) in content["pending"].items()}
        theirs, tags = tuple(content["theirs"]), tuple(content["tags"])
        return cls(content["values"], pending, theirs, tags, content["about"])

    def dump(self) -> bytes:
        """Return the record as JSON."""
        return orjson.dumps(self)

    def confirmed(self) -> "TicketRecord":
        """The record once everything pending is written."""
        return replace(
            self, values={**self.values, **{name: new for name, (_, new) in self.pending.items()}}, pending={}
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write, and what to remember before it is written.

    Attributes:
        changes: for the helpdesk.
        record: with the changes as pending.
        left_alone: names of values that somebody else has decided otherwise.
    """

    changes: Changes
    record: TicketRecord
    left_alone: tuple[str, ...]


def plan_changes(
    state: TicketState,
    wanted: Wanted,
    record: TicketRecord,
    defaults: Mapping[str, Collection[str]] | None = None,
    refused: Collection[tuple[str, str]] = (),
) -> Plan:
    """Decide what to write on a ticket.

    Args:
        state: the ticket as it is.
        wanted: what it should have.
        record: what is remembered of it.
        defaults: values that a new ticket has from the helpdesk, by name.
        refused: names and values that the helpdesk does not take.
    """
    current = dict(state.values)
    targets = dict(wanted.values)
    if wanted.intent_tag is not None:
        current[INTENT_TAG] = _intent_tags(state.tags)
        targets[INTENT_TAG] = wanted.intent_tag
    known = _without_pending(record, current)
    theirs = {*known.theirs, *_changed_by_others(current, targets, known, record, defaults or {})}
    if theirs & {"intent", INTENT_TAG}:
        theirs |= INTENT_VALUES & targets.keys()
    new = {
        name: value
        for name, value in targets.items()
        if name not in theirs and not same_value(current.get(name), value) and (name, value) not in refused
    }
    left_alone = tuple(
        name for name, value in targets.items() if name in theirs and not same_value(current.get(name), value)
    )
    removed_by_others = set(known.tags) - state.tags
    added = {tag for tag in wanted.tags if tag not in state.tags and tag not in removed_by_others}
    if ("tags", "") in refused:
        added = set()
    remembered = replace(
        known,
        pending={name: (current.get(name), value) for name, value in new.items()},
        theirs=tuple(sorted(theirs)),
        tags=tuple(dict.fromkeys([*known.tags, *(tag for tag in wanted.tags if tag in state.tags)])),
    )
    return Plan(_changes(new, current, added), remembered, left_alone)


def _without_pending(record: TicketRecord, current: Mapping[str, str | None]) -> TicketRecord:
    """The record with what was written after all, and without what was not."""
    done = {name: new for name, (_, new) in record.pending.items() if same_value(current.get(name), new)}
    return replace(record, values={**record.values, **done}, pending={})


def _changed_by_others(
    current: Mapping[str, str | None],
    targets: Iterable[str],
    known: TicketRecord,
    record: TicketRecord,
    defaults: Mapping[str, Collection[str]],
) -> Iterable[str]:
    """Yield the names of values that are neither Triage's nor nobody's."""
    for name in targets:
        value = current.get(name)
        if name in record.pending and same_value(value, record.pending[name][0]):
            continue  # it was about to be written, and was not
        if name in record.pending and not same_value(value, record.pending[name][1]):
            yield name
        elif name in known.values:
            if not same_value(value, known.values[name]):
                yield name
        elif value is not None and not any(same_value(value, default) for default in defaults.get(name, ())):
            yield name


def _intent_tags(tags: Iterable[str]) -> str | None:
    """All tags of intents as one value; None if there is none."""
    return ",".join(sorted(tag for tag in tags if tag.startswith(INTENT_TAG))) or None


def _changes(new: Mapping[str, str], current: Mapping[str, str | None], added: set[str]) -> Changes:
    values, intent_tag = dict(new), None
    if INTENT_TAG in values:
        intent_tag = values.pop(INTENT_TAG)
    removed = frozenset((current[INTENT_TAG] or "").split(",")) - {""} if intent_tag is not None else frozenset()
    return Changes(values, frozenset(added | ({intent_tag} if intent_tag else set())), removed)
