"""A fake OpenAI-compatible endpoint on a free local port, which fails as a test scripts it."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

Reply = web.StreamResponse
Handler = Callable[[dict[str, Any]], Awaitable[Reply]]


def completion(content: str | None, **more: Any) -> web.Response:
    """A well-formed response."""
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    document = {"choices": [{"message": {"role": "assistant", "content": content}}], "usage": usage} | more
    return web.json_response(document)


def answer(intent: str, confidence: float = 0.9) -> web.Response:
    """A usable answer."""
    return completion(orjson.dumps({"intent": intent, "confidence": confidence}).decode())


def message(body: dict[str, Any]) -> str:
    """The customer's text in a request."""
    return str(orjson.loads(body["messages"][-1]["content"].rpartition("\n")[2])["message"])


class LlmServer:
    """Answers by a handler and records the requests. Use it as an async context manager."""

    def __init__(self, handler: Handler, key: str | None = None) -> None:
        self.handler = handler
        self.key = key
        self.asked: list[dict[str, Any]] = []
        self.concurrent = 0
        self.most_concurrent = 0
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        self._server = TestServer(app)

    async def __aenter__(self) -> "LlmServer":
        await self._server.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()

    @property
    def url(self) -> str:
        return str(self._server.make_url("/v1"))

    async def _complete(self, request: web.Request) -> Reply:
        if not self._allowed(request):
            return web.Response(status=401)
        body = await request.json()
        self.asked.append(body)
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        try:
            return await self.handler(body)
        finally:
            self.concurrent -= 1

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"data": []}, status=200 if self._allowed(request) else 401)

    def _allowed(self, request: web.Request) -> bool:
        return self.key is None or request.headers.get("Authorization") == f"Bearer {self.key}"


def always(response: Callable[[], web.Response]) -> Handler:
    """Gives every request the same response."""

    async def handle(_: dict[str, Any]) -> Reply:
        return response()

    return handle


def after(good: int, response: Callable[[], web.Response]) -> Handler:
    """Gives so many usable answers, then the same response to every request."""
    calls = 0

    async def handle(_: dict[str, Any]) -> Reply:
        nonlocal calls
        calls += 1
        return answer("WISMO") if calls <= good else response()

    return handle


def in_turn(responses: Iterable[Callable[[], web.Response]]) -> Handler:
    """Gives one response after another."""
    following = iter(responses)

    async def handle(_: dict[str, Any]) -> Reply:
        return next(following)()

    return handle


def fails_a_third_of_the_time(hang: asyncio.Event) -> Handler:
    """Every third call fails, in one of five ways in turn; the others get the label that the message names."""
    calls = 0

    async def handle(body: dict[str, Any]) -> Reply:
        nonlocal calls
        calls += 1
        if calls % 3:
            named = re.search(r"[A-Z_]{5,}", message(body))
            return answer(named[0] if named else "none of these")
        failure = calls // 3 % 5
        if failure == 0:
            return web.Response(status=500, text="out of order")
        if failure == 1:
            return web.Response(status=429, headers={"Retry-After": "0"})
        if failure == 2:
            await hang.wait()  # until the caller times out
        return completion('{"intent": "WIS') if failure == 3 else answer("NO_SUCH_LABEL")

    return handle
