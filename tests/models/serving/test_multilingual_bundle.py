"""The multilingual bundle of a checkout: it opens, is as small as it must be, and reads and refuses languages."""

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.paths import MULTILINGUAL_BUNDLE
from triage_models.serving.classifier import Classifier

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def multilingual() -> Classifier:
    return Classifier.open(MULTILINGUAL_BUNDLE, device="cpu", threads=1)


def test_it_knows_the_labels_of_the_shipped_bundle(multilingual: Classifier) -> None:
    assert set(multilingual.labels) == set(Classifier.open(DEFAULT_BUNDLE, device="cpu", verify=False).labels)


def test_it_is_no_larger_than_a_clone_can_bear() -> None:
    assert sum(file.stat().st_size for file in MULTILINGUAL_BUNDLE.iterdir()) <= 60 * MEGABYTE


@pytest.mark.parametrize(
    "text",
    [
        "where is my parcel", "¿dónde está mi paquete?", "cadê meu pedido", "où est mon colis", "wo ist mein paket",
        "mera parcel kahan hai", "मेरा पार्सल कहाँ है", "dov'è il mio pacco", "waar is mijn pakket",
        "gdzie jest moja paczka", "kargom nerede", "paket saya di mana", "أين طلبي",
    ],
)  # fmt: skip
def test_it_reads_twelve_languages(multilingual: Classifier, text: str) -> None:
    (decision,) = multilingual.classify([text])
    assert (decision.intent, decision.accepted) == ("WISMO", True)


@pytest.mark.parametrize(
    "text", ["missä minun pakettini on, tilasin sen viikko sitten", "где моя посылка, заказала неделю назад"]
)
def test_it_refuses_a_thirteenth(multilingual: Classifier, text: str) -> None:
    (decision,) = multilingual.classify([text])
    assert (decision.accepted, decision.reason) == (False, "unsupported_language")
