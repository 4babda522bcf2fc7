"""The shipped bundle: it is complete, it runs on this machine, and it recognizes simple messages."""

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL
from triage_models.serving.classifier import Classifier


@pytest.fixture(scope="module")
def shipped() -> Classifier:
    """The bundle, opened with hashes and golden texts verified."""
    return Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=1)


def test_it_has_nine_described_intents_and_models_for_both_devices(shipped: Classifier) -> None:
    bundle = shipped.bundle
    assert len(bundle.labels) == 9
    assert all(len(bundle.descriptions[label].split()) > 3 for label in bundle.labels)
    assert {CPU_MODEL, GPU_MODEL, "tokenizer.json", "config.json"} <= bundle.manifest.files.keys()


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
