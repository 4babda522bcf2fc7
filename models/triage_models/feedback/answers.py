"""Answers: the correct label of a message as a person or an LLM gave it, and how to read them from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from triage_models.data.labelled import LABEL, TEXT, labelled_rows
from triage_models.data.tables import NoteCallback, no_notes, open_table
from triage_models.errors import DataError

OPTIONAL = ("decided_by", "message_id", "conversation_id")
AnswerSource = Literal["human", "llm"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. In a sequence of answers, later ones were given later.

    Attributes:
        text: the message.
        label: one of the bundle's labels, or a name for out of scope.
        decided_by: who answered.
        message_id: the message's id; None if unknown, so that the text identifies the message.
        conversation_id: the id of the message's conversation, if any.
    """

    text: str
    label: str
    decided_by: AnswerSource = "human"
    message_id: str | None = None
    conversation_id: str | None = None


def read_answers(file: Path, on_note: NoteCallback = no_notes) -> list[Answer]:
    """Read answers from a CSV with ``text,label``, or from JSON lines with the fields of ``customer.labels``.

    ``decided_by`` ("human" by default, or "llm"), ``message_id`` and ``conversation_id`` are optional.

    Args:
        file: the file.
        on_note: called with what was skipped.

    Raises:
        DataError: The file cannot be read, or a line has no text or no label; names the line.
    """
    with open_table(file, [TEXT, LABEL], OPTIONAL) as table:
        return [
            _answer(text, label, row, f"{file}, line {table.line}")
            for text, label, row in labelled_rows(table, on_note=on_note)
        ]


def _answer(text: str, label: str, record: Mapping[str, str], where: str) -> Answer:
    decided_by = record.get("decided_by", "").strip() or "human"
    if decided_by not in get_args(AnswerSource):
        raise DataError(f"{where}: decided_by is '{decided_by}'; it must be human or llm.")
    source: AnswerSource = "llm" if decided_by == "llm" else "human"
    ids = [record.get(name, "").strip() or None for name in ("message_id", "conversation_id")]
    return Answer(text, label, source, *ids)
