"""Prototypes: cluster centres of each class; a message's similarity to them is its familiarity."""

import torch
from sklearn.cluster import KMeans
from torch import Tensor

BANK = 2304
"""Prototypes of all classes together: one matrix product of this width costs well under 1 % of the network."""

MAX_PER_CLASS = 256


def build_prototypes(embeddings: Tensor, classes: Tensor, count: int, seed: int) -> Tensor:
    """Cluster each class and return its centres, ``[C, M, D]`` of unit length; classes with fewer rows repeat theirs.

    Args:
        embeddings: ``[N, D]``, unit length.
        classes: ``[N]``, 0 to ``count`` - 1; every class has at least one row.
        count: C.
        seed: seed of the clustering.
    """
    per_class = max(2, min(MAX_PER_CLASS, BANK // count))
    centres = [_cluster_centres(embeddings[classes == number], per_class, seed) for number in range(count)]
    longest = max(len(own) for own in centres)
    padded = [own[torch.arange(longest) % len(own)] for own in centres]
    return torch.nn.functional.normalize(torch.stack(padded), dim=2)


def _cluster_centres(own: Tensor, limit: int, seed: int) -> Tensor:
    if len(own) <= limit:
        return own
    found = KMeans(limit, n_init=1, max_iter=20, random_state=seed).fit(own.numpy())
    return torch.from_numpy(found.cluster_centers_).to(own.dtype)
