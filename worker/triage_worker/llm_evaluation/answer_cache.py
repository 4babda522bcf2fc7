"""Stores answers in a file, so that a run that continues after an interruption does not pay for them again."""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Self

import orjson
from pydantic import BaseModel, Field, ValidationError

from triage_worker.config.errors import TriageError
from triage_worker.fallback.prompt import Message
from triage_worker.llm_evaluation.metered_endpoint import QuestionResult

FILE = "answers.jsonl"


class _Line(BaseModel):
    """A line of the file. It holds no customer's text: the question is identified by its hash."""

    question: str
    result: QuestionResult = Field(alias="said")


def question_key(url: str, model: str, max_tokens: int, messages: list[Message]) -> str:
    """The hash of a question to a model, with everything that its answer depends on."""
    return hashlib.sha256(orjson.dumps([url, model, max_tokens, messages])).hexdigest()


class AnswerCache:
    """Results by question. Use it as a context manager.

    Args:
        folder: the folder of the file, created if missing; None keeps results in memory only.

    Raises:
        TriageError: the file cannot be read or written.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / FILE
        self._results: dict[str, QuestionResult] = {}

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
            self._read()
        except OSError as error:
            raise self._file_error(error) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        if self._path is not None:
            self._file.close()

    def __contains__(self, key: str) -> bool:
        return key in self._results

    def get(self, key: str) -> QuestionResult | None:
        """The result of a question, by its `question_key`; None if there is none."""
        return self._results.get(key)

    def add(self, key: str, result: QuestionResult) -> None:
        """Store the result of a question, at once.

        Raises:
            TriageError: the file cannot be written.
        """
        self._results[key] = result
        if self._path is not None:
            line = _Line(question=key, said=result).model_dump_json(by_alias=True)
            try:
                self._file.write(f"{line}\n".encode())
            except OSError as error:
                raise self._file_error(error) from None

    def _file_error(self, error: OSError) -> TriageError:
        return TriageError(f"Answers cannot be stored in {self._path}: {error.strerror or error}.")

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        for line in content.splitlines():
            try:
                parsed = _Line.model_validate_json(line)
            except ValidationError:
                continue  # the process that wrote it was killed in the middle of the line
            self._results[parsed.question] = parsed.result
        if content and not content.endswith(b"\n"):
            self._file.write(b"\n")
