"""Decides whether a record of a change log is a new message."""

from functools import lru_cache
from typing import Any

from triage_schemas.input.change_events.change_event import ChangeEvent
from triage_schemas.input.change_events.envelope_view import EnvelopeView
from triage_schemas.input.change_events.envelopes import ENVELOPES, ROW_ENVELOPES, Envelope
from triage_schemas.input.change_events.lists import is_same_place
from triage_schemas.json_values.paths import NotFound, Path
from triage_schemas.messages.message import InputShape, Rejected, Skipped, SkipReason
from triage_schemas.messages.record_parts import is_outside


def read_change(document: dict[str, Any], shape: InputShape) -> ChangeEvent | Skipped | Rejected | None:
    """Read a record as a change event.

    Args:
        document: the parsed value.
        shape: where the text is; it has to be within the row of the event.

    Returns:
        The event, whose values are the message; why it is no message; or None if it is no change event at all.
    """
    event = _recognise(document, shape)
    if event is None:
        return None
    if event.operation != "insert" and event.operation != "update":  # noqa: PLR1714 (mypy narrows the type by it)
        return Skipped(event.operation)
    rows = event.rows(shape.text_path)
    if rows > 1:
        return _read_rows(event, rows, shape)
    if rows == 1:
        event = event.at_row(0)
    reason = _skip_reason(event, shape)
    return event if reason is None else Skipped(reason)


def skips_tombstones(text_path: Path) -> bool:
    """Whether null values on this topic follow deletions: the path to the text leads through an envelope."""
    return any(envelope.has_tombstones for envelope, _ in _envelopes_on(text_path))


def _recognise(document: dict[str, Any], shape: InputShape) -> ChangeEvent | None:
    """The document as a change event. Nearly all records are none, so that is found out first."""
    path = shape.text_path
    candidates = _envelopes_on(path)
    row = document.get("payload") if path[0] == "payload" else document
    if isinstance(row, dict) and (
        "__op" in row or "__deleted" in row or "op_type" in row or "ChangeEventHeader" in row
    ):
        prefix: Path = () if row is document else ("payload",)
        candidates = (*candidates, *((envelope, prefix) for envelope in ROW_ENVELOPES))
    view = None
    for envelope, prefix in candidates:
        if view is None or view.prefix != prefix:
            view = EnvelopeView(document, prefix)
        operation = envelope.operation(view)
        if operation is not None:
            return ChangeEvent(envelope, view, operation, shape.placeholders)
    return None


@lru_cache
def _envelopes_on(text_path: Path) -> tuple[tuple[Envelope, Path], ...]:
    """The envelopes that a path can lead through, the innermost first, each with the path to it."""
    return tuple(
        (envelope, text_path[:depth])
        for depth in range(len(text_path) - 2, -1, -1)
        for envelope in ENVELOPES
        if envelope.after == text_path[depth]
    )


def _read_rows(event: ChangeEvent, rows: int, shape: InputShape) -> ChangeEvent | Skipped | Rejected:
    """Read an event with several rows, of which at most one may have a new text."""
    reasons: list[SkipReason | None] = []
    for row in range(rows):
        at_row = event.at_row(row)
        texts = [at_row.value(path) for path in shape.text_paths if not is_outside(path)]
        lacks_text = all(isinstance(text, NotFound) or _is_empty(text) for text in texts)
        reasons.append(_skip_reason(at_row, shape) or ("no_text" if lacks_text else None))
    new = [row for row, reason in enumerate(reasons) if reason is None]
    if len(new) > 1:
        return Rejected("several_messages", f"the record has {len(new)} rows with a new text, and can have only one")
    if new or event.operation == "insert":
        return event.at_row(new[0] if new else 0)
    return Skipped("unchanged" if "unchanged" in reasons else "no_text")


def _skip_reason(event: ChangeEvent, shape: InputShape) -> SkipReason | None:
    """Why an insert or an update is no new message; None if it is one, as it is if any of its texts is new."""
    if event.operation != "update":
        return None
    reasons = [_skip_reason_at(path, event, shape) for path in shape.text_paths if not is_outside(path)]
    if None in reasons:
        return None
    return "unchanged" if "unchanged" in reasons else "no_text"


def _skip_reason_at(path: Path, event: ChangeEvent, shape: InputShape) -> SkipReason | None:
    """Why one of the texts is no new one; None if it is."""
    if _is_unchanged(event, path):
        return "unchanged" if shape.skip_unchanged or event.is_left_out(event.value(path)) else None
    text, listed = event.value(path), event.listed(path)
    is_removed = isinstance(text, NotFound) and not isinstance(event.earlier(path), NotFound)
    is_removed = is_removed or (listed is not None and listed.kind == "removed")
    return "no_text" if is_removed or _is_empty(text) else None


def _is_empty(text: Any) -> bool:
    return text is None or (isinstance(text, str) and (not text or text.isspace()))


def _is_unchanged(event: ChangeEvent, path: Path) -> bool:
    """Whether an update is known to leave a value as it was."""
    listed = event.listed(path)
    if listed is not None and listed.kind != "set":
        return listed.kind == "unchanged"
    now, earlier = event.now(path), event.earlier(path)
    if isinstance(now, NotFound):
        can_be_left_out = event.envelope.after_has_changes_only or not isinstance(earlier, NotFound)
        return listed is None and can_be_left_out and event.lacks_column(path, before=False)
    if isinstance(earlier, NotFound):
        is_known = event.envelope.before_has_changes_only and event.lacks_column(path, before=True)
        return is_known or event.is_left_out(now)
    is_same = not isinstance(now, dict | list) and now == earlier and is_same_place(event, path)
    return bool(is_same) or event.is_left_out(now)
