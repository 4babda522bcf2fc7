"""An endpoint that refuses everything, and how it differs from one that refuses a message."""

import asyncio
import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from triage_worker.fallback.attempt import MAX_CALLS
from triage_worker.fallback.budget import BudgetWindow, LocalBudget
from triage_worker.fallback.examiner import KNOWN_GOOD
from triage_worker.resilience.tasks import wait_until

from tests.worker.fallback.llm_server import after, always, answer, completion, message
from tests.worker.fallback.serving import SPEED, Serving, reasons, serving

CONCURRENCY = [1, 2, 8, 32]
GOOD = 20
MESSAGES = 60
TEXTS = [f"message {number}: it never came" for number in range(MESSAGES)]
PAGE = "<html><head><title>Access denied</title></head><body>Blocked <b>by the firewall</b></body></html>"


def error(status: int, words: Any, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.json_response({"error": words}, status=status, headers=headers)


REFUSALS: dict[str, tuple[Callable[[], web.Response], str]] = {
    "credit": (
        error(400, {"type": "invalid_request_error", "message": "Your credit balance is too low to use the API."}),
        "credit balance is too low",
    ),
    "budget of a proxy": (error(400, {"message": "Budget has been exceeded! Spend=5", "code": "400"}), "exceeded"),
    "model": (error(400, {"message": "m is not a valid model ID", "code": 400}), "not a valid model ID"),
    "no words": (lambda: web.Response(status=400), "status 400"),
    "bad request": (lambda: web.Response(status=400, text="Bad Request"), "“Bad Request”"),
    "page": (lambda: web.Response(status=400, text=PAGE, content_type="text/html"), "“Access denied”"),
    "key": (error(401, {"message": "Incorrect API key provided."}), "TRIAGE_LLM_API_KEY"),
    "payment": (error(402, {"message": "Insufficient credits", "code": 402}), "Insufficient credits"),
    "fewer tokens": (
        error(402, {"message": "This needs more credits, or fewer max_tokens. You can only afford 5."}),
        "more credits",
    ),
    "forbidden": (lambda: web.json_response({"message": "not in your region"}, status=403), "not in your region"),
    "firewall": (lambda: web.Response(status=403, text=PAGE, content_type="text/html"), "Access denied"),
    "no path": (lambda: web.Response(status=404, text="404 page not found"), "TRIAGE_LLM_URL"),
    "no model": (error(404, {"message": "The model `m` does not exist", "code": "model_not_found"}), "does not exist"),
    "method": (lambda: web.Response(status=405), "status 405"),
    "list of details": (
        lambda: web.json_response({"detail": [{"loc": ["body", "model"], "msg": "Invalid model"}]}, status=422),
        "body.model: Invalid model",
    ),
    "quota": (
        error(429, {"message": "You exceeded your current quota", "code": "insufficient_quota"}),
        "insufficient_quota",
    ),
    "error with status 200": (error(200, {"message": "Insufficient balance", "code": 402}), "Insufficient balance"),
    "text with status 200": (error(200, "invalid model"), "invalid model"),
    "arrears": (error(400, {"code": "Arrearage", "message": "Your account is not in good standing."}), "good standing"),
    "no balance, in Chinese": (error(429, {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}), "余额不足"),
    "cloud": (lambda: web.json_response({"Message": "User x is not authorized"}, status=403), "not authorized"),
    "API management": (lambda: web.json_response({"fault": {"faultstring": "Invalid key"}}, status=401), "Invalid key"),
    "other JSON with status 200": (lambda: web.json_response({"code": 401, "msg": "token expired"}), "token expired"),
    "no choices with status 200": (
        lambda: web.json_response({"choices": None, "base_resp": {"status_msg": "insufficient balance"}}),
        "insufficient balance",
    ),
    "page with status 200": (lambda: web.Response(text=PAGE, content_type="text/html"), "Access denied"),
    "nothing with status 200": (web.Response, "no completion"),
    "redirect": (lambda: web.Response(status=307, headers={"Location": "https://elsewhere/?key=1"}), "https://elsewhere/:"),
    "names the format": (error(400, {"message": "response_format is not supported"}), "not supported"),
    "names a parameter": (error(400, {"message": "bad", "param": "temperature"}), "bad"),
    "names all": (error(422, "max_tokens, temperature, response_format, system role: invalid"), "invalid"),
}  # fmt: skip


async def quiet(serving: Serving, pauses: float) -> int:
    """Wait for so many seconds of the fallback's clock; return how many calls came in the meantime."""
    before = len(serving.server.asked)
    await asyncio.sleep(pauses / SPEED)
    return len(serving.server.asked) - before


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", REFUSALS)
async def test_an_endpoint_that_begins_to_refuse_everything_is_left_alone_and_recovers(
    name: str, concurrency: int
) -> None:
    refusal, words = REFUSALS[name]
    async with serving(after(GOOD, refusal), concurrency) as fallback:
        await fallback.send(TEXTS)
        said = await fallback.fault()
        assert words in said
        await quiet(fallback, 40)
        assert len(fallback.running.outputs) <= GOOD, "no message is answered or reviewed meanwhile"
        assert fallback.running.processor.idle
        assert fallback.running.processor.longest_run_s == 0, "waiting is not a reason to restart the process"
        assert fallback.metric("triage_llm_breaker", state="closed") == 0
        assert 0 < fallback.trials() <= 20, "in 40 seconds"
        assert max(fallback.calls().values()) <= MAX_CALLS
        fallback.server.handler = always(lambda: answer("WISMO"))
        outputs = await fallback.outputs(MESSAGES)
        assert fallback.running.processor.down is None
        assert max(fallback.calls().values()) <= MAX_CALLS
        refused = reasons(outputs)
        assert refused["decided"] >= MESSAGES - (concurrency if name.startswith("names") else 0)
        assert fallback.metric("triage_llm_breaker", state="closed") == 1


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", REFUSALS)
async def test_an_endpoint_that_has_never_taken_a_request_is_left_alone(name: str, concurrency: int) -> None:
    refusal, words = REFUSALS[name]
    async with serving(always(refusal), concurrency) as fallback:
        await fallback.send(TEXTS)
        assert words in await fallback.fault()
        await quiet(fallback, 40)
        assert fallback.running.outputs == []
        assert sum(fallback.calls().values()) <= MAX_CALLS, "one message finds out; the others wait"
        fallback.server.handler = always(lambda: answer("WISMO"))
        outputs = await fallback.outputs(MESSAGES)
        assert reasons(outputs)["decided"] >= MESSAGES - (1 if name.startswith("names") else 0)
        assert max(fallback.calls().values()) <= MAX_CALLS


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_a_message_whose_calls_are_used_up_is_reviewed_once_the_fault_is_over(concurrency: int) -> None:
    refuse = error(400, {"message": "response_format is not supported", "param": "response_format"})
    async with serving(always(refuse), concurrency) as fallback:
        await fallback.send(TEXTS)
        await fallback.fault()
        await quiet(fallback, 10)
        assert fallback.calls() == {TEXTS[0]: MAX_CALLS}
        assert fallback.running.outputs == []
        fallback.server.handler = always(lambda: answer("WISMO"))
        outputs = await fallback.outputs(MESSAGES)
        assert reasons(outputs) == {"refused": 1, "decided": MESSAGES - 1}
        assert outputs[0].topic == "review"
        assert fallback.calls()[TEXTS[0]] == MAX_CALLS


async def test_trials_are_made_one_at_a_time_with_growing_pauses_even_without_messages() -> None:
    times: list[float] = []

    async def refuse(_: dict[str, Any]) -> web.StreamResponse:
        times.append(asyncio.get_running_loop().time() * SPEED)
        return error(400, "credit")()

    async with serving(refuse, 32) as fallback:
        await fallback.send(TEXTS[:1])
        await fallback.fault()
        await quiet(fallback, 140)
        assert fallback.server.most_concurrent == 1
    pauses = [later - earlier for earlier, later in pairwise(times)][1:6]
    assert pauses == sorted(pauses)
    assert pauses == pytest.approx([2, 4, 8, 16, 32], rel=0.5, abs=3)


@pytest.mark.parametrize("header", [{"Retry-After": "30"}])
async def test_the_pause_is_at_least_what_the_endpoint_asks_for(header: dict[str, str]) -> None:
    async with serving(always(error(402, "no credit", **header))) as fallback:
        await fallback.send(TEXTS[:3])
        await fallback.fault()
        assert await quiet(fallback, 20) == 0
        assert await quiet(fallback, 20) == 1


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_refused_calls_use_up_no_budget(concurrency: int) -> None:
    budget = LocalBudget(BudgetWindow(calls=MESSAGES + 12), lambda: 0.0)
    async with serving(after(GOOD, REFUSALS["credit"][0]), concurrency, budget=budget) as fallback:
        await fallback.send(TEXTS)
        await fallback.fault()
        await quiet(fallback, 100)
        fallback.server.handler = always(lambda: answer("WISMO"))
        assert reasons(await fallback.outputs(MESSAGES)) == {"decided": MESSAGES}


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_failed_calls_use_up_no_budget(concurrency: int) -> None:
    budget = LocalBudget(BudgetWindow(calls=MESSAGES), lambda: 0.0)
    calls = 0

    async def every_other_fails(_: dict[str, Any]) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return web.Response(status=500) if calls % 2 else answer("WISMO")

    async with serving(every_other_fails, concurrency, budget=budget) as fallback:
        await fallback.send(TEXTS)
        outputs = await fallback.outputs(MESSAGES)
        assert reasons(outputs)["over_budget"] == 0


POISON: dict[str, Callable[[], web.Response]] = {
    "content policy": error(400, {"code": "content_filter", "message": "the prompt was filtered", "param": "prompt"}),
    "moderation": error(403, {"code": 403, "message": "flagged", "metadata": {"reasons": ["violence"]}}),
    "too long": error(400, {"message": "maximum context length is 4096 tokens, and max_tokens is 200"}),
    "too large": lambda: web.Response(status=413),
    "no words": lambda: web.Response(status=400),
    "format": error(400, {"message": "json_validate_failed: the JSON does not match the schema"}),
    "error with status 200": error(200, {"code": "data_inspection_failed", "message": "inappropriate content"}),
}  # fmt: skip


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", POISON)
async def test_a_message_that_is_refused_among_others_goes_to_review(name: str, concurrency: int) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        return POISON[name]() if "poison" in message(body) else answer("WISMO")

    texts = [f"poison {number}" if number % 3 == 0 else text for number, text in enumerate(TEXTS)]
    async with serving(handle, concurrency) as fallback:
        await fallback.send(texts)
        outputs = await fallback.outputs(MESSAGES)
        assert fallback.llm.fault is None
        assert reasons(outputs) == {"refused": MESSAGES / 3, "decided": 2 * MESSAGES / 3}
        assert [output.topic == "review" for output in outputs] == ["poison" in text for text in texts]
        assert max(fallback.calls().values()) <= MAX_CALLS
        assert fallback.trials() <= MESSAGES / 3
        assert fallback.llm.negotiation.profile.format == "json_schema"


SOMETIMES: dict[str, Callable[[], web.Response]] = {
    "quota of a minute": error(429, {"message": "Quota exceeded for requests per minute", "code": 429}),
    "a bad key among several": error(401, {"message": "Incorrect API key provided."}),
    "a server without the model among several": error(404, {"message": "model not found"}),
    "rate limit with status 400": lambda: web.json_response(
        {"__type": "ThrottlingException", "message": "Rate exceeded"}, status=400
    ),
    "rate limit with status 403": error(403, {"message": "API rate limit exceeded"}),
}  # fmt: skip


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("name", SOMETIMES)
async def test_no_message_is_blamed_for_what_no_text_causes(name: str, concurrency: int) -> None:
    seen: set[str] = set()

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        text = message(body)
        if text == KNOWN_GOOD or text in seen:
            return answer("WISMO")
        seen.add(text)
        return SOMETIMES[name]() if len(seen) % 3 == 0 else answer("WISMO")

    async with serving(handle, concurrency) as fallback:
        await fallback.send(TEXTS)
        assert reasons(await fallback.outputs(MESSAGES)) == {"decided": MESSAGES}
        assert max(fallback.calls().values()) == 2


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_messages_of_which_each_is_refused_are_not_taken_for_a_fault(concurrency: int) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        return answer("WISMO") if message(body) == KNOWN_GOOD else error(400, {"code": "content_filter"})()

    async with serving(handle, concurrency) as fallback:
        await fallback.send(TEXTS[:20])
        assert reasons(await fallback.outputs(20)) == {"refused": 20}
        assert max(fallback.calls().values()) <= MAX_CALLS


@pytest.mark.parametrize("concurrency", CONCURRENCY)
@pytest.mark.parametrize("words", ["json_schema is not supported by this model", "Bad Request", ""])
async def test_an_endpoint_that_changes_its_formats_is_asked_in_another(words: str, concurrency: int) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        kind = body.get("response_format", {"type": "none"})["type"]
        if len(fallback.server.asked) > GOOD and kind != "json_object":
            return web.Response(status=400, text=words)
        return answer("WISMO")

    async with serving(handle, concurrency) as fallback:
        await fallback.send(TEXTS)
        assert reasons(await fallback.outputs(MESSAGES)) == {"decided": MESSAGES}
        assert max(fallback.calls().values()) <= MAX_CALLS
        assert len(fallback.server.asked) <= MESSAGES + 2 * concurrency + 4
        profile = fallback.llm.negotiation.profile
        assert (profile.format, fallback.llm.negotiation.confirmed) == ("json_object_with_schema", True)


async def test_an_answer_to_an_older_form_does_not_bring_it_back() -> None:
    late = asyncio.Event()

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        if message(body) == "late":
            await late.wait()
            return answer("WISMO")
        if len(fallback.server.asked) > 5 and body["response_format"]["type"] == "json_schema":
            return error(400, "json_schema?")()
        return answer("WISMO")

    async with serving(handle, 2) as fallback:
        await fallback.send([*TEXTS[:3], "late", *TEXTS[3:20]])
        async with asyncio.timeout(20):
            await wait_until(lambda: fallback.metric("triage_llm_calls_total", result="answered") == 20)
        late.set()
        await fallback.outputs(21)
        assert fallback.llm.negotiation.profile.format == "json_object_with_schema"
        assert fallback.trials() == 0


@pytest.mark.parametrize("concurrency", CONCURRENCY)
async def test_calls_of_a_message_do_not_grow_with_concurrency(concurrency: int) -> None:
    """Messages in parallel once moved the format under one another: 4, 8, 30 and 88 calls for one of them."""

    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return answer("WISMO") if "response_format" not in body else error(400, "response_format?")()

    async with serving(handle, concurrency) as fallback:
        await fallback.send(TEXTS)
        assert reasons(await fallback.outputs(MESSAGES)) == {"decided": MESSAGES}
        assert len(fallback.server.asked) == MESSAGES + 3, "three refusals, once"


async def test_the_endpoints_words_are_logged_once_without_key_or_customer(caplog: pytest.LogCaptureFixture) -> None:
    key = "sk-4711-very-secret"

    async def echo(body: dict[str, Any]) -> web.StreamResponse:
        words = f"Key {key} (…{key[-8:]}, {key[:9]}*) has no credit for “{message(body)}”. " + "And so on. " * 99
        return error(400, words)()

    caplog.set_level(logging.DEBUG)
    async with serving(echo, 8, key=key) as fallback:
        await fallback.send([f"my card is 4929 {number}" for number in range(20)])
        said = await fallback.fault()
        await quiet(fallback, 60)
    records = [entry for entry in caplog.records if entry.name.startswith("triage_worker.fallback")]
    logged = [str(vars(entry)) for entry in records]
    assert len([line for line in logged if "has no credit" in line]) == 1
    for line in (said, *logged):
        assert "4929" not in line
        assert key not in line
        assert key[-8:] not in line
        assert key[:9] not in line
    assert "Key *** (…***, ***) has no credit" in said
    assert len(said) < 500


async def test_a_refused_message_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        words = {"code": "content_filter", "message": f"I do not like “{message(body)}”"}
        return error(400, words)() if "poison" in message(body) else answer("WISMO")

    async with serving(handle, 2) as fallback:
        await fallback.send(["poison 1", *TEXTS[:5]])
        await fallback.outputs(6)
    (entry,) = [entry for entry in caplog.records if "refuses a message" in entry.message]
    assert (vars(entry)["status"], vars(entry)["code"]) == (400, "content_filter")
    assert "poison" not in str(vars(entry))


async def test_a_rate_limit_without_words_of_a_quota_stays_a_passing_failure() -> None:
    calls = 0

    async def handle(_: dict[str, Any]) -> web.StreamResponse:
        nonlocal calls
        calls += 1
        return error(429, "Rate limit reached for requests", **{"Retry-After": "1"})() if calls % 3 else answer("WISMO")

    async with serving(handle, 1) as fallback:
        await fallback.send(TEXTS[:9])
        assert reasons(await fallback.outputs(9)) == {"decided": 9}
        assert fallback.trials() == 0


async def test_an_endpoint_that_is_away_while_it_is_examined_is_no_fault() -> None:
    async def handle(body: dict[str, Any]) -> web.StreamResponse:
        if message(body) == KNOWN_GOOD:
            return web.Response(status=503)
        return web.Response(status=400)

    async with serving(handle, 2) as fallback:
        await fallback.send(TEXTS[:4])
        assert reasons(await fallback.outputs(4)) == {"refused": 4}
        assert max(fallback.calls().values()) <= MAX_CALLS


async def test_messages_that_wait_are_dropped_when_their_partition_is_revoked() -> None:
    async with serving(after(0, REFUSALS["credit"][0]), 4) as fallback:
        await fallback.send(TEXTS[:10])
        await fallback.fault()
        await quiet(fallback, 5)
        processor, offsets = fallback.running.processor, fallback.running.offsets
        processor.pause()
        assert processor.idle, "nothing to wait for"
        (tracker,) = list(offsets)
        assert offsets.revoke([tracker.partition]) == 10
        offsets.assign(tracker.partition)
        processor.resume()
        fallback.server.handler = always(lambda: answer("WISMO"))
        await fallback.send(TEXTS[:10])
        outputs = await fallback.outputs(10)
        assert [output.offset for output in outputs] == list(range(10))


async def test_the_service_can_be_stopped_while_the_endpoint_is_at_fault() -> None:
    async with serving(after(0, REFUSALS["credit"][0]), 4) as fallback:
        await fallback.send(TEXTS[:10])
        await fallback.fault()
        await quiet(fallback, 3)
        assert fallback.running.processor.idle


async def test_unusable_trials_end_a_fault_of_refusals() -> None:
    async with serving(after(1, REFUSALS["credit"][0]), 1) as fallback:
        await fallback.send(TEXTS[:10])
        await fallback.fault()
        fallback.server.handler = always(lambda: completion("I cannot say."))
        async with asyncio.timeout(20):
            await wait_until(lambda: "no answer that can be used" in (fallback.llm.fault or ""))
