"""Tests of second wishes (`triage_models.serving.wishes`), with the shipped bundle and with a fake fit."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import Manifest
from triage_models.bundle.two_wishes import PART_FEATURES, TWO_WISHES, WHOLE_FEATURES, Logistic, TwoWishes
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.decision import Decision, Wish
from triage_models.serving.engine import Encoded

TWO = [
    "came broken, and where is the other parcel",
    "cancel the black one. is the white one in stock?",
    "Please send me the invoice. I also want to return the shoes.",
]
ONE = ["where is my order? it is two weeks late", "cancel it please", "hello"]


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    return Classifier.open(threads=1)


@pytest.fixture(scope="module")
def without() -> Classifier:
    bundle = Bundle.open(DEFAULT_BUNDLE)
    metrics = {name: value for name, value in bundle.manifest.metrics.items() if name != TWO_WISHES}
    plain = replace(bundle, manifest=bundle.manifest.model_copy(update={"metrics": metrics}))
    return Classifier(plain, Classifier.open(threads=1).engine, 1)


def test_both_wishes_are_found(shipped: Classifier) -> None:
    found = [{wish.intent for wish in decision.intents} for decision in shipped.classify(TWO)]
    assert found == [
        {"DAMAGED_ITEM", "WISMO"},
        {"CANCEL_ORDER", "PRODUCT_QUESTION"},
        {"BILLING_DISPUTE", "RETURN_REQUEST"},
    ]


def test_a_single_wish_stays_one(shipped: Classifier) -> None:
    for decision in shipped.classify(ONE):
        wishes = [] if decision.reason == "out_of_scope" else [Wish(decision.intent, decision.confidence)]
        assert list(decision.intents) == wishes
    assert shipped.classify(["where is my order?"])[0].intents


def test_the_decision_is_the_same_as_without(shipped: Classifier, without: Classifier) -> None:
    """The second wish is an addition: nothing else may change by it, wherever a message stands in a batch."""
    texts = [*ONE, *TWO, ". ".join(TWO * 20), *ONE]
    plain = without.classify(texts)
    assert all(decision.further == () for decision in plain)
    for found, before in zip(shipped.classify(texts), plain, strict=True):
        assert _rounded(replace(found, further=())) == _rounded(before)


def test_the_place_in_the_batch_does_not_matter(shipped: Classifier) -> None:
    alone = [shipped.classify([text])[0].intents for text in TWO]
    within = shipped.classify([". ".join(ONE * 40), *TWO])[1:]
    assert [[wish.intent for wish in wishes] for wishes in alone] == [
        [wish.intent for wish in decision.intents] for decision in within
    ]


def test_parts_are_only_read_where_a_text_may_hold_two(shipped: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    encode = shipped.engine.encode

    def noted(texts: Sequence[str]) -> list[Encoded]:
        read.extend(texts)
        return encode(texts)

    monkeypatch.setattr(shipped.engine, "encode", noted)
    shipped.classify(["where is my parcel", "it is late, where is it", TWO[0]])
    assert "came broken" in read
    assert "it is late" not in read


def test_features_of_another_version_are_refused(without: Classifier) -> None:
    manifest: Manifest = without.bundle.manifest
    few = {"weights": (1.0,), "intercept": 0.0}
    entry = {"whole": few, "parts": few, "least": 0.1, "threshold": 0.5, "rows": 1, "languages": ("en",)}
    with pytest.raises(ValueError, match="other features"):
        Manifest.model_validate(manifest.model_dump() | {"metrics": {TWO_WISHES: entry}})


def test_probabilities_of_a_fit_are_those_of_its_weights() -> None:
    whole = Logistic(weights=(0.0,) * len(WHOLE_FEATURES), intercept=0.0)
    parts = Logistic(weights=(1.0, *(0.0,) * (len(PART_FEATURES) - 1)), intercept=1.0)
    fitted = TwoWishes(whole=whole, least=0.1, parts=parts, threshold=0.5, rows=1, languages=("en",))
    features = np.zeros((2, len(PART_FEATURES)))
    features[1, 0] = -1.0
    assert fitted.parts.probabilities(features).tolist() == pytest.approx([1 / (1 + np.exp(-1.0)), 0.5])


def test_a_calibrated_bundle_keeps_what_it_knows_of_two_wishes(tmp_path: Path) -> None:
    """`triage calibrate` measures new metrics, among which the fit is."""
    from triage_models.calibration.bundle_calibration import calibrate

    rows = ["text,label", *(f"where is order {number},WISMO" for number in range(20))]
    (tmp_path / "rows.csv").write_text(
        "\n".join([*rows, *(f"refund {number} please,RETURN_REQUEST" for number in range(20))])
    )
    calibrate(tmp_path / "rows.csv", tmp_path / "mine", device="cpu")
    assert Bundle.open(tmp_path / "mine").manifest.two_wishes == Bundle.open(DEFAULT_BUNDLE).manifest.two_wishes


def _rounded(decision: Decision) -> Decision:
    return replace(
        decision,
        confidence=round(decision.confidence, 3),
        familiarity=round(decision.familiarity, 3),
        scores={label: round(score, 3) for label, score in decision.scores.items()},
    )
