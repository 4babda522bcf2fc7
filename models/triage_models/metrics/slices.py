"""Metrics by kind of message: length, script, and the further columns of the data."""

import unicodedata
from collections import Counter
from functools import lru_cache

import numpy as np

from triage_models.data.evaluation_rows import LabelledRows
from triage_models.metrics import bootstrap
from triage_models.metrics.compute import compute_shares
from triage_models.metrics.outcomes import Outcomes

LENGTHS = ((3, "1–3 words"), (8, "4–8 words"), (20, "9–20 words"))
LONGER = "over 20 words"


def compute_by_slice(
    rows: LabelledRows, outcomes: Outcomes, *, resamples: int = bootstrap.RESAMPLES, seed: int = 0
) -> list[dict[str, object]]:
    """Compute shares of rows by length, by script, and by each further column, the largest slice first.

    A column that puts all rows into one slice is left out.
    """
    columns = {
        "length": [length_of(text) for text in rows.texts],
        "script": [script_of(text) for text in rows.texts],
        **rows.columns,
    }
    table: list[dict[str, object]] = []
    for column, values in columns.items():
        sizes = Counter(values).most_common()
        if len(sizes) < 2:
            continue
        for value, size in sizes:
            mask = np.asarray([one == value for one in values])
            shares = compute_shares(outcomes.take(mask), resamples=resamples, seed=seed)
            table.append({"by": column, "value": value, "rows": size, **shares})
    return table


def length_of(text: str) -> str:
    """Return the bucket of a text's number of words."""
    words = len(text.split())
    return next((name for most, name in LENGTHS if words <= most), LONGER)


def script_of(text: str) -> str:
    """Return the script of most of a text's letters, such as "latin" or "devanagari"; "none" without letters.

    A script is not a language: Hinglish, Spanish and English are all latin.
    """
    scripts = Counter(_script(letter) for letter in text if letter.isalpha())
    return scripts.most_common(1)[0][0] if scripts else "none"


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    """Return the first word of the letter's Unicode name, which is its script."""
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0].lower()
