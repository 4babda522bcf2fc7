"""The shipped bundle and some messages, for tests of the public API: it opens in a fifth of a second."""

import csv
from functools import cache

from triage_models import DEFAULT_BUNDLE, Classifier

FIRST_ROWS = 17_143
"""Rows at the head of the corpus: those before its additions, which the tests' messages are taken from."""

CORPUS = DEFAULT_BUNDLE.parents[1] / "corpus" / "messages.csv"


@cache
def shipped_classifier(threads: int = 2) -> Classifier:
    return Classifier.open(device="cpu", threads=threads)


@cache
def corpus_texts() -> tuple[str, ...]:
    with CORPUS.open(encoding="utf-8", newline="") as file:
        return tuple(row["text"] for row in csv.DictReader(file))


def texts(count: int) -> list[str]:
    """So many messages of all kinds of shops."""
    rows = corpus_texts()[:FIRST_ROWS]
    return [rows[position * 97 % len(rows)] for position in range(count)]
