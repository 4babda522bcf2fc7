"""Cross-fitting: what is said of each row comes from a fit that has not seen the row."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDS = 5


def cross_fitted(
    rows: int, predict: Callable[[NDArray[np.bool_], NDArray[np.bool_]], NDArray[np.floating[Any]]], *, seed: int
) -> NDArray[np.float64]:
    """Return a prediction of each row ``[N]`` by a fit on the other folds.

    Args:
        rows: N.
        predict: gets two masks ``[N]``: fits on the rows of the first, and returns its predictions of those of the
            second.
        seed: seed of the folds.
    """
    fold = np.random.default_rng(seed).permutation(rows) % FOLDS
    result = np.empty(rows)
    for number in range(FOLDS):
        inside = fold == number
        result[inside] = predict(~inside, inside)
    return result
