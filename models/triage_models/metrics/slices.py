"""The same figures by kind of message: where a model fails is rarely everywhere."""

import unicodedata
from collections import Counter
from functools import lru_cache

import numpy as np

from triage_models.metrics import bootstrap
from triage_models.metrics.figures import shares
from triage_models.metrics.outcomes import Outcomes
from triage_models.metrics.rows import LabelledRows

LENGTHS = ((3, "1–3 words"), (8, "4–8 words"), (20, "9–20 words"))
LONGER = "over 20 words"


def by_slice(
    rows: LabelledRows, outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0
) -> list[dict[str, object]]:
    """Shares of rows by length, by script, and by each further column of the data, the largest slice first.

    A way of slicing that puts all rows into one slice is left out.
    """
    ways = {
        "length": [length_of(text) for text in rows.texts],
        "script": [script_of(text) for text in rows.texts],
        **rows.columns,
    }
    table: list[dict[str, object]] = []
    for way, values in ways.items():
        sizes = Counter(values).most_common()
        if len(sizes) < 2:
            continue
        for value, size in sizes:
            own = np.asarray([one == value for one in values])
            figures = shares(outcomes.take(own), resamples=resamples, seed=seed)
            table.append({"by": way, "value": value, "rows": size, **figures})
    return table


def length_of(text: str) -> str:
    """The bucket of a text's number of words."""
    words = len(text.split())
    return next((name for most, name in LENGTHS if words <= most), LONGER)


def script_of(text: str) -> str:
    """The script of most of a text's letters, such as "latin" or "devanagari"; "none" without letters.

    A script is no language: Hinglish, Spanish and English are all latin.
    """
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    return scripts.most_common(1)[0][0] if scripts else "none"


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """First word of the letter's Unicode name, which is its script."""
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0].lower()
