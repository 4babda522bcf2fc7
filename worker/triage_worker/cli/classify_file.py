"""Classifies an input into a file, in constant memory."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from triage_models.serving.stream import map_in_order

from triage_worker.cli.added_columns import AddedColumns
from triage_worker.cli.atomic_file import replaced_when_done
from triage_worker.cli.interruption import interruptible
from triage_worker.cli.output_rows import open_writer
from triage_worker.cli.row_batches import Batch, Input, values_of
from triage_worker.cli.row_progress import row_progress
from triage_worker.config.errors import TriageError

if TYPE_CHECKING:
    from triage_models import Classifier, Predictions
    from triage_models.serving.routed import RoutedClassifier


@dataclass
class Counts:
    """Rows by their outcome."""

    rows: int = 0
    accepted: int = 0
    without_text: int = 0

    def add(self, predictions: "Predictions") -> None:
        """Count the rows of a batch."""
        self.rows += len(predictions)
        self.accepted += int(predictions.accepted.sum())
        self.without_text += sum(intent is None for intent in predictions.intent)


def classify_file(
    classifier: "Classifier | RoutedClassifier", source: Input, output: Path, *, scores: bool, prefix: str
) -> None:
    """Write all rows with their answers to a file, and print how many there were.

    Args:
        classifier: predicts, on as many threads as it was opened with.
        source: the rows.
        output: the file; its suffix says the format.
        scores: also write the probability of each label.
        prefix: is put before the names of the new columns.

    Raises:
        TriageError: the input is at fault, or the output cannot be written. ``output`` is then as it was before.
    """

    def predict(batch: Batch) -> "tuple[Batch, Predictions]":
        return batch, classifier.predict(values_of(batch, source.text_column))

    added = AddedColumns(classifier.labels, scores=scores, prefix=prefix)
    before = "is as it was" if output.exists() else "was not written"
    console = Console(stderr=True, highlight=False)
    started = time.perf_counter()
    try:
        with (
            interruptible(console, f"Interrupted: {output} {before}."),
            replaced_when_done(output) as scratch,
            row_progress(console, source.row_count) as advance,
            closing(map_in_order(predict, source.batches, classifier.threads)) as answers,
            closing(open_writer(scratch, output.suffix.lower(), source, added)) as writer,
        ):
            counts = Counts()
            for batch, predictions in answers:
                writer.write(batch, predictions)
                counts.add(predictions)
                advance(len(predictions))
            writer.finish()
    except OSError as error:
        raise TriageError(
            f"{output} cannot be written: {(error.strerror or str(error)).lower()}. It {before}."
        ) from None
    _report(counts, time.perf_counter() - started, output)


def _report(counts: Counts, seconds: float, output: Path) -> None:
    refused = counts.rows - counts.accepted - counts.without_text
    rows = f"{counts.rows:,} {'row' if counts.rows == 1 else 'rows'}"
    typer.echo(
        f"{rows} in {seconds:,.1f} s ({counts.rows / max(seconds, 1e-9):,.0f} rows/s): "
        f"{counts.accepted:,} accepted, {refused:,} not accepted, {counts.without_text:,} without text. "
        f"They are in {output}."
    )
