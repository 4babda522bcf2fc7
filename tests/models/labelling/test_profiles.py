"""The network's vectors come out of the same model that decides."""

import numpy as np
import pytest
from triage_models.errors import BundleError
from triage_models.labelling import profiles as profiles_module
from triage_models.labelling.profiles import profile_texts

from tests.models.serving.shipped import shipped_classifier, texts

LONG = "my parcel came and it was torn open and wet " * 60


def test_decisions_are_those_of_the_classifier_and_similar_texts_have_similar_vectors() -> None:
    classifier = shipped_classifier()
    asked = ["where is my parcel", LONG, "where is my package", "cancel my order please", *texts(300)]
    counted: list[int] = []
    found = profile_texts(classifier, asked, counted.append)
    expected = classifier.classify(asked)
    assert [one.intent for one in found.decisions] == [one.intent for one in expected]
    assert np.allclose([one.confidence for one in found.decisions], [one.confidence for one in expected], atol=1e-5)
    assert sum(counted) == len(asked)
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1.0, atol=1e-4)
    assert found.vectors[0] @ found.vectors[2] > found.vectors[0] @ found.vectors[3]
    assert set(found.neighbours) <= set(classifier.bundle.classes)
    assert found.neighbours[0] == "WISMO"


def test_a_network_without_the_vectors_is_an_error_of_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles_module, "POOLED", "nothing")
    with pytest.raises(BundleError, match="gives no vectors: train the bundle again"):
        profile_texts(shipped_classifier(), ["text"])
