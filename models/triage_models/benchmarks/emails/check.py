"""Measures what is read of e-mails: ``python -m triage_models.benchmarks.emails.check``.

English e-mails are decided by the shipped bundle, whole and as the wish alone. In the other languages it is measured
whether the wish is found whole, and how many quotations, signatures, lines of phones and disclaimers are left. The
parts of ``held`` were not looked at while the rules were written.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, get_args

from triage_models.benchmarks.emails.generate import Mail, emails, flat
from triage_models.benchmarks.emails.parts import LANGUAGES, Half
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision
from triage_models.serving.mail.message import read_message

ENGLISH = 189
"""E-mails that are decided of each half: every wish seven times, with another mail program each."""

BEGINNING = 14
"""Letters by which a part is found again."""


class Decided(NamedTuple):
    """Shares of decisions: right intents, accepted, and right ones among the accepted."""

    accuracy: float
    accepted: float
    right: float


def found(mail: Mail) -> bool:
    """Whether the whole wish is read."""
    return flat(mail.wish.text) in flat(read_message(mail.text).text)


def left(mail: Mail) -> list[str]:
    """The names of the parts that should not be read, and of which the beginning or the end is."""
    read = flat(read_message(mail.text).text)
    parts = {name: flat(part) for name, part in mail.noise.items()}
    return [name for name, part in parts.items() if part[:BEGINNING] in read or part[-BEGINNING:] in read]


def decided(decisions: Sequence[Decision], mails: Sequence[Mail]) -> Decided:
    """Compare decisions with the intents of the wishes."""
    right = [decision.intent == mail.wish.intent for decision, mail in zip(decisions, mails, strict=True)]
    accepted = [one for decision, one in zip(decisions, right, strict=True) if decision.accepted]
    return Decided(sum(right) / len(right), len(accepted) / len(right), sum(accepted) / max(1, len(accepted)))


def english(classifier: Classifier, half: Half, count: int = ENGLISH) -> tuple[Decided, Decided]:
    """What the bundle decides on the wishes alone, and on the whole e-mails."""
    mails = emails(half, count, ("en",))
    alone = classifier.classify([mail.wish.text for mail in mails])
    return decided(alone, mails), decided(classifier.classify([mail.text for mail in mails]), mails)


def cost_us(texts: Sequence[str], rounds: int = 20) -> float:
    """Microseconds of CPU time for reading one of these messages."""
    started = time.thread_time()
    for _ in range(rounds):
        for text in texts:
            read_message(text)
    return (time.thread_time() - started) / rounds / len(texts) * 1e6


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Print the measures; 1 if the bar is missed."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    classifier = Classifier.open(device="cpu")
    passed = True
    for half in get_args(Half):
        mails = emails(half)
        _print(f"{half}: {len(mails)} e-mails")
        for language in LANGUAGES:
            own = [mail for mail in mails if mail.language == language]
            remaining = Counter(name for mail in own for name in left(mail))
            total = Counter(name for mail in own for name in mail.noise)
            rest = ", ".join(f"{name} {remaining[name]} of {total[name]}" for name in sorted(total))
            _print(f"  {language}: wish found in {sum(map(found, own))} of {len(own)}; left: {rest}")
        alone, whole = english(classifier, half)
        _print("  English, decided   accuracy  accepted  right of these")
        for name, row in (("wish alone", alone), ("whole e-mail", whole)):
            _print(f"    {name:16} {row.accuracy:8.3f}  {row.accepted:8.3f}  {row.right:8.3f}")
        passed = passed and whole.accuracy >= alone.accuracy - 0.02 and all(map(found, mails))
    chat = [mail.wish.text for mail in emails("rules", 27, ("en",))]
    whole_us = cost_us([mail.text for mail in mails])
    _print(f"reading: {cost_us(chat):.1f} µs a message of one line, {whole_us:.0f} µs an e-mail")
    _print("passed" if passed else "FAILED: the wish must be found, and accuracy may be at most 2 points less")
    return 0 if passed else 1


if __name__ == "__main__":
    raise SystemExit(main())
