"""Names of labels: how they are written, and which of them a person would take for the same.

Differences that nobody can see never make two labels: Unicode composition, no-break spaces, line breaks, invisible
characters, blanks at the ends. Labels that still look alike are the business of the caller: within one data set they
are refused, and against a given set of labels they are read as the label that they look like.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

SEPARATOR = "|"
"""Joins the labels of a row for which several are correct; the first is its primary one."""

MISSING = frozenset(
    {
        *("nan", "null", "nat", "<na>", "<null>", "undefined", "\\n"),
        *("#n/a", "#name?", "#ref!", "#value!", "#div/0!", "#null!", "#num!", "#calc!", "#spill!"),
    }
)
"""What programs write for a missing value or a failed formula, in lower case. "NA" and "None" are not among them: they
may be North America, and none of these."""

LIKE_MISSING = frozenset({"na", "n/a", "none", "nil", "-", "--", "?", "tbd", "unknown"})
"""Names that may mean "no label", in lower case. They are learned like others, and a note says so."""

MAX_SHOWN_LABELS = 20
_JOINERS = "\u200c\u200d"
_IGNORED = re.compile(f"[{_JOINERS}\ufe00-\ufe0f\U000e0020-\U000e01ef]")
"""Part of words in Persian and of the scripts of India, and of emoji: kept in a name, ignored in a comparison."""

_BLANKS = re.compile(r"[\s\u2800]+")
_CONTROLS = r"\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
_FORMATS = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    r"\u2066-\u206f\u3164\ufeff\uffa0"
)
_INVISIBLE = re.compile(f"[{_CONTROLS}{_FORMATS}]")
_BETWEEN = re.compile(r"(?<=\w)[-_](?=\w)")
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_SAME_LOOK = str.maketrans(
    "АВЕЅІЈКМНОРСТХУаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο‐‑‒–—−’‘ʼ`´“”„",
    "ABESIJKMHOPCTXYaeopcyxijsABEZHIKMNOPTYXo------'''''\"\"\"",
)
"""Cyrillic and Greek letters like Latin ones, and the dashes and quotation marks that word processors insert."""


def canonical_label(name: str) -> str:
    """Return a label without what cannot be seen: composed (NFC), on one line, trimmed."""
    if name.isascii() and name.isprintable():
        return name.strip(" ")
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", name))
    return _BLANKS.sub(_blank, composed).strip(f" {_JOINERS}")


def _blank(run: re.Match[str]) -> str:
    """Return plain blanks as they are, since they can be seen, and one for anything else."""
    return run[0] if not run[0].strip(" ") else " "


def lookalike_key(name: str) -> str:
    """Return what labels have in common that look alike.

    They may differ in case, spacing, width, dashes, letters of another script, ``_`` for a blank, or ``1.0`` for ``1``.
    """
    folded = unicodedata.normalize("NFKC", canonical_label(name).translate(_SAME_LOOK)).casefold()
    plain = _IGNORED.sub("", folded)
    spaced = " ".join(_BETWEEN.sub(" ", plain).split())
    whole = _WHOLE.fullmatch(spaced)
    return whole[1] if whole else spaced


def find_lookalikes(names: Iterable[str]) -> tuple[str, str] | None:
    """Return two different labels that look alike, the first in order; None if there are none."""
    known: dict[str, str] = {}
    for name in sorted(set(names)):
        other = known.setdefault(lookalike_key(name), name)
        if other != name:
            return other, name
    return None


def describe_difference(first: str, second: str) -> str:
    """Say how two labels that look alike differ."""
    if " ".join(first.casefold().split()) == " ".join(second.casefold().split()):
        return "differ only in case or spacing"
    if first.isascii() and second.isascii():
        return "differ only in how they are written"
    pairs = zip(first + " " * len(second), second + " " * len(first), strict=False)
    one, other = next((a, b) for a, b in pairs if a != b)
    return f"look alike (the first has {_code_point(one)} where the second has {_code_point(other)})"


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def show_labels(labels: Sequence[str]) -> str:
    """Return labels as a sentence lists them, not too many."""
    more = f" and {len(labels) - MAX_SHOWN_LABELS} more" if len(labels) > MAX_SHOWN_LABELS else ""
    return ", ".join(labels[:MAX_SHOWN_LABELS]) + more


class LabelMatcher:
    """Finds the label of a given set that a name stands for.

    Args:
        known: the labels.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._exact = {name: name for name in known}
        self._canonical = {canonical_label(name): name for name in known}
        self._alike: dict[str, str | None] = {}
        for name in known:
            key = lookalike_key(name)
            self._alike[key] = None if key in self._alike else name

    def find(self, name: str) -> str | None:
        """Return the label itself, or the only one that the name looks like; None if there is none."""
        return (
            self._exact.get(name) or self._canonical.get(canonical_label(name)) or self._alike.get(lookalike_key(name))
        )
