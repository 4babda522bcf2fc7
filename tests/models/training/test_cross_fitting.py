"""Cross-fitting: each row is judged by a model that did not see it, except rows that no model can spare."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

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


class Judged(NamedTuple):
    """What cross-fitting did: its four models, and the rows that count in the end, with the class of each."""

    folds: list[Fold]
    rows: list[int]
    classes: NDArray[np.int64]


def judge(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], *, leave_labels_out: bool, groups: Sequence[str] = ()
) -> Judged:
    """Cross-fit rows of classes of these sizes, the last of them out of scope, without training."""
    classes = np.repeat(np.arange(len(sizes)), sizes)
    texts = [f"text {number} of class {label}" for number, label in enumerate(classes)]
    examples = Examples(texts, classes, np.ones(len(classes)), groups)
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
        logits = np.tile(predict.astype(np.float32)[:, None], (1, shape[1]))  # so that each row can be told
        return CalibrationData(logits, np.zeros(shape, np.float32), truth, "rows")

    monkeypatch.setattr(cross_fitting, "_run_fold", run_fold)
    data = cross_fit(job, len(sizes) - 1, Path(), lambda share, loss: None, leave_labels_out=leave_labels_out)
    assert len(folds) == FOLDS
    return Judged(folds, [int(row) for row in data.logits[:, 0]], data.classes)


@pytest.mark.parametrize(("each", "own_oos"), [(20, 80), (12, 0), (4, 10), (200, 600)])
def test_no_row_counts_twice_and_hardly_one_is_lost_for_its_label(
    monkeypatch: pytest.MonkeyPatch, each: int, own_oos: int
) -> None:
    """Regression: a row of a left-out label could count both for its label and as out of scope."""
    found = judge(monkeypatch, [each] * 12 + [own_oos], leave_labels_out=True)
    assert len(set(found.rows)) == len(found.rows)
    in_scope = int(((found.classes >= 0) & (found.classes < 12)).sum())
    assert in_scope >= 0.69 * 12 * each  # three quarters are predicted for their label
    assert 1 - in_scope / len(found.rows) == pytest.approx(0.3, abs=0.01)
    assert (found.classes == -1).sum() > (found.classes == 12).sum()


def grouped(count: int, *, of: int) -> list[str]:
    """Return the groups of rows: so many, one after the other."""
    return [f"shop {number % of}" for number in range(count)]


def test_groups_are_left_out_whole_if_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = grouped(400, of=20)
    for fold in judge(monkeypatch, [100, 100, 100, 100], leave_labels_out=False, groups=groups).folds:
        left_out, learned = ({groups[row] for row in rows} for rows in (fold.predict, fold.train))
        assert not left_out & learned
        assert len(fold.predict) == 100


@pytest.mark.parametrize(
    "groups", [grouped(400, of=7), [""] * 13 + grouped(387, of=7), ["big"] * 210 + grouped(190, of=9)]
)
def test_few_groups_or_one_that_is_most_of_the_data_are_split_by_rows(
    monkeypatch: pytest.MonkeyPatch, groups: list[str]
) -> None:
    without = judge(monkeypatch, [100, 100, 100, 100], leave_labels_out=False)
    found = judge(monkeypatch, [100, 100, 100, 100], leave_labels_out=False, groups=groups)
    assert found.rows == without.rows


def test_rows_without_a_group_and_labels_of_one_group_are_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model knows each label that it is judged by, even if a single shop has that label."""
    sizes = [100, 100, 40, 60]
    groups = [*grouped(200, of=10), *["shop 3"] * 40, *[""] * 60]
    classes = np.repeat(np.arange(4), sizes)
    for fold in judge(monkeypatch, sizes, leave_labels_out=False, groups=groups).folds:
        assert set(classes[fold.predict]) == set(classes[fold.train]) == {0, 1, 2, 3}
        assert not {groups[row] for row in fold.predict if row < 200} & {groups[row] for row in fold.train if row < 200}


@pytest.mark.parametrize("leave_labels_out", [True, False])
@pytest.mark.parametrize("sizes", [[9, 1, 5, 1, 1, 2, 3, 1, 8, 6], [4, 1, 1], [2, 1, 2], [1, 1, 1, 9, 1]])
def test_the_only_row_of_a_label_is_trained_on_and_never_judged_as_that_label(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], leave_labels_out: bool
) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    judged = np.zeros(len(classes), dtype=int)
    left_out = np.zeros(len(classes), dtype=int)
    for fold in judge(monkeypatch, sizes, leave_labels_out=leave_labels_out).folds:
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
