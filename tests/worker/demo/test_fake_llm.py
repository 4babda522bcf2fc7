"""The fake LLM answers by the prompt alone, and the fallback's own client can parse its answers."""

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.demo.fake_llm import answer, fake_llm
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer, read_answer
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.errors import RejectedError

from tests.worker.fallback.events import event

LABELS = {"WISMO": "Where is my parcel, delivery date.", "PETS": "Cats, dogs and parrots.", "BIRDS": "Parrots."}


def asked(text: str, labels: dict[str, str] = LABELS) -> Answer:
    messages = prompt.messages(event(text, labels=labels))
    answered = answer(messages[0]["content"], messages[1]["content"])
    return Answer(None if answered["intent"] == prompt.NONE else answered["intent"], answered["confidence"])


def test_the_words_that_only_one_label_has_decide() -> None:
    assert asked("when is the delivery of my parcels?") == Answer("WISMO", 0.8)
    assert asked("my dog") == Answer("PETS", 0.667)


def test_a_word_of_two_labels_decides_little() -> None:
    answered = asked("a parrot")
    assert answered.intent in ("PETS", "BIRDS")
    assert answered.confidence < 0.6


def test_without_a_shared_word_it_is_none() -> None:
    assert asked("hello!").intent is None


def test_other_labels_make_other_answers() -> None:
    assert asked("my dog", {"LOST_DOGS": "A dog is gone.", "WISMO": LABELS["WISMO"]}).intent == "LOST_DOGS"


@given(st.text(max_size=200), st.dictionaries(st.from_regex(r"[A-Z_]{1,20}", fullmatch=True), st.text(max_size=50)))
def test_every_answer_can_be_parsed(text: str, labels: dict[str, str]) -> None:
    messages = prompt.messages(event(text, labels=labels))
    answered = answer(messages[0]["content"], messages[1]["content"])
    assert answered["intent"] in (*labels, prompt.NONE)
    assert 0 <= answered["confidence"] <= 1


async def test_it_serves_the_protocol_of_an_endpoint() -> None:
    messages = prompt.messages(event("my dog", labels=LABELS))
    async with fake_llm() as url, LlmClient(url, None) as client:
        await client.check_key()
        reply = await client.complete({"model": "any", "messages": messages}, 5)
        assert read_answer(reply, LABELS) == Answer("PETS", 0.667)
        with pytest.raises(RejectedError):
            await client.complete({"model": "any", "messages": [{"role": "user", "content": "hello"}]}, 5)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
