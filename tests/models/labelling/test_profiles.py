"""The network's vectors come out of the same model that decides."""

import re
from pathlib import Path

import numpy as np
import onnx
import pytest
from triage_models.errors import BundleError
from triage_models.labelling import network_vectors
from triage_models.labelling.network_vectors import WholeNetwork
from triage_models.labelling.profiles import profile_texts
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE, MULTILINGUAL_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import rows_of
from triage_models.training.exit_graph import exit_layers, hidden_state
from triage_models.training.onnx_weights import load_prototypes

from tests.models.serving.shipped import shipped_classifier, texts

LONG = "my parcel came and it was torn open and wet " * 60


@pytest.mark.parametrize("bundle", [DEFAULT_BUNDLE, FAST_BUNDLE, MULTILINGUAL_BUNDLE], ids=lambda folder: folder.name)
def test_vectors_are_those_that_the_similarity_is_computed_from(bundle: Path) -> None:
    classifier = Classifier.open(bundle, device="cpu")
    encoded = classifier.encode([*texts(40), "thanks"])
    found = WholeNetwork(classifier.bundle).run(*classifier.engine.pad(rows_of(encoded)))
    unit = found.vectors / np.linalg.norm(found.vectors, axis=1, keepdims=True)
    similarity = np.einsum("bd,cmd->bcm", unit, load_prototypes(bundle).numpy()).max(axis=2)
    assert np.allclose(similarity, found.similarity, atol=1e-3)


def test_names_are_those_that_training_gives() -> None:
    border = "/exit_2/border"
    graph = onnx.GraphProto(initializer=[onnx.numpy_helper.from_array(np.array(0.9, np.float32), border)])
    assert exit_layers(graph) == (2,)
    assert re.fullmatch(network_vectors.BORDER, border.encode())
    assert re.fullmatch(network_vectors.LAYER_OUTPUT, hidden_state(12).encode())


def test_texts_that_leave_early_have_the_answers_of_the_bundle_and_vectors_of_the_whole_network() -> None:
    classifier, asked = Classifier.open(FAST_BUNDLE, device="cpu"), texts(300)
    found, whole = profile_texts(classifier, asked), profile_texts(shipped_classifier(), asked)
    confidences = [one.confidence for one in classifier.classify(asked)]
    assert np.allclose([one.confidence for one in found.decisions], confidences, atol=1e-5)
    assert np.allclose(found.vectors, whole.vectors, atol=1e-4)
    assert not np.allclose(confidences, [one.confidence for one in whole.decisions], atol=1e-2)


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
    monkeypatch.setattr(network_vectors, "LAYER_OUTPUT", b"(nothing)")
    with pytest.raises(BundleError, match="gives no vectors: train the bundle again"):
        profile_texts(shipped_classifier(), ["text"])
