"""One key, one answer."""

from collections.abc import Sequence
from dataclasses import dataclass

LATER = "-"
NONE = "0"
QUIT = "q"
_LABEL_KEYS = "123456789abcdefghijklmnoprstuvwxyz"


@dataclass(frozen=True, slots=True)
class Labelled:
    """The message has this intent."""

    label: str


@dataclass(frozen=True, slots=True)
class NoneOfThese:
    """The message has none of the intents."""


@dataclass(frozen=True, slots=True)
class Later:
    """The message goes to the end of the queue."""


Verdict = Labelled | NoneOfThese | Later


def key_of(labels: Sequence[str]) -> dict[str, str]:
    """The key of each label: digits, then letters; labels beyond those have none."""
    return dict(zip(labels, _LABEL_KEYS, strict=False))


def verdict_of(key: str, labels: Sequence[str]) -> Verdict | None:
    """What a key means; None when it means nothing."""
    if key == LATER:
        return Later()
    if key == NONE:
        return NoneOfThese()
    by_key = {shown: label for label, shown in key_of(labels).items()}
    return Labelled(by_key[key]) if key in by_key else None
