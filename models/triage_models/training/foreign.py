"""Messages that belong to no label, for data that brings none: what people type to any bot."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_models import shipped
from triage_models.training.data import read_csv

CORPUS = shipped("corpus") / "messages.csv"
ALIKE = 0.5
"""Cosine of character n-grams above which a foreign text is too like a labelled one to be called foreign."""

FEWEST = 100
"""So many are taken at least, the least alike, however like the labelled texts they are."""


def foreign_texts(known: Sequence[str], count: int, seed: int) -> list[str]:
    """Up to ``count`` out-of-scope messages of the project's corpus that are unlike every text in ``known``.

    A bot with an intent "greeting" must not learn that greetings are foreign: hence the comparison.
    """
    rows = read_csv(CORPUS)
    texts = [text for text, label in zip(rows.texts, rows.labels, strict=True) if label == "OOS"]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit(texts)
    alike = (vectors.transform(texts) @ vectors.transform(list(known)).T).max(axis=1).toarray().ravel()
    least = np.argsort(alike, kind="stable")[: max(int((alike < ALIKE).sum()), FEWEST)]
    return [texts[row] for row in np.random.default_rng(seed).permutation(least)[:count]]
