"""Matches a label as a model writes it with the label that is meant."""

import re
import unicodedata
from collections.abc import Callable, Mapping


def match_label(text: str, labels: Mapping[str, str]) -> str | None:
    """Find the label that a text names; None if it names none, or may mean two.

    Labels are compared as they are, then without regard to case, then without regard to quotes, punctuation, and what
    stands between words. A label that is followed by its description counts as the label.

    Args:
        text: the text.
        labels: the labels with their descriptions.
    """
    text = text.strip()
    if text in labels:
        return text
    for form in (str.casefold, _words):
        found = _only(form(text), labels, form)
        if found is not None:
            return found
    return _only(_words(text), labels, lambda label: _words(f"{label} {labels[label]}"))


def _only(wanted: str, labels: Mapping[str, str], form: Callable[[str], str]) -> str | None:
    matching = [label for label in labels if form(label) == wanted]
    return matching[0] if len(matching) == 1 and wanted else None


def _words(text: str) -> str:
    """The words of a text with single blanks between them."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
