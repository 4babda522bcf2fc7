"""A bundle that names its languages: what it refuses, and calibrations by language."""

from pathlib import Path

import numpy as np
import pytest
from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import LanguageCalibration, Manifest
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import Encoded
from triage_models.serving.languages import BundleLanguages
from triage_models.text.language import Detection

from tests.models.fake_bundles import variant
from tests.models.samples import manifest

OWN = manifest(("A", "B"))
GERMAN = "wo ist mein paket, ich warte seit zwei wochen"
ENGLISH = "where is my parcel"


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return variant(tmp_path_factory.mktemp("bundles") / "english", "en-1", languages=("en",))


def test_a_language_that_the_bundle_has_not_learned_is_refused(english: Path) -> None:
    classifier = Classifier.open(english, device="cpu", threads=1)
    german, parcel, unsure = classifier.classify([GERMAN, ENGLISH, "ok"])
    assert (german.accepted, german.reason, german.language, german.confidence) == (
        False, "unsupported_language", "de", 0.0,
    )  # fmt: skip
    assert not german.suggested
    assert (parcel.accepted, parcel.reason, parcel.language) == (True, None, "en")
    assert (unsure.reason != "unsupported_language", unsure.language) == (True, "en")
    assert classifier.predict([GERMAN]).reason.tolist() == ["unsupported_language"]


def test_an_automatic_reply_stays_out_of_scope_in_any_language(english: Path) -> None:
    reply = "Automatische Antwort: Ich bin nicht im Büro und lese meine E-Mails erst am Montag wieder."
    (decision,) = Classifier.open(english, device="cpu", threads=1).classify([reply])
    assert decision.reason in {"out_of_scope", "unsupported_language"}
    assert not decision.accepted


def test_a_bundle_that_names_no_languages_answers_as_before(tmp_path: Path) -> None:
    old = Classifier.open(variant(tmp_path / "old", "1", languages=None), device="cpu", threads=1)
    (decision,) = old.classify([ENGLISH])
    assert (decision.accepted, decision.language) == (True, None)
    assert old.encode([ENGLISH])[0].language is None
    assert old.classify([GERMAN])[0].reason != "unsupported_language"


def test_detection_is_left_to_the_caller(english: Path) -> None:
    classifier = Classifier.open(english, device="cpu", threads=1, detect_language=False)
    (row,) = classifier.encode([GERMAN])
    assert row.language is None
    for found, refused in ((Detection("de", 0.95), True), (Detection("de", 0.7), True), (Detection(None, 0.5), False)):
        batch = [row._replace(language=found)]
        (decision,) = classifier.decide(batch, classifier.infer(batch))
        assert (decision.reason == "unsupported_language") == refused
        assert decision.language == found.language


def test_a_language_has_a_calibration_of_its_own() -> None:
    """The same outputs, as accepted in one language and refused in another."""
    lenient = OWN.thresholds.model_copy(update={"confidence": 0.001, "familiarity": 0.0}).model_dump()
    own = {"de": LanguageCalibration(confidence=1.0), "fr": LanguageCalibration(familiarity=1.0)}
    bundle = Manifest.model_validate(
        OWN.model_dump() | {"languages": ("de", "en", "fr"), "by_language": own, "thresholds": lenient}
    )
    logits = np.array([[9.0, -9.0, -9.0]] * 4, dtype=np.float32)[:, : len(OWN.labels) + 1]
    similarity = np.array([[0.95, 0.0, 0.0]] * 4, dtype=np.float32)[:, : logits.shape[1]]
    batch = [
        Encoded([1], False, language=found)
        for found in (Detection("en", 1), Detection("de", 1), Detection("fr", 1), None)
    ]
    assessment = BundleLanguages(bundle).assess(batch, logits, similarity)
    assert assessment.reasons == [None, "low_confidence", "unfamiliar", None]


def test_a_temperature_of_a_language_changes_its_probabilities_only() -> None:
    softer = OWN.calibration.model_copy(update={"temperature": 10 * OWN.calibration.temperature})
    bundle = OWN.model_copy(
        update={"languages": ("de", "en"), "by_language": {"de": LanguageCalibration(calibration=softer)}}
    )
    logits = np.array([[2.0, 0.0, -2.0]] * 3, dtype=np.float32)
    similarity = np.full_like(logits, 0.9)
    rows = [Detection("en", 1), Detection("de", 1)]
    batch = [Encoded([1], False, language=rows[0]), Encoded([1], False, ([2],), language=rows[1])]
    found = BundleLanguages(bundle).assess(batch, logits, similarity).probabilities[:, 0]
    assert found[1] == found[2] < found[0]


def test_a_manifest_names_languages_where_older_versions_refuse_them() -> None:
    written = OWN.model_dump(mode="json")
    assert not {"languages", "by_language"} & set(written)
    named = OWN.model_copy(
        update={"languages": ("en", "es"), "by_language": {"es": LanguageCalibration(confidence=0.8)}}
    )
    assert Manifest.model_validate_json(named.model_dump_json()) == named
    assert Bundle(Path(), named).language_thresholds == {"es": 0.8}


@pytest.mark.parametrize(
    "wrong",
    [
        {"languages": []},
        {"languages": ["English"]},
        {"languages": ["en"], "by_language": {"es": {}}},
        {"by_language": {"es": {}}},
    ],
)
def test_languages_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="language"):
        Manifest.model_validate(OWN.model_dump(mode="json") | wrong)
