"""The API over HTTP, on the shipped bundle: answers, keys, errors, metrics and the log."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from pydantic import TypeAdapter
from triage_models import Classifier
from triage_schemas.http_api.answers import Intents, Problem, Results
from triage_schemas.http_api.openapi import EXAMPLES

from tests.worker.serve.running import KEYS, Running, running, write_keys

pytestmark = pytest.mark.asyncio(loop_scope="module")

RESULTS, PROBLEM = TypeAdapter(Results), TypeAdapter(Problem)
TEXTS = [
    "where is my parcel",
    "i want my money back",
    "the lamp came broken, what now?",
    "asdf qwer",
    "cancel it please",
]
KEY = {"X-API-Key": KEYS["caller"]}
PLAIN = {"Content-Type": "text/plain"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("serve")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(folder: Path) -> AsyncIterator[Running]:
    keys = folder / "keys.yaml"
    write_keys(keys)
    limits = {"serve_max_texts": 40, "serve_max_body_bytes": 20_000, "serve_timeout_s": 60}
    async with running(folder, serve_keys=keys, log_format="json", region="GB", **limits) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(service: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(service.url) as made:
        yield made


async def classify(session: aiohttp.ClientSession, body: object, **headers: str) -> tuple[int, Any]:
    async with session.post("/v1/classify", json=body, headers=KEY | headers) as response:
        return response.status, orjson.loads(await response.read())


async def problem(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> tuple[Problem, Any]:
    async with session.request(method, path, **options) as response:
        assert response.content_type == "application/problem+json", await response.text()
        found = PROBLEM.validate_json(await response.read())
        assert found.status == response.status
        assert found.request_id == response.headers["X-Request-ID"]
        return found, response.headers


async def test_the_results_are_those_of_the_classifier_in_order(session: aiohttp.ClientSession) -> None:
    status, answer = await classify(session, {"texts": TEXTS})
    assert status == 200
    results = RESULTS.validate_python(answer).results
    decisions = Classifier.open(device="cpu", threads=1).classify(TEXTS)
    for result, decision in zip(results, decisions, strict=True):
        assert (result.intent, result.accepted, result.reason) == (decision.intent, decision.accepted, decision.reason)
        assert result.confidence == pytest.approx(decision.confidence, abs=0.02)
        assert list(result.scores) == list(decision.scores)[:3]
        assert result.model is not None
        assert result.model.name == "ecommerce"


async def test_one_text_gives_one_result(session: aiohttp.ClientSession) -> None:
    status, answer = await classify(session, {"text": "where is my parcel"})
    (result,) = answer["results"]
    assert (status, result["intent"], result["accepted"]) == (200, "WISMO", True)


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
async def test_the_examples_of_the_document_are_answered(
    session: aiohttp.ClientSession, example: dict[str, Any]
) -> None:
    status, answer = await classify(session, example)
    assert status == 200
    results = RESULTS.validate_python(answer).results
    texts = example.get("texts", [example])
    assert len(results) == len(texts)
    for text, result in zip(texts, results, strict=True):
        if isinstance(text, dict):
            assert (result.message_id, result.channel) == (text.get("message_id"), text.get("channel"))


async def test_settings_of_texts_are_those_of_the_worker(session: aiohttp.ClientSession) -> None:
    texts: Sequence[object] = [
        "my parcel has not come, my number is 020 7946 0018",
        "¿dónde está mi pedido? lo espero desde hace una semana",
        "Out of office: I am away until Monday and will answer your message when I am back.",
        {"text": "ok", "language": "fr"},
        "  ",
    ]
    _, answer = await classify(session, {"texts": texts})
    english, spanish, automatic, given, blank = RESULTS.validate_python(answer).results
    assert [(entity.type, entity.value) for entity in english.entities] == [("phone", "+442079460018")]
    assert (spanish.language, spanish.accepted, spanish.reason) == ("es", False, "unsupported_language")
    assert (automatic.accepted, automatic.reason, automatic.confidence) == (False, "out_of_scope", 0)
    assert given.language == "fr"
    assert (blank.intent, blank.reason, blank.confidence, blank.model) == (None, "no_text", None, None)


async def test_many_requests_at_once_each_get_their_own_results(session: aiohttp.ClientSession) -> None:
    async def ask(number: int) -> bool:
        texts = [{"text": TEXTS[(number + row) % 5], "message_id": f"{number}-{row}"} for row in range(1 + number % 7)]
        status, answer = await classify(session, {"texts": texts})
        return status == 200 and [one["message_id"] for one in answer["results"]] == [
            one["message_id"] for one in texts
        ]

    assert all(await asyncio.gather(*(ask(number) for number in range(60))))


async def test_the_intents_are_listed(session: aiohttp.ClientSession) -> None:
    async with session.get("/v1/intents", headers={"Authorization": f"Bearer {KEYS['reader']}"}) as response:
        found = TypeAdapter(Intents).validate_json(await response.read())
    assert "WISMO" in {one.intent for one in found.intents}
    assert all(one.description for one in found.intents)
    (model,) = found.models
    assert (model.name, model.serves, model.languages) == ("ecommerce", ["*"], ["en", "hi"])


async def test_the_document_needs_no_key(session: aiohttp.ClientSession) -> None:
    async with session.get("/openapi.json") as response:
        assert orjson.loads(await response.read())["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "no_key"),
        ({"X-API-Key": "wrong"}, 401, "unknown_key"),
        ({"X-API-Key": KEYS["expired"]}, 401, "expired_key"),
        ({"X-API-Key": KEYS["reader"]}, 403, "missing_right"),
        ({"X-API-Key": KEYS["reader"], "Authorization": f"Bearer {KEYS['caller']}"}, 400, "two_keys"),
    ],
)
async def test_keys_are_asked_for(
    session: aiohttp.ClientSession, headers: dict[str, str], status: int, code: str
) -> None:
    found, answered = await problem(session, "POST", "/v1/classify", json={"text": "a"}, headers=headers)
    assert (found.status, found.code) == (status, code)
    assert (status == 401) == ("WWW-Authenticate" in answered)


async def test_a_rate_that_is_exceeded_says_when_to_try_again(session: aiohttp.ClientSession) -> None:
    slow = {"X-API-Key": KEYS["slow"]}
    async with session.post("/v1/classify", json={"texts": ["a", "b"]}, headers=slow) as response:
        assert response.status == 200
    found, headers = await problem(session, "POST", "/v1/classify", json={"texts": ["a", "b"]}, headers=slow)
    assert (found.status, found.code) == (429, "rate_exceeded")
    assert 1 <= int(headers["Retry-After"]) <= 4


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("POST", "/v1/classify", {"data": b"[" * 10_000, "headers": KEY}, 415, "not_json_type"),
        (
            "POST",
            "/v1/classify",
            {"data": "text=a", "headers": KEY | {"Content-Type": "text/plain"}},
            415,
            "not_json_type",
        ),
        ("GET", "/v1/classify", {"headers": KEY}, 405, "wrong_method"),
        ("GET", "/v1/classify/", {"headers": KEY}, 404, "not_found"),
        ("GET", "/../../etc/passwd", {}, 404, "not_found"),
        ("POST", "/v1/classify", {"json": {"texts": ["a"], "n": 1}, "headers": KEY}, 422, "invalid"),
        ("POST", "/v1/classify", {"json": {"texts": ["a"] * 41}, "headers": KEY}, 422, "invalid"),
        ("POST", "/v1/classify", {"json": {"text": "a" * 30_000}, "headers": KEY}, 413, "too_large"),
    ],
)
async def test_mistakes_are_problems(
    session: aiohttp.ClientSession, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    found, _ = await problem(session, method, path, **options)
    assert (found.status, found.code) == (status, code)


async def test_a_mistake_in_a_field_is_named_with_its_path(session: aiohttp.ClientSession) -> None:
    body = {"texts": ["a", {"text": "b", "lang": "en"}]}
    found, _ = await problem(session, "POST", "/v1/classify", json=body, headers=KEY)
    assert (found.path, found.detail) == (
        "texts.1.lang",
        "The request is not valid at texts.1.lang: this field is not known.",
    )


async def test_the_id_of_a_request_is_repeated_unless_it_could_do_harm(session: aiohttp.ClientSession) -> None:
    for given, kept in (("order-7/a:b", True), ("x" * 200, False), ("a b", False), ('"}{', False)):
        async with session.get("/livez", headers={"X-Request-ID": given}) as response:
            assert (response.headers["X-Request-ID"] == given) == kept
            assert response.headers["X-Request-ID"]


async def test_pages_of_other_origins_may_not_read_answers(session: aiohttp.ClientSession) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    async with session.options("/v1/classify", headers=headers) as response:
        assert response.status == 405
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_metrics_need_their_right_and_count_requests(session: aiohttp.ClientSession) -> None:
    await classify(session, {"texts": ["a", "b", "c"]})
    found, _ = await problem(session, "GET", "/metrics", headers=KEY)
    assert found.code == "missing_right"
    async with session.get("/metrics", headers={"X-API-Key": KEYS["reader"]}) as response:
        text = await response.text()
    for line in (
        'triage_http_request_seconds_count{method="POST",route="/v1/classify",status="200"}',
        'triage_http_texts_total{key="caller"}',
        'triage_http_problems_total{code="missing_right"}',
        "triage_http_queue_seconds_count",
        "triage_batch_messages_count",
        'triage_messages_decided_total{outcome="accepted",serves="*"}',
        "triage_ready 1.0",
        'triage_model_info{device="cpu",name="ecommerce"',
    ):
        assert line in text


async def test_the_log_has_one_line_for_each_request_and_no_text(
    service: Running, session: aiohttp.ClientSession
) -> None:
    secret = "my secret is a blue elephant"
    await classify(session, {"texts": [secret, secret]}, **{"X-Request-ID": "find-me"})
    await classify(session, {"texts": [{"text": secret, secret: 1}]})
    lines = [orjson.loads(line) for line in service.log.read_text().splitlines()]
    (line,) = [line for line in lines if line.get("request_id") == "find-me"]
    assert (line["message"], line["method"], line["route"], line["status"]) == ("Request", "POST", "/v1/classify", 200)
    assert (line["key"], line["texts"], line["client"]) == ("caller", 2, "127.0.0.1")
    assert line["ms"] > 0
    assert "elephant" not in service.log.read_text()
    assert not [line for line in lines if line.get("route") == "/livez"]


async def test_a_key_that_is_added_counts_without_a_restart(folder: Path, session: aiohttp.ClientSession) -> None:
    from triage_worker.serve.keys import KeyEntry, add_key, digest

    add_key(folder / "keys.yaml", KeyEntry(name="late", hash=digest("key-that-came-late")))
    async with asyncio.timeout(60):
        while True:
            async with session.get("/v1/intents", headers={"X-API-Key": "key-that-came-late"}) as response:
                if response.status == 200:
                    return
            await asyncio.sleep(0.1)
