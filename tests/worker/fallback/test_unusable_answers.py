"""Answers that cannot be used: the cause is counted and logged, and after a few in a row nothing more is paid for."""

import asyncio
import logging
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web
from triage_worker.fallback.answer import CAUSES
from triage_worker.fallback.attempt import MAX_CALLS
from triage_worker.fallback.examiner import UNUSABLE_LIMIT

from tests.worker.fallback.llm_server import after, always, answer, completion, message
from tests.worker.fallback.serving import SPEED, Serving, reasons, serving

CONCURRENCY = [1, 2, 8, 32]
MESSAGES = 60
TEXTS = [f"message {number}: it never came" for number in range(MESSAGES)]


def choice(content: Any, finish: str = "stop", **more: Any) -> Callable[[], web.Response]:
    chosen = {"message": {"role": "assistant", "content": content} | more, "finish_reason": finish}
    return lambda: web.json_response({"choices": [chosen], "usage": {"prompt_tokens": 100, "completion_tokens": 10}})


UNUSABLE: dict[str, tuple[Callable[[], web.Response], str]] = {
    "thoughts only": (choice(None, reasoning_content="It never came."), "only_thoughts"),
    "refusal": (choice(None, refusal="I'm sorry, but I can't help with that."), "declined"),
    "content filter": (choice(None, "content_filter"), "filtered"),
    "cut off": (choice('{"intent": "WIS', "length"), "cut_off"),
    "cut off in thoughts": (choice(None, "length", reasoning="hm"), "cut_off"),
    "no choice": (lambda: web.json_response({"choices": []}), "no_choice"),
    "empty": (choice(""), "empty"),
    "prose": (choice("It seems to be about a parcel."), "no_json"),
    "broken": (choice('{"intent": "WISMO" "confidence": 1}'), "invalid_json"),
    "no intent": (choice('{"topic": "WISMO", "confidence": 1}'), "no_intent"),
    "no confidence": (choice('{"intent": "WISMO"}'), "no_confidence"),
    "in words": (choice('{"intent": "WISMO", "confidence": "high"}'), "bad_confidence"),
    "two": (choice('{"intent": "WISMO", "confidence": 1} {"intent": "OTHER", "confidence": 1}'), "several_answers"),
    "no label": (choice('{"intent": "ORDER_STATUS", "confidence": 1}'), "not_a_label"),
}


def test_each_cause_has_a_case() -> None:
    assert {cause for _, cause in UNUSABLE.values()} == set(CAUSES)


def test_each_cause_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "fallback.md").read_text(encoding="utf-8")
    assert [cause for cause in CAUSES if f"`{cause}`" not in page] == []


async def waits(fallback: Serving, cause: str) -> int:
    """Wait until the endpoint is known to give no usable answers; return how many messages were published until then.

    They are published in order, so one that was reviewed or decided may stand behind one that waits.
    """
    assert CAUSES[cause] in await fallback.fault()  # type: ignore[index]
    await asyncio.sleep(0.5 / SPEED)
    return len(fallback.running.outputs)


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_endpoint_whose_answers_become_unusable_is_not_paid_for_long(name: str, concurrency: int) -> None:
    response, cause = UNUSABLE[name]
    async with serving(after(20, response), concurrency) as fallback:
        await fallback.send(TEXTS)
        done = await waits(fallback, cause)
        paid = len(fallback.server.asked) - 20
        assert paid <= UNUSABLE_LIMIT + concurrency + 2
        assert 20 <= done < 20 + UNUSABLE_LIMIT
        await asyncio.sleep(30 / SPEED)
        assert len(fallback.server.asked) - 20 - paid <= 5, "trials, with growing pauses"
        assert len(fallback.running.outputs) == done, "the others wait"
        assert fallback.metric("triage_llm_unusable_total", cause=cause) == sum(fallback.calls().values()) - 20
        fallback.server.handler = always(lambda: answer("WISMO"))
        found = reasons(await fallback.outputs(MESSAGES))
        assert MESSAGES - found["decided"] == UNUSABLE_LIMIT - 1, "whatever the order in which the messages were sent"
        assert set(found) == {"decided", "not_a_label" if cause == "not_a_label" else "unparsable"}
        assert max(fallback.calls().values()) <= MAX_CALLS


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", UNUSABLE)
async def test_an_endpoint_that_never_gives_a_usable_answer_is_left_alone(name: str, concurrency: int) -> None:
    response, cause = UNUSABLE[name]
    async with serving(always(response), concurrency) as fallback:
        await fallback.send(TEXTS)
        assert await waits(fallback, cause) == UNUSABLE_LIMIT - 1
        assert len(fallback.server.asked) <= 2 * UNUSABLE_LIMIT + 4 + 2, (
            "two calls a message, four examine, and trials have begun"
        )
        assert max(fallback.calls().values()) <= 2


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("share", [0.1, 0.3])
async def test_a_model_that_often_fails_is_not_taken_for_one_that_always_does(share: float, concurrency: int) -> None:
    chance = random.Random(7)

    async def handle(_: dict[str, Any]) -> web.StreamResponse:
        return completion("hm") if chance.random() < share else answer("WISMO")

    async with serving(handle, concurrency) as fallback:
        await fallback.send([f"message {number}" for number in range(200)])
        found = reasons(await fallback.outputs(200))
        assert found["decided"] > 200 * (1 - 1.5 * share)
        assert len(fallback.server.asked) < 200 * 1.1 + 10
        assert fallback.trials() <= 8, "after four in a row only"
        assert max(fallback.calls().values()) <= MAX_CALLS


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_messages_that_make_a_model_fail_do_not_stop_it_for_others(concurrency: int) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        return answer("ADMIN") if "attack" in message(body) else answer("WISMO")

    async with serving(handle, concurrency) as fallback:
        await fallback.send(["hello", *(f"attack {number}" for number in range(30)), "bye"])
        outputs = await fallback.outputs(32)
        assert reasons(outputs) == {"not_a_label": 30, "decided": 2}
        assert fallback.llm.fault is None
        assert fallback.trials() <= 30 / UNUSABLE_LIMIT + 1


@pytest.mark.parametrize("kind", ["json_object_with_schema", "json_object", "text"])
@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_a_format_that_is_ignored_is_replaced(kind: str, concurrency: int) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        form = body.get("response_format")
        asked = "text" if form is None else form["type"] + ("_with_schema" if "schema" in form else "")
        return answer("WISMO") if asked == kind else completion("It is about a parcel.")

    async with serving(handle, concurrency) as fallback:
        await fallback.send(TEXTS)
        found = reasons(await fallback.outputs(MESSAGES))
        assert found["decided"] >= MESSAGES - UNUSABLE_LIMIT
        assert fallback.llm.negotiation.profile.format == kind


async def test_each_cause_is_logged_with_what_it_means(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    text = "my card is 4929"
    async with serving(always(choice(orjson.dumps({"intent": text, "confidence": 1}).decode())), 1) as fallback:
        await fallback.send([text])
        await fallback.outputs(1)
    entries = [entry for entry in caplog.records if "cannot be used" in entry.message]
    assert entries
    assert {vars(entry)["cause"] for entry in entries} == {"not_a_label"}
    assert "4929" not in str([vars(entry) for entry in caplog.records if entry.name.startswith("triage")])
