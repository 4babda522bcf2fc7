"""Answers: what a message really was, as somebody said; and reading them from a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from triage_models.data.labelled import LABEL, TEXT, labelled
from triage_models.data.tables import open_table
from triage_models.errors import DataError

By = Literal["human", "llm"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. Of two about one message, the one that comes later in a sequence was given later.

    Attributes:
        text: the message.
        label: one of the bundle's labels, or a name for out of scope.
        by: who answered.
        message_id: of the message; None where nobody knows, and the text stands for it.
        conversation_id: of the conversation that it was part of, if any.
    """

    text: str
    label: str
    by: By = "human"
    message_id: str | None = None
    conversation_id: str | None = None


def read_answers(file: Path) -> list[Answer]:
    """Answers from a CSV with ``text,label``, or from JSON lines with these fields, as they are on ``customer.labels``.

    ``decided_by`` (human or llm; human where there is none), ``message_id`` and ``conversation_id`` are read where they
    are. Later lines were answered later.

    Raises:
        DataError: the file cannot be read, or a line lacks text or label; says which.
    """
    with open_table(file, [TEXT, LABEL]) as table:
        return [_answer(text, label, row, f"{file}, line {table.line}") for text, label, row in labelled(table)]


def _answer(text: str, label: str, record: Mapping[str, str], where: str) -> Answer:
    by = record.get("decided_by", "").strip() or "human"
    if by not in get_args(By):
        raise DataError(f"{where}: decided_by is '{by}'; it can be human or llm.")
    kind: By = "llm" if by == "llm" else "human"
    return Answer(text, label, kind, record.get("message_id") or None, record.get("conversation_id") or None)
