"""Cross-fitting: each row is judged by a model that did not see it, except rows that no model can spare."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.calibration.calibration_data import CalibrationData
from triage_models.training import cross_fitting
from triage_models.training.batches import Examples
from triage_models.training.candidate import TrainingJob
from triage_models.training.cross_fitting import FOLDS, cross_fit
from triage_models.training.recipe import recipe_for


class Fold:
    """What one model was trained on and what it judged: rows, and the classes that they count as."""

    def __init__(self, train: NDArray[np.int64], predict: NDArray[np.int64], absent: NDArray[np.bool_]) -> None:
        self.train, self.predict, self.absent = train, predict, absent


def folds_of(monkeypatch: pytest.MonkeyPatch, sizes: list[int], *, leave_labels_out: bool) -> list[Fold]:
    """Cross-fit rows of classes of these sizes, the last of them out of scope, without training."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    texts = [f"text {number} of class {label}" for number, label in enumerate(classes)]
    examples = Examples(texts, classes, np.ones(len(classes)))
    names = tuple(f"L{number}" for number in range(len(sizes)))
    job = TrainingJob(examples, names, "base", recipe_for(len(classes)), 64, 0)
    folds: list[Fold] = []

    def run_fold(
        _job: TrainingJob,
        train: NDArray[np.int64],
        predict: NDArray[np.int64],
        absent: NDArray[np.bool_],
        _folder: Path,
        _progress: object,
    ) -> CalibrationData:
        folds.append(Fold(train, predict, absent))
        shape = (len(predict), len(sizes))
        truth = np.where(absent, -1, classes[predict])
        return CalibrationData(np.zeros(shape, np.float32), np.zeros(shape, np.float32), truth, "rows")

    monkeypatch.setattr(cross_fitting, "_run_fold", run_fold)
    cross_fit(job, len(sizes) - 1, Path(), lambda share, loss: None, leave_labels_out=leave_labels_out)
    assert len(folds) == FOLDS
    return folds


@pytest.mark.parametrize("leave_labels_out", [True, False])
@pytest.mark.parametrize("sizes", [[9, 1, 5, 1, 1, 2, 3, 1, 8, 6], [4, 1, 1], [2, 1, 2], [1, 1, 1, 9, 1]])
def test_the_only_row_of_a_label_is_trained_on_and_never_judged_as_that_label(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], leave_labels_out: bool
) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    judged = np.zeros(len(classes), dtype=int)
    left_out = np.zeros(len(classes), dtype=int)
    for fold in folds_of(monkeypatch, sizes, leave_labels_out=leave_labels_out):
        assert not set(fold.train) & set(fold.predict)
        assert set(fold.train) | set(fold.predict) == set(range(len(classes)))
        in_scope = fold.predict[~fold.absent]
        assert set(classes[in_scope]) <= set(classes[fold.train]), "the model knows each label that it is judged by"
        judged[in_scope] += 1
        left_out[fold.predict[fold.absent]] += 1
    single = np.bincount(classes)[classes] == 1
    assert judged[single].sum() == 0
    assert left_out.max() <= 1
    assert (judged <= 1).all()
    if not leave_labels_out:
        assert (judged[~single] == 1).all()
