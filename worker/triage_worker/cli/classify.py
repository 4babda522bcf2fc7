"""``triage classify``: what the model says of texts given here, in a file or on standard input."""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from triage_worker.cli.settings_flags import MODEL, settings_flags
from triage_worker.cli.texts import STDIN, read_texts
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.terminal.decision_table import Row, header, line

if TYPE_CHECKING:
    from triage_models.serving.classifier import Classifier
    from triage_models.serving.decision import Decision

CHUNK = 256
"""Texts that one thread takes at a time: enough to sort by length, few enough to see answers flow."""


class Format(StrEnum):
    """How the answers are printed."""

    table = "table"
    jsonl = "jsonl"


@settings_flags(MODEL)
def classify(
    settings: Settings,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify", metavar="TEXT")] = None,
    source: Annotated[
        str | None, typer.Option("--input", help="A .csv, .jsonl or .txt file, or - for lines on standard input")
    ] = None,
    text_column: Annotated[str, typer.Option(help="Column of the CSV, or field of the JSONL, with the text")] = "text",
    output_format: Annotated[Format, typer.Option("--format", help="A table to read, or JSON lines")] = Format.table,
) -> None:
    """Say what customers want: of texts given here, in a file, or on standard input."""
    given = _given(texts or [], source, text_column)
    first = next(given, None)
    if first is None:
        raise TriageError(f"There is nothing to classify in {_place(source)}.")

    from triage_models.serving.classifier import Classifier  # noqa: PLC0415 (ONNX Runtime takes its time to import)

    classifier = Classifier.open(settings.bundle, device=settings.device, threads=settings.threads or None)
    answers = _classify(classifier, chain([first], given))
    print_answers = _print_jsonl if output_format is Format.jsonl else _print_table
    print_answers(_with_progress(answers) if source is not None else answers)


def _given(texts: list[str], source: str | None, text_column: str) -> Iterator[str]:
    if texts and source is not None:
        raise TriageError("Texts were given both as arguments and by --input: give one of them.")
    if texts:
        # An argument that is not UTF-8 arrives as half surrogates, which no tokenizer takes.
        return iter([text.encode("utf-8", "replace").decode() for text in texts])
    if source is None and sys.stdin.isatty():
        raise TriageError('There is nothing to classify: try `triage classify "where is my parcel"`, or --input FILE.')
    return read_texts(source or STDIN, text_column)


def _place(source: str | None) -> str:
    return "standard input" if source in {None, STDIN} else str(source)


def _classify(classifier: "Classifier", texts: Iterator[str]) -> "Iterator[tuple[str, Decision]]":
    """Decisions in the order of the texts, from as many threads as the classifier is made for."""
    with ThreadPoolExecutor(classifier.threads) as pool:
        running: deque[tuple[list[str], Future[list[Decision]]]] = deque()
        for chunk in iter(lambda: list(islice(texts, CHUNK)), []):
            running.append((chunk, pool.submit(classifier.classify, chunk)))
            if len(running) > classifier.threads:
                done, decisions = running.popleft()
                yield from zip(done, decisions.result(), strict=True)
        for done, decisions in running:
            yield from zip(done, decisions.result(), strict=True)


def _with_progress(answers: "Iterable[tuple[str, Decision]]") -> "Iterator[tuple[str, Decision]]":
    """Count on standard error, where somebody looks at it and the answers themselves go elsewhere."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from answers
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.completed:,.0f} classified, {task.speed:,.0f}/s"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield from progress.track(answers)


def _print_jsonl(answers: "Iterable[tuple[str, Decision]]") -> None:
    for text, decision in answers:
        answer = {
            "text": text,
            "intent": decision.intent,
            "confidence": decision.confidence,
            "accepted": decision.accepted,
            "reason": decision.reason,
            "scores": decision.scores,
            "truncated": decision.truncated,
        }
        sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _print_table(answers: "Iterable[tuple[str, Decision]]") -> None:
    console = Console(highlight=False)
    console.print(header(console.width))
    for text, decision in answers:
        row = Row(text, decision.intent, decision.confidence, decision.accepted, decision.reason)
        console.print(line(row, console.width), soft_wrap=True)
