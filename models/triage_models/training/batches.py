"""Turns texts into batches of tensors: sampled by weight, augmented, grouped by length and padded."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.training.augment import augment
from triage_models.training.recipe import Recipe

LENGTH_JITTER = 3
"""Tokens of random noise when texts are sorted by length, so that epochs have different batches."""


@dataclass(frozen=True)
class Examples:
    """N texts to train on.

    Attributes:
        texts: ``[N]``
        classes: ``[N]`` class indices.
        weights: ``[N]`` how often an epoch draws a row, on average.
        groups: ``[N]`` the group of each row, "" for none; empty if the data has no groups.
    """

    texts: Sequence[str]
    classes: NDArray[np.int64]
    weights: NDArray[np.float64]
    groups: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Return the rows at these positions."""
        return Examples(
            [self.texts[row] for row in rows.tolist()],
            self.classes[rows],
            self.weights[rows],
            [self.groups[row] for row in rows.tolist()] if self.groups else (),
        )


def epoch_batches(
    tokenizer: Tokenizer, examples: Examples, recipe: Recipe, *, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Yield one epoch of token ids ``[B, T]``, mask ``[B, T]`` and row positions ``[B]``.

    The same seed and epoch give the same batches. A row of weight 0.2 occurs once in five epochs, a row of weight 3
    three times in each, every time with different noise.
    """
    phase = np.random.default_rng(seed).random(len(examples))
    random = np.random.default_rng([seed, epoch])
    times = np.floor((epoch + 1) * examples.weights + phase) - np.floor(epoch * examples.weights + phase)
    rows = np.repeat(np.arange(len(times)), times.astype(np.int64))
    random.shuffle(rows)
    texts = [augment(examples.texts[row], random, recipe.noise) for row in rows.tolist()]
    encodings = token_ids(tokenizer, texts)
    jitter = random.random(len(rows)) * LENGTH_JITTER
    by_length = np.argsort(np.array([len(ids) for ids in encodings]) + jitter)
    batches = [by_length[start : start + recipe.batch] for start in range(0, len(by_length), recipe.batch)]
    for number in random.permutation(len(batches)):
        batch = batches[number]
        ids, mask = pad([encodings[row] for row in batch.tolist()])
        yield ids, mask, torch.from_numpy(rows[batch])


def token_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of each text, special tokens included."""
    return [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def pad(encodings: Sequence[list[int]]) -> tuple[Tensor, Tensor]:
    """Return token ids and mask ``[B, T]``, padded with zeros."""
    longest = max(len(ids) for ids in encodings)
    ids = torch.zeros(len(encodings), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, encoding in enumerate(encodings):
        ids[row, : len(encoding)] = torch.tensor(encoding)
        mask[row, : len(encoding)] = 1
    return ids, mask
