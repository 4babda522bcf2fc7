"""A schema registry on this machine, with the APIs of Confluent and of Apicurio."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


class FakeRegistry:
    """Answers requests from a table.

    Attributes:
        answers: JSON or text by path and query; any other path gets a 404 as Confluent's registry gives it.
        asked: the paths of all requests.
        headers: those of the last request.
        status: given to every request instead of an answer, if it is set.
        hang: whether requests are never answered.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.status: int | None = None
        self.hang = False

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        self.headers = dict(request.headers)
        if self.hang:
            await asyncio.Event().wait()
        if self.status is not None:
            return web.Response(status=self.status)
        if request.path_qs not in self.answers:
            return web.json_response({"error_code": 40403, "message": "Schema not found"}, status=404)
        found = self.answers[request.path_qs]
        return web.Response(text=found) if isinstance(found, str) else web.json_response(found)

    @asynccontextmanager
    async def running(self, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
        """Run on a free port; yields the URL."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self.answer)
        server = TestServer(app)
        await server.start_server(ssl=context)
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            await server.close()
