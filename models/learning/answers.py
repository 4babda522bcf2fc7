"""Answers: what a message really was, as somebody said; and reading them from a file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from models.errors import DataError
from models.labelled import LABEL, TEXT, labelled, open_table

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
    if file.suffix.lower() in (".jsonl", ".ndjson", ".json"):
        return [_answer(record, f"{file}, line {number}") for number, record in _lines(file)]
    with open_table(file, [TEXT, LABEL]) as table:
        return [_answer(record, f"{file}, line {table.line_num}") for _, _, record in labelled(file, table)]


def _lines(file: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read: {error}.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{file}, line {number}: this is no JSON ({error}).") from error
        if not isinstance(record, dict):
            raise DataError(f"{file}, line {number}: this is no JSON object.")
        yield number, record


def _answer(record: Mapping[str, object], where: str) -> Answer:
    text, label = _string(record.get(TEXT)), _string(record.get(LABEL))
    if text is None or label is None:
        raise DataError(f"{where}: the row has no {LABEL if text else TEXT}: fill it in or remove the row.")
    by = _string(record.get("decided_by")) or "human"
    if by not in get_args(By):
        raise DataError(f"{where}: decided_by is '{by}'; it can be human or llm.")
    kind: By = "llm" if by == "llm" else "human"
    return Answer(text, label, kind, _string(record.get("message_id")), _string(record.get("conversation_id")))


def _string(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
