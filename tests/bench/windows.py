"""Measures what reading a long text to its end costs: ``python -m tests.bench.windows [--rounds N]``.

Texts of about 64, 200, 1,000 and 5,000 tokens are classified one by one on one thread with the shipped bundle. The CPU
time of each is compared with that of its first window alone. Looking for quotations and automatic replies is measured
by itself. The figures are medians of CPU time, so that other work on the machine changes them little.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from triage_models import Classifier
from triage_models.serving.engine import Encoded, rows_of
from triage_models.serving.mail.message import read_message

STORIES = Path(__file__).parents[1] / "models" / "serving" / "long_texts" / "stories.csv"
TOKENS = (64, 200, 1_000, 5_000)
QUOTED = (
    "thanks, it has arrived\n\nOn Thu, 5 Mar 2026 at 10:12, Anna <anna@example.com> wrote:\n\n> where is it?\n> Anna"
)


def text_of(classifier: Classifier, tokens: int) -> str:
    """Return the beginning of the stories, one after the other, that has at most so many tokens."""
    with STORIES.open(encoding="utf-8", newline="") as file:
        words = " ".join(row["text"] for row in csv.DictReader(file)).split()
    tokenizer = classifier.engine._tokenizer  # tests may look inside
    tokenizer.no_truncation()
    low, high = 1, len(words)
    while low < high:
        middle = (low + high + 1) // 2
        fits = len(tokenizer.encode(" ".join(words[:middle])).ids) <= tokens
        low, high = (middle, high) if fits else (low, middle - 1)
    return " ".join(words[:low])


def median_ms(function: Callable[[], object], rounds: int) -> float:
    """The median CPU time of a call in milliseconds."""
    durations = []
    for _ in range(rounds):
        started = time.thread_time()
        function()
        durations.append(time.thread_time() - started)
    return statistics.median(durations) * 1_000


def main() -> None:
    """Print a row for each length."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    measured = Classifier.open(device="cpu", threads=1)
    texts = [text_of(measured, tokens) for tokens in TOKENS]
    classifier = Classifier.open(device="cpu", threads=1)
    print("tokens     rows  read to its end  whole text, ms  first window, ms")
    for tokens, text in zip(TOKENS, texts, strict=True):
        (encoded,) = classifier.encode([text])
        first = Encoded(encoded.ids, False)
        whole = median_ms(lambda text=text: classifier.classify([text]), rounds)  # type: ignore[misc]
        alone = median_ms(lambda first=first: classifier.engine.outputs([first]), rounds)  # type: ignore[misc]
        print(f"{tokens:6}  {len(rows_of([encoded])):7}  {not encoded.truncated!s:15}  {whole:14.2f}  {alone:16.2f}")
    for name, text in (
        ("chat, 18 characters", "where is my parcel"),
        ("one line, 300", texts[1][:300]),
        ("mail", QUOTED),
    ):
        print(f"reading mail, {name}: {median_ms(lambda text=text: read_message(text), 20 * rounds) * 1_000:.1f} µs")  # type: ignore[misc]


if __name__ == "__main__":
    main()
