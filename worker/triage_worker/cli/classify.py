"""``triage classify``: classifies texts given as arguments, in a file, or on standard input."""

import sys
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from itertools import chain, tee
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import orjson
import typer
from rich.console import Console
from triage_models.serving.texts import NO_TEXT

from triage_worker.cli.classify_file import classify_file
from triage_worker.cli.input_rows import STDIN, open_input, texts_of
from triage_worker.cli.output_rows import check_output
from triage_worker.cli.row_batches import Input
from triage_worker.cli.row_progress import row_progress
from triage_worker.cli.settings_flags import MODEL, settings_flags
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.terminal.decision_table import Row, header, line

if TYPE_CHECKING:
    from triage_models import Classifier, Decision
    from triage_models.serving.opening import Device
    from triage_models.serving.routed import RoutedClassifier

    Answer = tuple[str | None, Decision | None]

    class _Options(TypedDict):
        device: Device
        threads: int | None
        detect_language: bool
        clean_email: bool


class Format(StrEnum):
    """How the answers are printed."""

    table = "table"
    jsonl = "jsonl"


@settings_flags((*MODEL, "detect_language", "clean_email"))
def classify(
    settings: Settings,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify", metavar="TEXT")] = None,
    source: Annotated[
        str | None,
        typer.Option("--input", help="A .csv, .jsonl, .parquet or .txt file, or - for lines on standard input"),
    ] = None,
    text_column: Annotated[
        str, typer.Option(help="Column of the CSV or Parquet, or field of the JSONL, with the text")
    ] = "text",
    output_format: Annotated[Format, typer.Option("--format", help="A table to read, or JSON lines")] = Format.table,
    output: Annotated[
        Path | None,
        typer.Option(help="Write a .csv, .jsonl or .parquet file instead: all columns of the input, and the answers"),
    ] = None,
    scores: Annotated[bool, typer.Option("--scores", help="With --output: also the probability of each label")] = False,
    prefix: Annotated[str, typer.Option(help="With --output: put this before the names of the new columns")] = "",
) -> None:
    """Say what customers want: of texts given here, in a file, or on standard input."""
    if output is None:
        if scores or prefix:
            raise TriageError("--scores and --prefix are about the file that --output names: give --output, too.")
        rows = _open(texts or [], source, text_column, strict=True)
        _print(settings, rows, source, output_format)
    else:
        check_output(output, source)
        rows = _open(texts or [], source, text_column, strict=False)
        classify_file(_open_classifier(settings), rows, output, scores=scores, prefix=prefix)


def _open(texts: list[str], source: str | None, text_column: str, *, strict: bool) -> Input:
    if texts and source is not None:
        raise TriageError("Texts were given both as arguments and by --input: give one of them.")
    if texts:
        # An argument that is not UTF-8 arrives as lone surrogates, which no tokenizer takes.
        rows = [{text_column: text.encode("utf-8", "replace").decode()} for text in texts]
        return Input((batch for batch in [rows]), text_column, [text_column])
    if source is None and sys.stdin.isatty():
        raise TriageError('There is nothing to classify: try `triage classify "where is my parcel"`, or --input FILE.')
    return open_input(source or STDIN, text_column, strict=strict)


def _open_classifier(settings: Settings) -> "Classifier | RoutedClassifier":
    from triage_models.serving.classifier import Classifier  # noqa: PLC0415 (ONNX Runtime is slow to import)
    from triage_models.serving.routed import RoutedClassifier  # noqa: PLC0415

    options: _Options = {
        "device": settings.device,
        "threads": settings.threads or None,
        "detect_language": settings.detect_language,
        "clean_email": settings.clean_email,
    }
    (_, default), *others = settings.bundle.by_languages.items()
    if others:
        return RoutedClassifier.open(default, dict(others), **options)
    return Classifier.open(default, **options)


def _print(settings: Settings, rows: Input, source: str | None, output_format: Format) -> None:
    texts = texts_of(rows)
    try:
        first = next(texts)
    except StopIteration:
        place = "standard input" if source in {None, STDIN} else source
        raise TriageError(f"There is nothing to classify in {place}.") from None
    # Both copies are read in step, so `tee` stores no more than what is in work.
    texts, to_classify = tee(chain([first], texts))
    answers = zip(texts, _open_classifier(settings).classify_stream(to_classify), strict=True)
    shown = _with_progress(answers, rows.row_count) if source is not None else answers
    if output_format is Format.jsonl:
        _print_jsonl(shown, settings)
    else:
        _print_table(shown)


def _with_progress(answers: "Iterable[Answer]", row_count: int | None) -> "Iterator[Answer]":
    """Count on standard error, if that is a terminal and the answers themselves go elsewhere."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from answers
        return
    with row_progress(Console(stderr=True), row_count) as advance:
        for answer in answers:
            yield answer
            advance(1)


def _language(find: "Callable[[str], str | None]", text: str | None, decision: "Decision | None") -> str | None:
    """Return the language of a text: as the bundle that decided it found it, if that asks for languages."""
    if decision is not None and decision.language is not None:
        return decision.language
    return None if text is None else find(text)


def _language_finder(settings: Settings) -> "Callable[[str], str | None]":
    from triage_models.serving.mail.message import reader  # noqa: PLC0415 (ONNX Runtime is slow to import)
    from triage_models.text.language import LanguageDetector  # noqa: PLC0415 (reads a table)

    if not settings.detect_language:
        return lambda text: None
    detector, read = LanguageDetector.open(), reader(clean_email=settings.clean_email)
    return lambda text: detector.detect(read(text).text).language


def _print_jsonl(answers: "Iterable[Answer]", settings: Settings) -> None:
    from triage_schemas.answers import answer_fields  # noqa: PLC0415 (keeps `triage --help` fast)

    from triage_worker.inference.predictions import prediction_of  # noqa: PLC0415

    find = _language_finder(settings)
    for text, decision in answers:
        language = _language(find, text, decision)
        fields = answer_fields(None if decision is None else prediction_of(decision, language))
        answer = {"text": text, **fields, "language": language}
        sys.stdout.buffer.write(orjson.dumps(answer, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()


def _print_table(answers: "Iterable[Answer]") -> None:
    console = Console(highlight=False)
    console.print(header(console.width))
    for text, decision in answers:
        row = (
            Row(text or "", decision.intent, decision.confidence, decision.accepted, decision.reason)
            if decision
            else Row("", "", None, False, NO_TEXT)
        )
        console.print(line(row, console.width), soft_wrap=True)
