"""Messages are decided as the worker decides them, and the five that are shown differ."""

from pathlib import Path

import pytest
from triage_models import Decision
from triage_models.text.language import Detection
from triage_schemas.messages.message import CustomerMessage
from triage_worker.config.settings import Settings
from triage_worker.doctor.decisions import Answer, ReadMessage, choose, decide, read_messages

from tests.models.serving.shipped import shipped_classifier, texts
from tests.worker.doctor.payloads import SPANISH, SWEDISH


def answer(text: str, intent: str, reason: str | None, language: str = "en", confidence: float = 0.9) -> Answer:
    decision = Decision(intent, confidence, reason is None, reason, {intent: confidence}, 0.9, False)  # type: ignore[arg-type]
    return Answer(ReadMessage(CustomerMessage(text, text), text, False, Detection(language, 0.9)), decision, 1)


def test_the_chosen_answers_differ_in_verdict_intent_and_language() -> None:
    answers = [answer(f"where {number}", "WISMO", None) for number in range(50)]
    answers += [
        answer("broken", "DAMAGED_ITEM", None),
        answer("hm", "WISMO", "low_confidence"),
        answer("hello", "OTHER", "out_of_scope"),
        answer("wo", "WISMO", None, "de"),
        answer("nej", "WISMO", "unsupported_language", "sv"),
    ]
    chosen = choose(answers)
    assert len(chosen) == 5
    assert {one.verdict for one in chosen} == {"accepted", "low_confidence", "out_of_scope", "unsupported_language"}
    assert [one.decision.accepted for one in chosen] == sorted((one.decision.accepted for one in chosen), reverse=True)
    assert choose(answers) == chosen
    assert len(choose(answers[:50])) == 5
    assert len(choose([answer("same", "WISMO", None)] * 50)) == 1
    assert choose([]) == []


def test_decisions_are_those_of_the_bundle_whatever_comes_with_them() -> None:
    settings = Settings(threads=1)
    written = [*texts(12), SWEDISH[0], SPANISH[0]]
    messages = [CustomerMessage(text, str(number)) for number, text in enumerate(written)]
    answers = decide(settings, read_messages(settings, messages))
    expected = shipped_classifier().classify(written)
    assert [one.decision.intent for one in answers] == [one.intent for one in expected]
    assert [one.verdict for one in answers] == [one.reason or "accepted" for one in expected]
    assert answers[-1].verdict == "unsupported_language"
    assert [one.read.code for one in answers[-2:]] == ["sv", "es"]


def test_automatic_mails_html_and_long_texts_are_known() -> None:
    settings = Settings(threads=1)
    messages = [
        CustomerMessage("I am out of office", "1", automatic=True),
        CustomerMessage("<div>where is <b>my parcel</b></div>", "2"),
        CustomerMessage("the lamp came broken and I want my money back. " * 20, "3"),
        CustomerMessage("word " * 4_000, "4"),
    ]
    automatic, html, long, endless = decide(settings, read_messages(settings, messages))
    assert automatic.verdict == "out_of_scope"
    assert automatic.decision.confidence == 0
    assert html.read.is_html
    assert not long.read.is_html
    assert long.windows > 1
    assert not long.decision.truncated
    assert endless.decision.truncated


def test_a_bundle_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    settings = Settings.load(bundle=str(tmp_path / "nothing"))
    with pytest.raises(Exception, match="nothing"):
        decide(settings, read_messages(settings, [CustomerMessage("hi", "1")]))
