"""Finds the envelope of a change event wherever it is in a document, for who does not know the path to the text yet."""

from typing import Any, NamedTuple

from triage_schemas.input.change_events.envelope_view import EnvelopeView
from triage_schemas.input.change_events.envelopes import ENVELOPES, ROW_ENVELOPES, Envelope
from triage_schemas.input.change_events.operations import Operation
from triage_schemas.json_values.paths import Path


class FoundChange(NamedTuple):
    """A change event.

    Attributes:
        envelope: its format.
        operation: what it did.
        row: the path to the row as it is now; empty if the columns are fields of the document.
    """

    envelope: Envelope
    operation: Operation
    row: Path


def find_change(document: dict[str, Any]) -> FoundChange | None:
    """Return the change event that a document is; None if it is none.

    Args:
        document: the parsed value of a record.
    """
    prefixes = [(), *((name,) for name, value in document.items() if isinstance(value, dict)), ("data", "payload")]
    for envelopes in (ENVELOPES, ROW_ENVELOPES):
        for prefix in prefixes:
            view = EnvelopeView(document, prefix)
            for envelope in envelopes:
                operation = envelope.operation(view)
                if operation is not None:
                    return FoundChange(
                        envelope, operation, prefix if envelope.after is None else (*prefix, envelope.after)
                    )
    return None
