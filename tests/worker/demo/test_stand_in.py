"""The stand-in's answers come of the prompt that it is given, and the fallback's own client understands them."""

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triage_worker.demo.stand_in import answer, stand_in
from triage_worker.fallback import prompt
from triage_worker.fallback.answer import Answer, parse_answer
from triage_worker.fallback.client import LlmClient, RejectedError

from tests.worker.fallback.events import event

LABELS = {"WISMO": "Where is my parcel, delivery date.", "PETS": "Cats, dogs and parrots.", "BIRDS": "Parrots."}


def asked(text: str, labels: dict[str, str] = LABELS) -> Answer:
    turns = prompt.messages(event(text, labels=labels))
    said = answer(turns[0]["content"], turns[1]["content"])
    return Answer(None if said["intent"] == prompt.NONE else said["intent"], said["confidence"])


def test_the_words_that_only_one_label_has_decide() -> None:
    assert asked("when is the delivery of my parcels?") == Answer("WISMO", 0.8)
    assert asked("my dog") == Answer("PETS", 0.667)


def test_a_word_of_two_labels_decides_little() -> None:
    said = asked("a parrot")
    assert said.intent in ("PETS", "BIRDS")
    assert said.confidence < 0.6


def test_without_a_shared_word_it_is_none() -> None:
    assert asked("hello!").intent is None


def test_other_labels_make_other_answers() -> None:
    assert asked("my dog", {"LOST_DOGS": "A dog is gone.", "WISMO": LABELS["WISMO"]}).intent == "LOST_DOGS"


@given(st.text(max_size=200), st.dictionaries(st.from_regex(r"[A-Z_]{1,20}", fullmatch=True), st.text(max_size=50)))
def test_whatever_is_asked_the_answer_can_be_read(text: str, labels: dict[str, str]) -> None:
    turns = prompt.messages(event(text, labels=labels))
    said = answer(turns[0]["content"], turns[1]["content"])
    assert said["intent"] in (*labels, prompt.NONE)
    assert 0 <= said["confidence"] <= 1


async def test_it_speaks_as_an_endpoint_does() -> None:
    turns = prompt.messages(event("my dog", labels=LABELS))
    async with stand_in() as url, LlmClient(url, None) as client:
        await client.check_key()
        reply = await client.complete({"model": "any", "messages": turns}, 5)
        assert parse_answer(reply.content, LABELS) == Answer("PETS", 0.667)
        with pytest.raises(RejectedError):
            await client.complete({"model": "any", "messages": [{"role": "user", "content": "hello"}]}, 5)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(url)
