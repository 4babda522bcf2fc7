"""Addresses of endpoints in the forms that providers document, and the headers that carry keys."""

from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.fallback.address import EndpointAddress
from triage_worker.fallback.client import LlmClient
from triage_worker.fallback.errors import RejectedError, UnavailableError

from tests.worker.fallback.llm_server import answer

CHAT = "/chat/completions"
TOKEN = "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
AZURE = "https://shop.openai.azure.com"

ADDRESSES = [
    ("https://api.openai.com/v1", "https://api.openai.com/v1"),
    ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
    ("https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1"),
    ("https://api.openai.com/v1/chat/completions/", "https://api.openai.com/v1"),
    ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
    ("https://api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
    ("https://generativelanguage.googleapis.com/v1beta/openai/", "https://generativelanguage.googleapis.com/v1beta/openai"),
    ("https://api.deepseek.com", "https://api.deepseek.com"),
    ("http://localhost:11434/v1/", "http://localhost:11434/v1"),
    ("https://gateway.ai.cloudflare.com/v1/account/gateway/compat", "https://gateway.ai.cloudflare.com/v1/account/gateway/compat"),
    ("https://router.huggingface.co/v1", "https://router.huggingface.co/v1"),
    ("https://ark.cn-beijing.volces.com/api/v3/", "https://ark.cn-beijing.volces.com/api/v3"),
    ("https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1", "https://bedrock-runtime.us-east-1.amazonaws.com/openai/v1"),
    ("https://models.github.ai/inference", "https://models.github.ai/inference"),
    ("https://dbc.cloud.databricks.com/serving-endpoints", "https://dbc.cloud.databricks.com/serving-endpoints"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "base"), ADDRESSES)
def test_calls_go_below_the_given_address(given: str, base: str) -> None:
    address = EndpointAddress.parse(given)
    assert (address.completions, address.models) == (base + CHAT, base + "/models")
    assert not address.azure


@pytest.mark.parametrize(
    ("given", "completions", "models"),
    [
        (
            f"{AZURE}/openai/deployments/mini?api-version=2024-10-21",
            f"{AZURE}/openai/deployments/mini/chat/completions?api-version=2024-10-21",
            f"{AZURE}/openai/models?api-version=2024-10-21",
        ),
        (
            f"{AZURE}/openai/deployments/mini/chat/completions?api-version=2024-10-21",
            f"{AZURE}/openai/deployments/mini/chat/completions?api-version=2024-10-21",
            f"{AZURE}/openai/models?api-version=2024-10-21",
        ),
        (f"{AZURE}/openai/v1/", f"{AZURE}/openai/v1/chat/completions", f"{AZURE}/openai/v1/models"),
        (
            f"{AZURE}/openai/v1?api-version=preview",
            f"{AZURE}/openai/v1/chat/completions?api-version=preview",
            f"{AZURE}/openai/v1/models?api-version=preview",
        ),
        (
            "https://x.services.ai.azure.com/models?api-version=2024-05-01-preview",
            "https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            "https://x.services.ai.azure.com/models/models?api-version=2024-05-01-preview",
        ),
    ],
)
def test_azures_query_string_is_kept(given: str, completions: str, models: str) -> None:
    address = EndpointAddress.parse(given)
    assert (address.completions, address.models, address.azure) == (completions, models, True)


def test_a_whole_address_of_databricks_is_used_as_it_is() -> None:
    given = "https://dbc.cloud.databricks.com/serving-endpoints/mini/invocations"
    assert EndpointAddress.parse(given).completions == given
    assert EndpointAddress.parse(given).models is None


@pytest.mark.parametrize(
    ("url", "key", "header", "expected"),
    [
        ("https://api.openai.com/v1", "sk-1", None, {"Authorization": "Bearer sk-1"}),
        ("https://api.openai.com/v1", None, None, {}),
        ("https://api.openai.com/v1", "Bearer sk-1", None, {"Authorization": "Bearer sk-1"}),
        ("https://llm.example.com/v1", "Basic dTpw", None, {"Authorization": "Basic dTpw"}),
        ("https://llm.example.com/v1", "k", "x-api-key", {"x-api-key": "k"}),
        ("https://llm.example.com/v1", "k", "authorization", {"authorization": "Bearer k"}),
        (f"{AZURE}/openai/v1", "k", None, {"api-key": "k"}),
        (f"{AZURE}/openai/v1", TOKEN, None, {"Authorization": f"Bearer {TOKEN}"}),
        (f"{AZURE}/openai/v1", "k", "Authorization", {"Authorization": "Bearer k"}),
        ("https://apim.example.com/openai/deployments/mini?api-version=1", "k", None, {"api-key": "k"}),
        ("https://api.anthropic.com/v1", TOKEN, None, {"Authorization": f"Bearer {TOKEN}"}),
    ],
)
def test_the_header_of_the_key(url: str, key: str | None, header: str | None, expected: dict[str, str]) -> None:
    assert EndpointAddress.parse(url).key_headers(key, header) == expected


class Gateway:
    """A server that answers at one path, and records what it is sent."""

    def __init__(self, path: str) -> None:
        self.requests: list[web.Request] = []
        app = web.Application()
        app.router.add_post(path, self._complete)
        self.server = TestServer(app)

    async def __aenter__(self) -> "Gateway":
        await self.server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.server.close()

    def url(self, path: str) -> str:
        return str(self.server.make_url("/")).rstrip("/") + path

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return answer("WISMO")


@pytest.mark.parametrize(
    ("served", "given"),
    [
        ("/v1/chat/completions", "/v1"),
        ("/v1/chat/completions", "/v1/"),
        ("/v1/chat/completions", "/v1/chat/completions"),
        ("/v1beta/openai/chat/completions", "/v1beta/openai/"),
        ("/openai/deployments/mini/chat/completions", "/openai/deployments/mini?api-version=2024-10-21"),
        (
            "/openai/deployments/mini/chat/completions",
            "/openai/deployments/mini/chat/completions?api-version=1&x=a%20b",
        ),
        ("/serving-endpoints/mini/invocations", "/serving-endpoints/mini/invocations"),
        ("/chat/completions", ""),
        ("/chat/completions", "/?version=2"),
    ],
)
async def test_a_call_arrives_with_its_query_string(served: str, given: str) -> None:
    async with Gateway(served) as gateway:
        settings = Settings.load(llm_url=gateway.url(given), llm_api_key="k-123456")
        async with LlmClient.from_settings(settings) as client:
            await client.check_key()
            await client.complete({}, 5)
    (request,) = gateway.requests
    assert request.rel_url.raw_query_string == given.partition("?")[2]
    azure = "api-version" in given
    assert request.headers.get("api-key") == ("k-123456" if azure else None)
    assert request.headers.get("Authorization") == (None if azure else "Bearer k-123456")


@pytest.mark.parametrize(("status", "refused"), [(401, True), (403, False), (404, False), (500, False), (302, False)])
async def test_only_status_401_of_the_list_of_models_is_a_wrong_key(status: int, refused: bool) -> None:
    """A key that may request completions need not have the right to list the models."""
    app = web.Application()

    async def models(_: web.Request) -> web.Response:
        return web.Response(status=status)

    app.router.add_get("/v1/models", models)
    async with TestServer(app) as server, LlmClient(str(server.make_url("/v1")), "k") as client:
        if refused:
            with pytest.raises(ConfigError, match="check TRIAGE_LLM_API_KEY"):
                await client.check_key()
        else:
            await client.check_key()


async def test_an_address_without_a_path_leads_to_v1_if_that_is_where_the_endpoint_is() -> None:
    async with Gateway("/v1/chat/completions") as gateway, LlmClient(gateway.url(""), None) as client:
        with pytest.raises(UnavailableError, match="status 404"):
            await client.complete({}, 5)
        for _ in range(2):
            await client.complete({}, 5)


async def test_an_address_without_a_path_is_not_left_for_ever() -> None:
    async with Gateway("/elsewhere") as gateway, LlmClient(gateway.url(""), None) as client:
        with pytest.raises(UnavailableError, match="status 404"):
            await client.complete({}, 5)
        for _ in range(3):
            with pytest.raises(RejectedError, match=r"status 404: .*TRIAGE_LLM_URL"):
                await client.complete({}, 5)
        assert client._address.completions.endswith(f"{gateway.server.port}/chat/completions")


async def test_further_headers_are_sent_and_replace_that_of_the_key() -> None:
    headers = '{"cf-aig-authorization": "Bearer cf-1", "AUTHORIZATION": "Token abc"}'
    async with Gateway("/v1/chat/completions") as gateway:
        settings = Settings.load(llm_url=gateway.url("/v1"), llm_api_key="k-123456", llm_headers=headers)
        async with LlmClient.from_settings(settings) as client:
            await client.complete({}, 5)
    (request,) = gateway.requests
    assert request.headers["cf-aig-authorization"] == "Bearer cf-1"
    assert request.headers.getall("Authorization") == ["Token abc"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"llm_url": "https://llm/v1?key=AIza-very-secret"}, "TRIAGE_LLM_API_KEY"),
        ({"llm_url": "https://llm/v1?api-version=1&subscription-key=very-secret"}, "TRIAGE_LLM_KEY_HEADER"),
        ({"llm_url": "https://llm/api?code=very-secret"}, "a URL with a key in it"),
        ({"llm_url": "https://llm/v1#secret"}, "a URL, up to /v1"),
        ({"llm_url": "https://llm/v1/completions"}, "the address of another API"),
        ({"llm_url": "https://llm/v1/responses"}, "the address of another API"),
        ({"llm_url": "https://llm/v1/messages/"}, "the address of another API"),
        ({"llm_url": "http://localhost:11434/api/chat"}, "the address of another API"),
        ({"llm_key_header": "x api key"}, "letters, digits and hyphens"),
        ({"llm_key_header": "Content-Length"}, "sets the header Content-Length itself"),
        ({"llm_headers": "very-secret"}, "headers are a JSON object"),
        ({"llm_headers": "{very-secret"}, "headers are a JSON object"),
        ({"llm_headers": '["very-secret"]'}, "headers are a JSON object"),
        ({"llm_headers": '{"X-A": 5}'}, "the value of the header X-A"),
        ({"llm_headers": '{"X-A": "a\\nvery-secret"}'}, "the value of the header X-A"),
        ({"llm_headers": "X-A: 1, x-a: very-secret"}, "given twice"),
        ({"llm_headers": "Host: very-secret"}, "sets the header Host itself"),
    ],
)
def test_a_wrong_setting_is_one_sentence_without_a_secret(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(**changes)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value).replace("#secret", "")


def test_the_headers_are_masked_and_no_flag() -> None:
    settings = Settings.load(llm_headers="X-Token: very-secret")
    assert "very-secret" not in repr(settings)


@pytest.mark.parametrize("host", ["shop.openai.azure.com", "shop.openai.azure.us", "shop.services.ai.azure.com"])
@pytest.mark.parametrize("end", ["", "/"])
def test_azures_bare_address_is_also_asked_below_its_own_path(host: str, end: str) -> None:
    """The portal shows this address as the endpoint."""
    address = EndpointAddress.parse(f"https://{host}{end}")
    assert address.azure
    assert address.with_v1 is not None
    assert address.with_v1.completions == f"https://{host}/openai/v1/chat/completions"
    assert EndpointAddress.parse(f"https://{host}/openai/v1").azure


def test_a_scheme_in_capitals_is_one() -> None:
    assert Settings.load(llm_url="HTTPS://llm/v1").llm_url == "HTTPS://llm/v1"
