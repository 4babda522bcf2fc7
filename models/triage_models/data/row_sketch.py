"""Recognizes rows that were used before, by hashes of some of their texts: none of the texts is kept."""

import hashlib
from collections.abc import Iterable

from triage_models.data.labelled import normalize_text

ROW_SKETCH = "row_sketch"
"""Where a manifest has the sketch: within ``training``, and within what it says of a calibration."""

SIZE = 512
"""Hashes that are kept: the smallest ones, so that a row that is among them once is among them again."""

SEEN_SHARE = 0.1
"""Of rows held out by another split than that of the training, nine tenths were trained on; by the same one, none."""

DIGITS = 8
"""Hexadecimal digits of a hash. By chance, two of a million texts have the same one in one case of four thousand."""


def sketch(texts: Iterable[str]) -> list[str]:
    """Return the smallest hashes of different texts (in any case and spacing), in order."""
    return sorted({_hash(text) for text in texts})[:SIZE]


def merge(*sketches: list[str]) -> list[str]:
    """Return the sketch of all texts that some sketches were made of."""
    return sorted({one for own in sketches for one in own})[:SIZE]


def share_seen(before: list[str], texts: Iterable[str]) -> float:
    """Estimate which share of texts was among those that a sketch was made of; exact if those were few.

    Args:
        before: the sketch.
        texts: other texts.
    """
    hashes = {_hash(text) for text in texts}
    if len(before) >= SIZE:
        hashes = {one for one in hashes if one <= before[-1]}
    return len(hashes & set(before)) / len(hashes) if hashes else 0.0


def _hash(text: str) -> str:
    return hashlib.sha256(normalize_text(text).encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
