"""A schema registry on this machine that keeps subjects, with Confluent's API; it can refuse, and be away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

MISSING = {"error_code": 40403, "message": "Schema not found"}


class FakeSubjects:
    """Keeps the schemas of subjects.

    Attributes:
        versions: the texts of each subject's schemas, oldest first; a text's id is its position in ``texts``.
        texts: every schema that was ever registered.
        modes: the compatibility of subjects.
        refusals: the status and the message of an answer, by the method and the last part of the path.
        requests: the method and path of all requests.
        away: whether every answer is a 503.
        needs_a_version: whether a subject without a version has no settings, as in Apicurio.
    """

    def __init__(self) -> None:
        self.versions: dict[str, list[str]] = {}
        self.texts: list[str] = [""]
        self.modes: dict[str, str] = {}
        self.refusals: dict[tuple[str, str], tuple[int, str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.away = False
        self.needs_a_version = False

    def add(self, subject: str, text: str) -> int:
        """Register a schema."""
        if text not in self.texts:
            self.texts.append(text)
        versions = self.versions.setdefault(subject, [])
        if text not in versions:
            versions.append(text)
        return self.texts.index(text)

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append((request.method, request.path))
        if self.away:
            return web.Response(status=503)
        parts = request.path.strip("/").split("/")
        refused = self.refusals.get((request.method, parts[-1]))
        if refused is not None:
            return web.json_response({"error_code": refused[0], "message": refused[1]}, status=refused[0])
        body: dict[str, Any] = await request.json() if request.can_read_body else {}
        return self._answer(request.method, parts, body)

    def _answer(self, method: str, parts: list[str], body: dict[str, Any]) -> web.Response:
        if parts[0] == "compatibility":
            return web.json_response({"is_compatible": False, "messages": ["READER_FIELD_MISSING_DEFAULT_VALUE"]})
        subject = parts[1]
        known = self.versions.get(subject)
        if parts[0] == "config" and (known is not None or not self.needs_a_version):
            self.modes[subject] = body["compatibility"]
            return web.json_response(body)
        if method == "GET":
            found = None if known is None else list(range(1, len(known) + 1))
            return web.json_response(found or MISSING, status=200 if known else 404)
        if parts[-1] == "versions":
            return web.json_response({"id": self.add(subject, body["schema"])})
        if parts[0] == "config" or body["schema"] not in (known or ()):
            return web.json_response(MISSING, status=404)
        return web.json_response({"id": self.texts.index(body["schema"]), "version": 1})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Run on a free port; yields the URL."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        server = TestServer(app)
        await server.start_server()
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            await server.close()
