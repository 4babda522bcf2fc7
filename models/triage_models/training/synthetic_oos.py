"""Out-of-scope messages for training data that has none: what people type to any bot."""

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from triage_models.data.corpus import OOS_LABEL, read_messages

SIMILAR = 0.5
"""Cosine of character n-grams above which a message resembles a labelled text too much to be out of scope."""

MIN_MESSAGES = 100
"""At least so many messages are used, the least similar ones, however similar they are."""


def sample_oos_texts(labelled: Sequence[str], count: int, seed: int) -> list[str]:
    """Draw out-of-scope messages of the project's corpus that are unlike all labelled texts.

    A bot with an intent "greeting" must not learn that greetings are out of scope: hence the comparison.

    Args:
        labelled: the texts that have a label.
        count: how many messages, at most.
        seed: seed of the draw.
    """
    texts = [message.text for message in read_messages() if message.label == OOS_LABEL]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit(texts)
    similarity = (vectors.transform(texts) @ vectors.transform(list(labelled)).T).max(axis=1).toarray().ravel()
    eligible = np.argsort(similarity, kind="stable")[: max(int((similarity < SIMILAR).sum()), MIN_MESSAGES)]
    return [texts[row] for row in np.random.default_rng(seed).permutation(eligible)[:count]]
