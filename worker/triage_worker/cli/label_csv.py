"""Writes CSV files that a person fills in with a spreadsheet program."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from triage_models.data.tables import spreadsheet_cell

from triage_worker.cli.atomic_file import replaced_when_done
from triage_worker.cli.output_rows import check_output
from triage_worker.config.errors import TriageError


def check_csv(path: Path, source: str | None) -> None:
    """Refuse an output that is no CSV or could not be written.

    Args:
        path: the output.
        source: the input, which must be another file.

    Raises:
        TriageError: says what to name instead.
    """
    if path.suffix.lower() != ".csv":
        raise TriageError(f"--output {path} does not end in .csv: a CSV is written, for a spreadsheet program.")
    check_output(path, source)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV as a whole or not at all, with the mark by which Excel recognizes UTF-8.

    Raises:
        TriageError: the file cannot be written.
    """
    try:
        with replaced_when_done(path) as scratch, scratch.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(map(spreadsheet_cell, row) for row in rows)
    except OSError as error:
        raise TriageError(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from None
