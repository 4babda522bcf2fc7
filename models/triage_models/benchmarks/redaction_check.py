"""Measures how much personal data redaction finds in the made-up messages of models/held_out.

    python -m triage_models.benchmarks.redaction_check [--data CSV] [--part final] [--missed]

The first half of the messages (development) was read while the rules were written, the other one (final) was not.
"""

import argparse
import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from triage_models.text.redaction.redactor import PERSONAL_DATA, Redactor
from triage_models.text.spans import Span

MESSAGES = Path(__file__).parents[2] / "held_out" / "personal_data.csv"
_MARK = re.compile(r"\{\{(\w+)\|(.*?)\}\}", re.DOTALL)


class Message(NamedTuple):
    """A message, and where its personal data is."""

    language: str
    part: str
    text: str
    spans: tuple[Span, ...]


class Accuracy(NamedTuple):
    """Counts of one type. ``found`` values are covered to their last character; ``right`` detections touch a value."""

    values: int
    found: int
    detections: int
    right: int

    @property
    def recall(self) -> float:
        """Share of the values that are found."""
        return self.found / self.values if self.values else 1.0

    @property
    def precision(self) -> float:
        """Share of the detections that are right."""
        return self.right / self.detections if self.detections else 1.0


def parse_marked(marked: str) -> tuple[str, tuple[Span, ...]]:
    """Take the marks ``{{type|value}}`` out of a text; returns it with the positions of the values."""
    parts: list[str] = []
    spans: list[Span] = []
    position = length = 0
    for mark in _MARK.finditer(marked):
        parts += [marked[position : mark.start()], mark[2]]
        length += mark.start() - position
        spans.append(Span(mark[1], length, length + len(mark[2])))
        length += len(mark[2])
        position = mark.end()
    return "".join([*parts, marked[position:]]), tuple(spans)


def read_messages(path: Path = MESSAGES) -> list[Message]:
    """Read the messages from a CSV file with the columns language, part and marked."""
    with path.open(encoding="utf-8", newline="") as file:
        return [Message(row["language"], row["part"], *parse_marked(row["marked"])) for row in csv.DictReader(file)]


def measure(messages: Iterable[Message], redactor: Redactor) -> dict[str, Accuracy]:
    """Count by type what is found, and what is right of it."""
    values, found, detections, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for message in messages:
        spans = redactor.find(message.text)
        values.update(span.kind for span in message.spans)
        detections.update(span.kind for span in spans)
        found.update(value.kind for value in message.spans if _is_covered(value, spans, message.text))
        right.update(span.kind for span in spans if any(_touch(span, value) for value in message.spans))
    return {kind: Accuracy(values[kind], found[kind], detections[kind], right[kind]) for kind in PERSONAL_DATA}


def missed(message: Message, redactor: Redactor) -> list[str]:
    """Return the values of a message that stay in its text, and what is replaced wrongly, with a "+" before it."""
    spans = redactor.find(message.text)
    left = [value for value in message.spans if not _is_covered(value, spans, message.text)]
    wrong = [span for span in spans if not any(_touch(span, value) for value in message.spans)]
    return [
        f"{sign}{span.kind}: {message.text[span.start : span.end]!r}"
        for sign, group in (("-", left), ("+", wrong))
        for span in group
    ]


def _is_covered(value: Span, spans: Sequence[Span], text: str) -> bool:
    """Whether every letter and digit of a value is replaced, by whichever types: none of it leaves the house."""
    hidden = {place for span in spans for place in range(span.start, span.end)}
    return all(place in hidden for place in range(value.start, value.end) if text[place].isalnum())


def _touch(span: Span, value: Span) -> bool:
    return span.kind == value.kind and span.start < value.end and value.start < span.end


def main(arguments: Sequence[str] | None = None) -> None:
    """Print recall and precision by type."""
    parser = argparse.ArgumentParser(description="Measure the redaction of personal data.")
    parser.add_argument("--data", type=Path, default=MESSAGES)
    parser.add_argument("--part", choices=("development", "final"))
    parser.add_argument("--language")
    parser.add_argument("--missed", action="store_true", help="also print what is missed or wrong")
    options = parser.parse_args(arguments)
    messages = [
        message
        for message in read_messages(options.data)
        if options.part in (None, message.part) and options.language in (None, message.language)
    ]
    redactor, console = Redactor(), Console()
    table = Table("type", "values", "recall", "precision", title=f"{len(messages)} messages")
    for kind, accuracy in measure(messages, redactor).items():
        table.add_row(kind, str(accuracy.values), f"{accuracy.recall:.3f}", f"{accuracy.precision:.3f}")
    console.print(table)
    if options.missed:
        for message in messages:
            for line in missed(message, redactor):
                console.print(f"{message.language} {line} in {message.text!r}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
