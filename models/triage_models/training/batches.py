"""Texts into batches of tensors: drawn, noised, grouped by length, padded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.training.augment import augment
from triage_models.training.schedule import Recipe


@dataclass(frozen=True)
class Examples:
    """Texts, their class numbers ``[N]``, and how often each is drawn in an epoch ``[N]``."""

    texts: Sequence[str]
    classes: NDArray[np.int64]
    weights: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """The rows at these positions."""
        return Examples([self.texts[row] for row in rows.tolist()], self.classes[rows], self.weights[rows])


def epoch_batches(
    tokenizer: Tokenizer, examples: Examples, recipe: Recipe, *, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """One epoch of ids ``[B, T]``, mask ``[B, T]`` and row numbers ``[B]``; the same for the same seed and epoch.

    A row of weight 0.2 comes once in five epochs, one of weight 3 three times in each, each time with noise of its own.
    """
    phase = np.random.default_rng(seed).random(len(examples))
    random = np.random.default_rng([seed, epoch])
    times = np.floor((epoch + 1) * examples.weights + phase) - np.floor(epoch * examples.weights + phase)
    rows = np.repeat(np.arange(len(times)), times.astype(np.int64))
    random.shuffle(rows)
    texts = [augment(examples.texts[row], random, recipe.noise) for row in rows.tolist()]
    encodings = token_ids(tokenizer, texts)
    jitter = random.random(len(rows)) * 3
    near = np.argsort(np.array([len(ids) for ids in encodings]) + jitter)
    cuts = [near[start : start + recipe.batch] for start in range(0, len(near), recipe.batch)]
    for cut in random.permutation(len(cuts)):
        ids, mask = padded([encodings[row] for row in cuts[cut].tolist()])
        yield ids, mask, torch.from_numpy(rows[cuts[cut]])


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of texts, special tokens included."""
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def padded(encodings: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Ids and mask ``[B, T]``, filled up with zeros."""
    longest = max(len(ids) for ids in encodings)
    ids = torch.zeros(len(encodings), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = torch.tensor(encoding)
        mask[row, : len(encoding)] = 1
    return ids, mask
