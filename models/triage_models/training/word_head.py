"""The word head: classes from word pieces and their pairs alone, by a linear model that runs in the same graph.

A fine-tuned encoder is now and then very sure of a wrong answer, for a name that resembles a word it knows, say. A
linear model of word pieces is correct less often, but it fails elsewhere. The mean of both is correct more often than
the encoder, and ranks its own errors better: see docs/evaluation.md.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from tokenizers import Tokenizer
from torch import Tensor, nn

from triage_models.training.batches import Examples, token_ids

Pieces = TypeVar("Pieces", Tensor, NDArray[np.int64])

PAIRS = 1 << 16
"""Slots that pairs of neighbouring word pieces are hashed into."""

MULTIPLIER = 9973
"""A prime, so that pairs with the same first piece are spread over all slots."""

MIN_TEXTS = 2
"""What a single text has says nothing of others."""

PENALTY = 20.0
"""Inverse strength of the penalty on large weights."""

TOLERANCE, MAX_STEPS = 1e-3, 500
"""The fit ends when no derivative is larger than the tolerance, which takes about a hundred steps."""


class WordHead(nn.Module):
    """A linear model of word pieces and their pairs, each weighted by how rare it is (tf-idf), at unit length.

    A piece or pair that fewer than `MIN_TEXTS` texts have is unknown. All that are unknown share row 0, whose
    weights are 0: the more of a text is unknown, the less sure the answer is.

    Args:
        words: V, the size of the tokenizer's vocabulary.
        known: K, how many pieces and pairs are known.
        classes: C, the number of outputs.

    Attributes:
        share: how much this head counts in the answer, 0 to 1.
        row_of: ``[V + PAIRS]`` the row of each piece and of each slot for pairs.
        table: ``[1 + K, C]`` weights.
        rarity: ``[1 + K, 1]`` inverse document frequencies.
        bias: ``[C]``
    """

    row_of: Tensor

    def __init__(self, words: int, known: int, classes: int) -> None:
        super().__init__()
        self.words = words
        self.share = nn.Parameter(torch.zeros(()), requires_grad=False)
        self.register_buffer("row_of", torch.zeros(words + PAIRS, dtype=torch.int32))
        self.table = nn.Parameter(torch.zeros(1 + known, classes), requires_grad=False)
        self.rarity = nn.Parameter(torch.ones(1 + known, 1), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(classes), requires_grad=False)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map token ids and mask ``[B, T]`` to logits ``[B, C]``."""
        rows = self.row_of[torch.cat([input_ids, _pair_slots(input_ids, self.words)], dim=1)].long()
        used = torch.cat([attention_mask, attention_mask[:, 1:]], dim=1).unsqueeze(-1)
        rarity = self.rarity[rows] * used.to(self.rarity.dtype)
        length = rarity.square().sum(1).sqrt().clamp(min=1e-3)
        logits: Tensor = (self.table[rows] * rarity).sum(1) / length + self.bias
        return logits

    def mixed(self, logits: Tensor, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Mix the encoder's logits ``[B, C]`` with this head's: a weighted geometric mean of probabilities."""
        of_encoder = logits.log_softmax(dim=1)
        mean: Tensor = of_encoder + self.share * (self(input_ids, attention_mask).log_softmax(dim=1) - of_encoder)
        return mean


def fit_word_head(tokenizer: Tokenizer, examples: Examples, words: int, classes: int, share: float) -> WordHead:
    """Fit a word head to rows; a row's weight says how much it counts.

    Args:
        tokenizer: the tokenizer of the network.
        examples: N rows; a class may have none.
        words: V, the size of the vocabulary.
        classes: C, the number of outputs.
        share: how much the head counts, 0 to 1.
    """
    slots = _slots(token_ids(tokenizer, examples.texts), words)
    texts_with = np.bincount(np.concatenate([np.unique(own) for own in slots]), minlength=words + PAIRS)
    known = np.flatnonzero(texts_with >= MIN_TEXTS)
    row_of = np.zeros(words + PAIRS, dtype=np.int32)
    row_of[known] = np.arange(1, len(known) + 1)
    rarity = 1.0 + np.log((1.0 + len(slots)) / (1.0 + np.array([0, *texts_with[known]])))
    model = LogisticRegression(C=PENALTY, max_iter=MAX_STEPS, tol=TOLERANCE)
    model.fit(_features([row_of[own] for own in slots], rarity), examples.classes, sample_weight=examples.weights)
    head = WordHead(words, len(known), classes)
    head.share.fill_(share)
    head.row_of.copy_(torch.from_numpy(row_of))
    head.rarity[:, 0] = torch.from_numpy(rarity).float()
    _take_weights(head, model)
    return head


def _take_weights(head: WordHead, model: LogisticRegression) -> None:
    weights, bias = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # then scikit-learn has one row, for the second class
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    head.bias.fill_(float(bias.min()) - 10.0)  # a class without rows is never the answer
    head.table[:, model.classes_] = torch.from_numpy(weights.T).float()
    head.bias[model.classes_] = torch.from_numpy(bias).float()


def _slots(encodings: Sequence[Sequence[int]], words: int) -> list[NDArray[np.int64]]:
    """Return the pieces of each text, and the slots of its pairs, like `WordHead.forward`."""
    found = []
    for ids in encodings:
        pieces = np.asarray(ids, dtype=np.int64)
        found.append(np.concatenate([pieces, _pair_slots(pieces, words)]))
    return found


def _pair_slots(pieces: Pieces, words: int) -> Pieces:
    """Return the slots of neighbouring pieces: ``[..., T]`` token ids in, ``[..., T - 1]`` out."""
    return words + (pieces[..., :-1] * MULTIPLIER + pieces[..., 1:]) % PAIRS


def _features(rows: Sequence[NDArray[np.int32]], rarity: NDArray[np.float64]) -> csr_matrix:
    """Return ``[N, 1 + K]`` what the table's rows are multiplied by for N texts, like `WordHead.forward`."""
    values = [rarity[own] / np.linalg.norm(rarity[own]) for own in rows]
    starts = np.cumsum([0, *map(len, rows)])
    features = csr_matrix((np.concatenate(values), np.concatenate(rows), starts), shape=(len(rows), len(rarity)))
    features.data[features.indices == 0] = 0.0  # its weights are 0
    features.sum_duplicates()
    return features
