"""A few texts stand for each class: how near a message is to them is how familiar it is."""

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from torch import Tensor

BANK = 2304
"""Prototypes in all: one matrix product of this width costs well under 1 % of the network."""


def some_of_each(classes: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """Positions of up to ``most`` rows of each class, drawn at random, in order; ``classes`` is ``[N]``."""
    mixed = np.random.default_rng(seed).permutation(len(classes))
    return np.sort(np.concatenate([mixed[classes[mixed] == number][:most] for number in np.unique(classes)]))


def prototypes(embeddings: Tensor, classes: Tensor, count: int, seed: int) -> Tensor:
    """Cluster centres of each class, ``[C, M, D]`` of unit length; classes with fewer rows repeat theirs.

    Args:
        embeddings: ``[N, D]``, unit length.
        classes: ``[N]``, 0 to ``count`` - 1; every class has at least one row.
        count: how many classes.
        seed: for the clustering.
    """
    each = max(2, min(256, BANK // count))
    centres = [_centres(embeddings[classes == number], each, seed) for number in range(count)]
    longest = max(len(own) for own in centres)
    padded = [own[torch.arange(longest) % len(own)] for own in centres]
    return torch.nn.functional.normalize(torch.stack(padded), dim=2)


def _centres(own: Tensor, most: int, seed: int) -> Tensor:
    if len(own) <= most:
        return own
    found = KMeans(most, n_init=1, max_iter=20, random_state=seed).fit(own.numpy())
    return torch.from_numpy(found.cluster_centers_).to(own.dtype)
