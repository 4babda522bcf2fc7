"""The parts of the training loss."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.training.batches import Examples
from triage_models.training.losses import class_weights


def test_rare_classes_weigh_more_and_the_mean_weight_is_one() -> None:
    of = Examples(["a"] * 10, np.array([0] * 8 + [1] * 2), np.ones(10))
    weights = class_weights(of, 2, balance=0.5).numpy()
    assert weights[1] / weights[0] == pytest.approx(2.0)  # four times as rare, to the power of a half
    assert weights[of.classes].mean() == pytest.approx(1.0)
    assert class_weights(of, 2, balance=0.0).tolist() == pytest.approx([1.0, 1.0])
