"""The shipped English bundles: they are complete, run on this machine, and recognize simple messages."""

import pytest
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, Bundle
from triage_models.paths import DEFAULT_BUNDLE, FAST_BUNDLE, MULTILINGUAL_BUNDLE
from triage_models.serving.classifier import Classifier


@pytest.fixture(scope="module", params=[DEFAULT_BUNDLE, FAST_BUNDLE], ids=lambda folder: folder.name)
def shipped(request: pytest.FixtureRequest) -> Classifier:
    """The bundle, opened with hashes and golden texts verified."""
    return Classifier.open(request.param, device="cpu", threads=1)


def test_it_has_nine_described_intents(shipped: Classifier) -> None:
    bundle = shipped.bundle
    assert len(bundle.labels) == 9
    assert all(len(bundle.descriptions[label].split()) > 3 for label in bundle.labels)
    assert {CPU_MODEL, "tokenizer.json", "config.json"} <= bundle.manifest.files.keys()


def test_the_default_bundle_has_models_for_both_devices() -> None:
    assert GPU_MODEL in Bundle.open(DEFAULT_BUNDLE).manifest.files


def test_no_two_shipped_bundles_have_the_same_version() -> None:
    versions = [Bundle.open(folder).version for folder in (DEFAULT_BUNDLE, FAST_BUNDLE, MULTILINGUAL_BUNDLE)]
    assert len(set(versions)) == len(versions)


def test_its_guarantee_is_certified(shipped: Classifier) -> None:
    guarantee = shipped.bundle.manifest.thresholds.guarantee
    assert guarantee.certified
    assert guarantee.upper_bound <= guarantee.risk <= 0.05


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("where is my order", "WISMO"),
        ("bhai parcel kab aayega", "WISMO"),
        ("i want my money back", "RETURN_REQUEST"),
        ("too small, need size L instead", "EXCHANGE_REQUEST"),
        ("pls cancel my order", "CANCEL_ORDER"),
        ("the cup came broken", "DAMAGED_ITEM"),
        ("i was charged twice", "BILLING_DISPUTE"),
        ("what is the price of this sofa", "PRODUCT_QUESTION"),
        ("cannot log in, otp not coming", "ACCOUNT_ISSUE"),
        ("let me talk to a human", "OTHER"),
    ],
)
def test_it_accepts_a_simple_message(shipped: Classifier, text: str, intent: str) -> None:
    (decision,) = shipped.classify([text])
    assert (decision.intent, decision.accepted) == (intent, True)


@pytest.mark.parametrize(
    "text", ["hi", "thanks", "9810000123", "asdfghjkl", "what is the capital of france", "the second one"]
)
def test_it_refuses_a_message_without_an_intent(shipped: Classifier, text: str) -> None:
    (decision,) = shipped.classify([text])
    assert not decision.accepted
    assert decision.reason == "out_of_scope"
