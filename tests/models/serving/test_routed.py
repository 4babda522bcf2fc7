"""Several bundles that classify as one: each text is decided by the bundle of its language."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from triage_models.errors import BundleError
from triage_models.serving.classifier import Classifier
from triage_models.serving.mail import message
from triage_models.serving.mail.message import Message
from triage_models.serving.routed import RoutedClassifier
from triage_models.serving.wishes import SecondWishes

from tests.models.fake_bundles import variant

ENGLISH, GERMAN, UNSURE = (
    "where is my parcel, it has not arrived",
    "wo ist mein paket, ich warte seit zwei wochen",
    "12345",
)
TEXTS = [ENGLISH, None, GERMAN, UNSURE, f"{GERMAN} noch immer", f"{ENGLISH} yet"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One accepts nothing and refuses what is surely not German; the other is as it ships."""
    folder = tmp_path_factory.mktemp("bundles")
    shipped = Classifier.open(device="cpu", threads=1).bundle.manifest
    never = shipped.thresholds.model_copy(update={"confidence": 1.0})
    return {
        "*": variant(folder / "rest", "rest", thresholds=never, languages=("de",)),
        "en": variant(folder / "english", "english"),
    }


def opened(folders: dict[str, Path], **switches: bool) -> RoutedClassifier:
    return RoutedClassifier.open(folders["*"], {("en",): folders["en"]}, device="cpu", threads=2, **switches)


def test_each_text_is_decided_by_the_bundle_of_its_language(folders: dict[str, Path]) -> None:
    classifier = opened(folders)
    decisions = classifier.classify(TEXTS)
    assert [row for row, one in enumerate(decisions) if one is None] == [1]
    english, german, unsure, german_too, english_too = (one for one in decisions if one is not None)
    assert (english.accepted, english_too.accepted) == (True, True)
    assert not any(one.accepted for one in (german, german_too, unsure))
    assert [one.language for one in (english, german, unsure)] == ["en", "de", None]
    assert "unsupported_language" not in {one.reason for one in (english, german, unsure)}
    alone = Classifier.open(folders["en"], device="cpu", threads=1).classify([ENGLISH])[0]
    assert (english.intent, english.scores.keys()) == (alone.intent, alone.scores.keys())
    assert english.confidence == pytest.approx(alone.confidence, abs=0.02)


def test_streams_and_arrays_say_the_same(folders: dict[str, Path]) -> None:
    classifier = opened(folders)
    decisions = classifier.classify(TEXTS)
    assert [one and one.intent for one in classifier.classify_stream(TEXTS)] == [
        one and one.intent for one in decisions
    ]
    predictions = classifier.predict([*TEXTS, float("nan"), "  "])
    assert len(predictions) == len(TEXTS) + 2
    assert predictions.reason[[1, 6, 7]].tolist() == ["no_text"] * 3
    for row, decision in enumerate(decisions):
        if decision is not None:
            assert predictions.intent[row] == decision.intent
            assert predictions.accepted[row] == decision.accepted
            assert predictions.reason[row] == decision.reason
            scores = dict(zip(classifier.labels, predictions.probabilities[row].tolist(), strict=True))
            assert scores == pytest.approx(decision.scores, abs=0.02)
    assert np.isnan(predictions.confidence[1])


def test_without_detection_the_default_decides_all(folders: dict[str, Path]) -> None:
    decisions = opened(folders, detect_language=False).classify([ENGLISH, GERMAN])
    assert [one and (one.accepted, one.language) for one in decisions] == [(False, None)] * 2


def test_bundles_with_other_labels_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    labels = ("X", *Classifier.open(folders["en"], device="cpu", threads=1).labels[1:])
    other = variant(tmp_path / "other", "other", labels=labels)
    with pytest.raises(BundleError, match="need the same labels"):
        opened(folders | {"en": other})


QUOTING = f"{GERMAN}\n\n> " + "\n> ".join(["thank you for your order, we have sent it to you today"] * 9)


@pytest.mark.parametrize(("clean", "language"), [(True, "de"), (False, "en")])
def test_what_is_classified_says_the_language(folders: dict[str, Path], clean: bool, language: str) -> None:
    (decision,) = opened(folders, clean_email=clean).classify([QUOTING])
    assert decision is not None
    assert decision.language == language
    (alone,) = Classifier.open(
        folders["*" if clean else "en"], device="cpu", threads=1, detect_language=False, clean_email=clean
    ).classify([QUOTING])
    assert decision.intent == alone.intent
    assert decision.scores == pytest.approx(alone.scores, abs=0.02)


def test_a_text_is_read_once(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def read_message(text: str) -> Message:
        read.append(text)
        return Message(text.upper(), text == UNSURE)

    monkeypatch.setattr(message, "read_message", read_message)
    classifier = opened(folders)
    decisions = [one for one in classifier.classify(TEXTS) if one is not None]
    assert sorted(read) == sorted(text for text in TEXTS if text is not None)
    read.clear()
    predictions = classifier.predict(TEXTS)
    assert sorted(read) == sorted(text for text in TEXTS if text is not None)
    assert (decisions[2].reason, predictions.reason[3], predictions.confidence[3]) == ("out_of_scope",) * 2 + (0,)
    (upper,) = opened(folders, clean_email=False).classify([ENGLISH.upper()])
    assert upper is not None
    assert decisions[0].scores == pytest.approx(upper.scores, abs=0.02)


def test_all_threads_get_some_of_the_texts(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    classifier, sizes = opened(folders), []

    def decide(texts: Sequence[str | None]) -> list[None]:
        sizes.append(len(texts))
        return [None] * len(texts)

    monkeypatch.setattr(classifier, "_decide", decide)
    assert classifier.classify([ENGLISH] * 600) == [None] * 600
    assert sizes == [300, 300]


def test_predictions_of_a_bundle_with_labels_in_another_order(folders: dict[str, Path], tmp_path: Path) -> None:
    labels = Classifier.open(folders["en"], device="cpu", threads=1).labels
    other = variant(tmp_path / "other", "other", labels=(*labels[1:], labels[0]))
    classifier = opened(folders | {"en": other})
    decisions, predictions = classifier.classify([ENGLISH, GERMAN]), classifier.predict([ENGLISH, GERMAN])
    assert predictions.labels == labels
    for row, decision in enumerate(decisions):
        assert decision is not None
        assert predictions.intent[row] == decision.intent
        scores = dict(zip(labels, predictions.probabilities[row].tolist(), strict=True))
        assert scores == pytest.approx(decision.scores, abs=0.02)


def test_predictions_look_for_no_second_wish(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """They have no field for it, and it costs another run of the network."""
    monkeypatch.delattr(SecondWishes, "find")
    assert opened(folders).predict([ENGLISH]).intent.tolist() == ["WISMO"]
