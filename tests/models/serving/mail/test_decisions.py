"""E-mails with the shipped bundle: every way to classify reads them alike."""

import pickle
from collections.abc import Callable

import numpy as np
import pandas
import pytest
from triage_models import Classifier
from triage_models.serving.engine import Encoded

from tests.models.serving.mail.messages import AUTOMATIC, FORWARDED, NEW_TEXTS, NOT_QUOTED, OLD, PERSONS, STYLES
from tests.models.serving.shipped import shipped_classifier


@pytest.mark.parametrize("style", STYLES)
def test_a_reply_is_decided_like_its_new_text_alone(style: Callable[[str], str]) -> None:
    classifier = shipped_classifier()
    for new in NEW_TEXTS:
        (alone,), (reply,) = classifier.classify([new]), classifier.classify([style(new)])
        assert reply == alone


def test_a_forwarded_question_is_the_question() -> None:
    (expected,) = shipped_classifier().classify([OLD])
    assert expected.intent == "WISMO"
    for text in FORWARDED:
        assert shipped_classifier().classify([text]) == [expected]


def test_thanks_above_an_old_question_have_no_intent() -> None:
    for style in STYLES:
        (decision,) = shipped_classifier().classify([style("Thanks, all solved!")])
        assert not decision.accepted


def test_automatic_replies_have_no_intent() -> None:
    for decision in shipped_classifier().classify(AUTOMATIC):
        assert not decision.accepted
        assert decision.reason == "out_of_scope"
        assert decision.confidence == 0.0


def test_persons_who_are_out_of_office_have_one() -> None:
    (decision,) = shipped_classifier().classify(PERSONS[:1])
    assert (decision.intent, decision.reason) == ("WISMO", None)


def test_every_interface_reads_mail_alike() -> None:
    texts = [*AUTOMATIC, *FORWARDED, *NOT_QUOTED, *(style(NEW_TEXTS[2]) for style in STYLES), *PERSONS]
    classifier = shipped_classifier()
    decisions = classifier.classify(texts)
    intents = [decision.intent for decision in decisions]
    reasons = [decision.reason for decision in decisions]
    arrays = classifier.classify_arrays(texts)
    assert arrays.intent.tolist() == intents
    assert arrays.reason.tolist() == reasons
    assert np.array_equal(arrays.accepted, [decision.accepted for decision in decisions])
    frame = classifier.classify_frame(pandas.DataFrame({"text": texts}))
    assert frame["intent"].tolist() == intents
    assert frame["text"].tolist() == texts
    streamed = list(classifier.classify_stream(texts))
    assert [decision.reason for decision in streamed] == reasons
    # The worker's own calls.
    encoded = classifier.encode(texts)
    worker = [classifier.decide([row], classifier.infer([row]))[0] for row in encoded]
    assert [(decision.intent, decision.reason) for decision in worker] == list(zip(intents, reasons, strict=True))


def test_without_cleaning_a_text_is_read_as_it_is_also_by_a_pickled_classifier() -> None:
    opened = Classifier.open(device="cpu", threads=1, clean_email=False)
    mails = [*AUTOMATIC[:2], STYLES[0](NEW_TEXTS[0]), "<p>where is my order</p>"]
    for classifier in (opened, pickle.loads(pickle.dumps(opened))):
        assert _tokens(classifier.encode(mails)) == _tokens(classifier.engine.encode(mails))
    assert _tokens(shipped_classifier().encode(mails)) != _tokens(opened.encode(mails))


def _tokens(encoded: list[Encoded]) -> list[Encoded]:
    return [row._replace(language=None, text=None) for row in encoded]
