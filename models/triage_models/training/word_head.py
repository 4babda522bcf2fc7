"""The word head: classes from words and pairs of words alone, by a linear model that runs in the same graph.

A fine-tuned encoder is now and then very sure of a wrong answer, for a name that resembles a word it knows, say. A
linear model of word pieces is correct less often, but it fails elsewhere. The mean of both is correct more often than
the encoder, and ranks its own errors better: see docs/evaluation.md.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch import Tensor, nn

from triage_models.training.batches import Examples, token_ids

PAIRS = 1 << 16
"""Slots that pairs of neighbouring word pieces are hashed into."""

MULTIPLIER = 9973
"""A prime, so that pairs with the same first piece are spread over all slots."""

PENALTY, ITERATIONS = 20.0, 60
"""Inverse strength of the penalty on large weights, and steps of the fit; twice as many change nothing."""


class WordHead(nn.Module):
    """A linear model of word pieces and their pairs, each weighted by how rare it is (tf-idf), at unit length.

    Args:
        words: V, the size of the tokenizer's vocabulary.
        classes: C, the number of outputs.

    Attributes:
        share: how much this head counts in the answer, 0 to 1.
        table: ``[V + PAIRS, C]`` weights.
        rarity: ``[V + PAIRS, 1]`` inverse document frequencies.
        bias: ``[C]``
    """

    def __init__(self, words: int, classes: int) -> None:
        super().__init__()
        self.words = words
        self.share = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.table = nn.Parameter(torch.zeros(words + PAIRS, classes), requires_grad=False)
        self.rarity = nn.Parameter(torch.ones(words + PAIRS, 1), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(classes), requires_grad=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to logits ``[B, C]``."""
        slots = torch.cat([input_ids, self._pairs(input_ids)], dim=1)
        used = torch.cat([attention_mask, attention_mask[:, 1:]], dim=1).unsqueeze(-1)
        rarity = self.rarity[slots] * used.to(self.rarity.dtype)
        length = rarity.square().sum(1).sqrt().clamp(min=1e-3)
        logits: Tensor = (self.table[slots] * rarity).sum(1) / length + self.bias
        return logits

    def mixed(self, logits: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mix the encoder's logits ``[B, C]`` with this head's: a weighted geometric mean of probabilities."""
        of_encoder = logits.log_softmax(dim=1)
        mean: Tensor = of_encoder + self.share * (self(input_ids, attention_mask).log_softmax(dim=1) - of_encoder)
        return mean

    def _pairs(self, input_ids: Tensor) -> Tensor:
        return self.words + (input_ids[:, :-1] * MULTIPLIER + input_ids[:, 1:]) % PAIRS


def fit_word_head(tokenizer: Tokenizer, examples: Examples, words: int, classes: int, share: float) -> WordHead:
    """Fit a word head to rows; a row's weight says how much it counts.

    Args:
        tokenizer: the tokenizer of the network.
        examples: N rows; a class may have none.
        words: V, the size of the vocabulary.
        classes: C, the number of outputs.
        share: how much the head counts, 0 to 1.
    """
    counts = _counts(token_ids(tokenizer, examples.texts), words)
    documents = np.asarray((counts > 0).sum(axis=0), dtype=np.float64)[0]
    rarity = np.log((1.0 + len(examples)) / (1.0 + documents)) + 1.0
    # The length is that of the sum in `WordHead.forward`, in which a repeated piece counts each time.
    lengths = np.sqrt(counts @ np.square(rarity)).clip(min=1e-3)
    features = diags(1.0 / lengths) @ counts @ diags(rarity)
    model = LogisticRegression(C=PENALTY, max_iter=ITERATIONS, tol=1e-3)
    model.fit(features, examples.classes, sample_weight=examples.weights)
    head = WordHead(words, classes)
    head.share.fill_(share)
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # then scikit-learn has one row, for the second class
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    head.bias.fill_(float(bias.min()) - 10.0)  # a class without rows is never the answer
    head.table[:, model.classes_] = torch.from_numpy(weights.T).float()
    head.bias[model.classes_] = torch.from_numpy(bias).float()
    head.rarity[:, 0] = torch.from_numpy(rarity).float()
    return head


def _counts(encodings: Sequence[Sequence[int]], words: int) -> csr_matrix:
    """Count the slots of N texts, ``[N, V + PAIRS]``, like `WordHead.forward`."""
    rows: list[NDArray[np.int64]] = []
    for ids in encodings:
        pieces = np.asarray(ids, dtype=np.int64)
        rows.append(np.concatenate([pieces, words + (pieces[:-1] * MULTIPLIER + pieces[1:]) % PAIRS]))
    starts = np.cumsum([0, *map(len, rows)])
    slots = np.concatenate(rows)
    counts = csr_matrix((np.ones(len(slots)), slots, starts), shape=(len(rows), words + PAIRS))
    counts.sum_duplicates()
    return counts
