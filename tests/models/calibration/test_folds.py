"""Cross-fitting: no row is predicted by a fit that has seen it."""

import numpy as np
from numpy.typing import NDArray
from triage_models.calibration.folds import FOLDS, cross_fitted


def test_each_row_is_predicted_once_by_a_fit_on_all_other_folds() -> None:
    seen: list[NDArray[np.bool_]] = []

    def predict(outside: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        assert (outside == ~inside).all()
        seen.append(inside)
        return np.flatnonzero(inside).astype(np.float64)

    assert cross_fitted(23, predict, seed=1).tolist() == list(range(23))
    assert len(seen) == FOLDS
    assert (np.sum(seen, axis=0) == 1).all()
    assert {int(inside.sum()) for inside in seen} == {4, 5}
