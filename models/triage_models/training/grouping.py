"""Groups messages without labels by what they want: hierarchical clustering on the vectors of the base model."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_mutual_info_score

from triage_models.serving.decision import Floats

DIRECTIONS = 64
"""Main directions of the vectors that are used; the others hold more of the wording than of the wish."""

DISTANCE = 2.5
"""Ward's distance from which on two groups are not merged, where their number is not given."""

MIN_SIMILARITY = 0.4
"""Cosine similarity to the centre of its group below which a message is in no group."""

MIN_MEMBERS, MIN_SHARE = 3, 0.001
"""A group has at least so many members, and at least this share of all messages."""

NO_GROUP = -1


def group(vectors: Floats, count: int | None = None) -> tuple[NDArray[np.int64], Floats]:
    """Group N messages.

    Args:
        vectors: ``[N, D]`` of the base model, centred and of unit length.
        count: how many groups to make; None finds it by `DISTANCE`.

    Returns:
        ``[N]`` the group of each message, 0 for the largest group, or `NO_GROUP`; and the vectors ``[N, K]`` of unit
        length that the groups were made by.
    """
    reduced = _reduce(vectors)
    if len(reduced) < 2:
        return np.full(len(reduced), NO_GROUP, dtype=np.int64), reduced
    clusters = None if count is None else min(count, len(reduced))
    model = AgglomerativeClustering(clusters, linkage="ward", distance_threshold=DISTANCE if count is None else None)
    found = model.fit_predict(reduced).astype(np.int64)
    found[similarity_to_centre(reduced, found) < MIN_SIMILARITY] = NO_GROUP
    return _by_size(found, max(MIN_MEMBERS, round(MIN_SHARE * len(found)))), reduced


def similarity_to_centre(vectors: Floats, groups: NDArray[np.int64]) -> Floats:
    """Return the cosine similarity ``[N]`` of each message to the centre of its group; 0 for one in no group."""
    similarity = np.zeros(len(groups), dtype=np.float32)
    for number in np.unique(groups[groups >= 0]):
        own = groups == number
        centre = vectors[own].mean(axis=0)
        similarity[own] = vectors[own] @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    return similarity


def adjusted_agreement(labels: Sequence[str], groups: NDArray[np.int64]) -> float:
    """Return the mutual information of labels ``[N]`` and groups ``[N]``, adjusted for chance: 1 is perfect."""
    return float(adjusted_mutual_info_score(labels, groups))


def _reduce(vectors: Floats) -> Floats:
    directions = min(DIRECTIONS, len(vectors) - 1, vectors.shape[1])
    if directions < 1:
        return vectors
    reduced = PCA(directions, svd_solver="covariance_eigh").fit_transform(vectors)
    unit: Floats = (reduced / np.maximum(np.linalg.norm(reduced, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    return unit


def _by_size(groups: NDArray[np.int64], smallest: int) -> NDArray[np.int64]:
    """Number the groups by their size; those that are too small become no group."""
    numbers, sizes = np.unique(groups[groups >= 0], return_counts=True)
    order = numbers[np.argsort(-sizes, kind="stable")]
    large = [number for number in order if sizes[numbers == number][0] >= smallest]
    result = np.full(len(groups), NO_GROUP, dtype=np.int64)
    for new, old in enumerate(large):
        result[groups == old] = new
    return result
