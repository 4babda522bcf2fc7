"""Answers that were paid for, kept in a file: what is asked again after an interruption costs nothing."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from triage_worker.config.errors import TriageError
from triage_worker.fallback.prompt import Message
from triage_worker.llm_evaluation.meter import Said

FILE = "answers.jsonl"


@dataclass(frozen=True)
class Line:
    """A line of the file. It holds no text of a customer: the question is known by its hash."""

    question: str
    said: Said


_LINES = TypeAdapter(Line)


def question(url: str, model: str, max_tokens: int, turns: list[Message]) -> str:
    """The hash of a question to a model."""
    return hashlib.sha256(orjson.dumps([url, model, max_tokens, turns])).hexdigest()


class Kept:
    """Answers by question; use it as a context manager.

    Args:
        folder: where the file is, or will be; None keeps nothing.

    Raises:
        TriageError: the file cannot be read or written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE
        self._said: dict[str, Said] = {}

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
            self._read()
        except OSError as error:
            raise self._impossible(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._path is not None:
            self._file.close()

    def __contains__(self, asked: str) -> bool:
        return asked in self._said

    def get(self, asked: str) -> Said | None:
        """What came of a question; None if it was never asked."""
        return self._said.get(asked)

    def add(self, asked: str, said: Said) -> None:
        """Keep an answer, at once."""
        self._said[asked] = said
        if self._path is not None:
            try:
                self._file.write(orjson.dumps(Line(asked, said), option=orjson.OPT_APPEND_NEWLINE))
            except OSError as error:
                raise self._impossible(error) from None

    def _impossible(self, error: OSError) -> TriageError:
        return TriageError(f"Answers cannot be kept in {self._path}: {error.strerror or error}.")

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        for line in content.splitlines():
            try:
                kept = _LINES.validate_json(line)
            except ValidationError:
                continue  # cut off when its writer was killed
            self._said[kept.question] = kept.said
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")
