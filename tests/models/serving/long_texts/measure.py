"""Measures long texts with the shipped bundle: ``python -m tests.models.serving.long_texts.measure [--rows]``.

Each story is combined with each of eight wishes, in several places. Half of the stories have a wish of their own, the
others only tell something. An accepted decision is right if it has the intent of the wish that was added; where that is
only polite, the story's own intent. It contradicts the text otherwise. A text that asks for nothing is counted apart.
"""

import argparse
import csv
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from triage_models import Classifier
from triage_models.serving.decision import Decision

FOLDER = Path(__file__).parent
SIZES = {"331": 600, "900": 1_500, "2,500": 5_000}
"""The lengths of the stories, in characters, and the upper ends of the groups."""


def _in_the_middle(story: str, wish: str) -> str:
    sentences = re.split(r"(?<=[.?])\s+", story)
    half = len(sentences) // 2
    return " ".join([*sentences[:half], f"{wish}.", *sentences[half:]])


PLACES: dict[str, Callable[[str, str], str]] = {
    "at the end": lambda story, wish: f"{story} {wish}",
    "on a line of its own": lambda story, wish: f"{story}\n\n{wish}",
    "before “thank you in advance”": lambda story, wish: f"{story} {wish}. thank you in advance",
    "before a signature": lambda story, wish: f"{story} {wish}.\n\nKind regards\nAnna",
    "after a comma": lambda story, wish: f"{story[:-1]}, {wish}",
    "without a full stop": lambda story, wish: f"{story[:-1]} {wish}",
    "at the beginning": lambda story, wish: f"{wish}. {story}",
    "in the middle": _in_the_middle,
}
"""Where the wish is."""


@dataclass(frozen=True)
class LongText:
    """A story with another wish; an empty intent means that nothing is asked for."""

    text: str
    place: str
    size: str
    story_intent: str
    wish_intent: str

    @property
    def expected(self) -> str:
        """The intent that an accepted decision must have; empty if the text asks for nothing."""
        return self.wish_intent or self.story_intent

    def outcome(self, decision: Decision) -> str:
        """``right``, ``contradicts``, ``nothing asked`` (but accepted), or the reason of the refusal."""
        if decision.reason is not None:
            return decision.reason
        if not self.expected:
            return "nothing asked"
        return "right" if decision.intent == self.expected else "contradicts"


def long_texts(place: str) -> list[LongText]:
    """Return each story with each wish at a place."""
    return [
        LongText(PLACES[place](_ended(story), wish), place, _size(story), intent, wish_intent)
        for story, intent in _rows("stories")
        for wish, wish_intent in _rows("endings")
    ]


def _ended(story: str) -> str:
    return story if story.endswith((".", "?")) else f"{story}."


def _size(story: str) -> str:
    return next(size for size, limit in SIZES.items() if len(story) < limit)


def _rows(name: str) -> list[tuple[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["intent"]) for row in csv.DictReader(file)]


def main() -> None:
    """Print a table: for each length and place, how many texts are accepted and refused."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", action="store_true", help="print every accepted text that is not right, too")
    every_row = parser.parse_args().rows
    classifier = Classifier.open(device="cpu")
    counts: dict[tuple[str, str], Counter[str]] = {}
    for place in PLACES:
        texts = long_texts(place)
        decisions = classifier.classify([text.text for text in texts])
        for text, decision in zip(texts, decisions, strict=True):
            outcome = text.outcome(decision)
            counts.setdefault((text.size, place), Counter())[outcome] += 1
            if every_row and decision.accepted and outcome != "right":
                found = f"{decision.intent} {decision.confidence:.2f}, expected {text.expected or 'none'}"
                print(f"{text.place}: {found}: {text.text!r}")
    outcomes = sorted(set().union(*counts.values()), key=lambda name: (name not in ("right", "contradicts"), name))
    print(f"| characters | place of the wish | texts | {' | '.join(outcomes)} |")
    print(f"| --- | --- {'| --- ' * (len(outcomes) + 1)}|")
    for size in SIZES:
        for place in PLACES:
            row = counts[size, place]
            print(f"| {size} | {place} | {row.total()} | {' | '.join(str(row[name]) for name in outcomes)} |")


if __name__ == "__main__":
    main()
