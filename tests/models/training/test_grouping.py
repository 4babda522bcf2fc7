"""Groups of messages by their vectors."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the [train] extra")
pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.serving.decision import Floats
from triage_models.training.grouping import MIN_MEMBERS, NO_GROUP, group, similarity_to_centre

pytestmark = pytest.mark.train


def around(centres: list[int], noise: float = 0.05) -> Floats:
    vectors = np.eye(8)[centres] + noise * np.random.default_rng(0).normal(size=(len(centres), 8))
    centred = vectors - vectors.mean(axis=0)
    unit: Floats = (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_messages_with_near_vectors_are_a_group_the_largest_first() -> None:
    centres = [0] * 20 + [1] * 30 + [2] * 10
    groups, vectors = group(around(centres))
    assert groups.tolist() == [1] * 20 + [0] * 30 + [2] * 10
    assert similarity_to_centre(vectors, groups).min() > 0.9
    assert len(set(group(around(centres), 2)[0].tolist()) - {NO_GROUP}) == 2


@pytest.mark.parametrize("count", [0, 1, MIN_MEMBERS - 1])
def test_a_few_messages_are_no_group(count: int) -> None:
    groups, _ = group(np.eye(8, dtype=np.float32)[:count])
    assert groups.tolist() == [NO_GROUP] * count


def test_groups_of_too_few_become_no_group() -> None:
    groups, _ = group(around([0] * 20 + [1] * 20 + [2] * (MIN_MEMBERS - 1)), 3)
    assert groups[-(MIN_MEMBERS - 1) :].tolist() == [NO_GROUP] * (MIN_MEMBERS - 1)
