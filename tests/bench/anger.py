"""Measures how well anger is told by a small head on the shipped network: ``python -m tests.bench.anger``.

Triage has no field for it, because the head is not good enough (docs/evaluation.md). It is fitted on the corpus, where
messages that were written to be angry have that register, and measured on held-out messages by another hand.
"""

import random
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from triage_models.data.corpus import Message, read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.engine import open_tokenizer, usable_cores
from triage_models.training.inference import embed_texts
from triage_models.training.onnx_weights import load_network

ANGRY = "angry"
OTHERS = 5000
"""Messages of other registers that it is fitted on."""

MAX_LENGTH = 64


def main() -> None:
    """Fit on the corpus, and print the area under the ROC curve on the held-out messages."""
    torch.set_num_threads(usable_cores())
    corpus = [row for row in read_messages() if row.register]
    others = [row for row in corpus if row.register != ANGRY]
    fitted_on = [row for row in corpus if row.register == ANGRY] + random.Random(0).sample(others, OTHERS)
    held_out = read_messages(CHANNELS_CSV)
    wanted = _is_angry(held_out)
    of_network = _scores(_embedded(fitted_on), _is_angry(fitted_on), _embedded(held_out))
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"[\w']+|[!?]+")
    known = words.fit_transform(row.text for row in fitted_on)
    of_words = _scores(known, _is_angry(fitted_on), words.transform(row.text for row in held_out))
    print(f"fitted on {len(fitted_on):,} rows, measured on {len(held_out)}, of which {int(wanted.sum())} are angry")
    for name, scores in (("network", of_network), ("words", of_words), ("both", of_network + of_words)):
        print(f"{name:8} AUROC {roc_auc_score(wanted, scores):.3f}")


def _embedded(rows: Sequence[Message]) -> NDArray[np.float32]:
    network = load_network(DEFAULT_BUNDLE, dropout=0.0)
    tokenizer = open_tokenizer(DEFAULT_BUNDLE / "tokenizer.json", MAX_LENGTH)
    vectors = embed_texts(network, tokenizer, [row.text for row in rows])
    found: NDArray[np.float32] = torch.nn.functional.normalize(vectors, dim=1).numpy()
    return found


def _is_angry(rows: Sequence[Message]) -> NDArray[np.bool_]:
    return np.array([row.register == ANGRY for row in rows])


def _scores(
    features: NDArray[np.float32], angry: NDArray[np.bool_], others: NDArray[np.float32]
) -> NDArray[np.float64]:
    model = LogisticRegression(C=10.0, max_iter=2000, class_weight="balanced").fit(features, angry)
    found: NDArray[np.float64] = model.decision_function(others)
    return found


if __name__ == "__main__":
    main()
