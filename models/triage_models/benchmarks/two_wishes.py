"""Measures how well a bundle finds two wishes: ``python -m triage_models.benchmarks.two_wishes [--bundle DIR]``.

`models/held_out/two_wishes.csv` has messages with two wishes, and as many with one that could be taken for two. Other
messages with one wish say how often ordinary traffic is given a second one.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from triage_models.data.corpus import OOS_LABEL, read_messages
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.data.two_wishes import WishRow, read_wishes
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision

HELD_OUT = CHANNELS_CSV.with_name("two_wishes.csv")


def exact(rows: Sequence[WishRow], decisions: Sequence[Decision]) -> float:
    """Return the share of messages of which all wishes were found, and no other."""
    found = [frozenset(wish.intent for wish in decision.intents) for decision in decisions]
    return sum(row.wishes == one for row, one in zip(rows, found, strict=True)) / max(len(rows), 1)


def f1(rows: Sequence[WishRow], decisions: Sequence[Decision]) -> float:
    """Return the F1 of wishes over all messages."""
    found = [{wish.intent for wish in decision.intents} for decision in decisions]
    right = sum(len(row.wishes & one) for row, one in zip(rows, found, strict=True))
    return 2 * right / max(sum(len(row.wishes) for row in rows) + sum(map(len, found)), 1)


def seconds(decisions: Sequence[Decision]) -> float:
    """Return the share of messages that were given a second wish."""
    return sum(bool(decision.further) for decision in decisions) / max(len(decisions), 1)


def table(rows: Sequence[WishRow], decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield the lines of the table: all languages, then each."""
    yield f"{'':10} {'two wishes':>10} {'set exact':>9} {'F1':>6}   {'one wish':>8} {'given a second':>14} {'F1':>6}"
    for language in ["all", *dict.fromkeys(row.language for row in rows)]:
        chosen = [pair for pair in zip(rows, decisions, strict=True) if language in ("all", pair[0].language)]
        two = [pair for pair in chosen if pair[0].second is not None]
        one = [pair for pair in chosen if pair[0].second is None]
        cells = []
        for part in (two, one):
            part_rows, found = [row for row, _ in part], [decision for _, decision in part]
            share = exact(part_rows, found) if part is two else seconds(found)
            cells += [len(part), share, f1(part_rows, found)]
        yield "{:10} {:10} {:9.3f} {:6.3f}   {:8} {:14.3f} {:6.3f}".format(language, *cells)


def main(
    bundle: Annotated[Path, typer.Option(help="folder of the bundle")] = DEFAULT_BUNDLE,
    rows: Annotated[Path, typer.Option(help="CSV with text,first,second,language")] = HELD_OUT,
    ordinary: Annotated[list[Path] | None, typer.Option(help="CSV with text,label, of one wish each")] = None,
) -> None:
    """Print the table."""
    classifier = Classifier.open(bundle)
    wishes = read_wishes(rows)
    for line in table(wishes, classifier.classify([row.text for row in wishes])):
        print(line)  # noqa: T201
    texts = {
        CHANNELS_CSV.name: [message.text for message in read_messages(CHANNELS_CSV) if message.label != OOS_LABEL],
        **{str(file): list(read_labelled_rows(file).texts) for file in ordinary or []},
    }
    for name, messages in texts.items():
        share = seconds(classifier.classify(messages))
        print(f"{name}: {len(messages):,} messages with one wish, {share:.4f} given a second")  # noqa: T201


if __name__ == "__main__":
    typer.run(main)
