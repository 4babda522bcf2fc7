"""What a person can say about a message of the review, and the keys for it, at a terminal and in the browser."""

from collections.abc import Sequence
from dataclasses import dataclass

LATER = "-"
NONE = "0"
QUIT = "q"
_LABEL_KEYS = "123456789abcdefghijklmnoprstuvwxyz"


@dataclass(frozen=True, slots=True)
class Labelled:
    """The reviewer chose an intent."""

    label: str


@dataclass(frozen=True, slots=True)
class NoneOfThese:
    """The reviewer found that the message has none of the intents."""


@dataclass(frozen=True, slots=True)
class Later:
    """The reviewer postponed the message, which goes to the end of the queue."""


Verdict = Labelled | NoneOfThese | Later


def keys_by_label(labels: Sequence[str]) -> dict[str, str]:
    """Return the key of each label: digits first, then letters. Labels for which no key is left are missing."""
    return dict(zip(labels, _LABEL_KEYS, strict=False))


def verdict_for_key(key: str, labels: Sequence[str]) -> Verdict | None:
    """Return what a key means; None if it has no meaning."""
    if key == LATER:
        return Later()
    if key == NONE:
        return NoneOfThese()
    labels_by_key = {label_key: label for label, label_key in keys_by_label(labels).items()}
    return Labelled(labels_by_key[key]) if key in labels_by_key else None
