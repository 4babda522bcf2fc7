"""Fake servers of Zendesk and Gorgias that behave as their APIs are documented, and a ticket event to send to them.

A fake takes faults, one for each request to come: "ok", "500", "503", "409", "429", "429-late" (with Retry-After),
"html" (a page with status 200), "drop" (the connection closes before the request is handled), "lost" (the request is
handled and its response is lost), "slow" (the request is handled, and the response comes after the client's time-out).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from triage_schemas.events import TicketEvent
from triage_worker.helpdesk.http_client import basic_auth

USER, TOKEN = "bot@shop.example", "secret"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def ticket(event: str = "opened", *, number: int = 1, queue: str = "delivery", **fields: Any) -> TicketEvent:
    """A ticket event."""
    given: dict[str, Any] = {"intent": "WISMO", "intents": ["WISMO"], "priority": "normal", "tags": ["wismo"]}
    return TicketEvent(
        **(given | fields),
        ticket_id=f"t-{number}",
        conversation_id=f"chat-{number}",
        customer_id=None,
        event=event,  # type: ignore[arg-type]
        status="closed" if event == "closed" else "open",
        queue=queue,
        due_at=NOON + timedelta(hours=2),
        messages=2,
        opened_at=NOON,
        updated_at=NOON,
    )


class FakeHelpdesk:
    """What both fakes have in common: the server, the login and the faults.

    Attributes:
        tickets: all tickets by their id.
        calls: method and path of each request.
    """

    user = USER

    def __init__(self, faults: Iterable[str] = ()) -> None:
        self.tickets: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self._faults = iter(faults)
        self._slow = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Serve on a free port, and yield the address."""
        app = web.Application(middlewares=[self._inject_fault])
        self.routes(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            self._slow.set()
            await runner.cleanup()

    def routes(self, app: web.Application) -> None:
        raise NotImplementedError

    @web.middleware
    async def _inject_fault(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.calls.append((request.method, request.path))
        fault = next(self._faults, "ok")
        if not self.authorized(request):
            return web.json_response({"error": "Couldn't authenticate you"}, status=401)
        if fault not in ("ok", "lost", "slow"):
            self.on_fault(request)
        if fault in ("500", "503", "409"):
            return web.Response(status=int(fault), text="oops")
        if fault.startswith("429"):
            headers = {"Retry-After": "0.02"} if fault == "429-late" else {}
            return web.Response(status=429, headers=headers)
        if fault == "html":
            return web.Response(text="<html>we will be back soon", content_type="text/html")
        if fault == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        answer = await handler(request)
        if fault in ("lost", "slow"):
            self.on_fault(request)
        if fault == "lost":
            assert request.transport is not None
            request.transport.close()
        if fault == "slow":
            await self._slow.wait()
        return answer

    def authorized(self, request: web.Request) -> bool:
        """Whether a request has the login."""
        return request.headers.get("Authorization") == basic_auth(self.user, TOKEN)["Authorization"]

    def on_fault(self, request: web.Request) -> None:
        """Called where a request has failed, before the client knows."""

    def _new(self, fields: dict[str, Any]) -> dict[str, Any]:
        ticket = {"id": 100 + len(self.tickets), **fields}
        self.tickets[int(ticket["id"])] = ticket
        return ticket


class FakeZendesk(FakeHelpdesk):
    """Closed tickets never change, only assigned ones can be solved, and idempotency keys repeat the first answer.

    Attributes:
        options: the values that a custom field takes, by its id; a field without options takes any text.
        names_fields: whether a refusal has the ids of the fields that it is about.
        refusal: status and body of the response to a new ticket with the tag ``refuse``.
    """

    user = f"{USER}/token"

    def __init__(self, faults: Iterable[str] = ()) -> None:
        super().__init__(faults)
        self.options: dict[int, tuple[str, ...]] = {}
        self.names_fields = True
        self.refusal: tuple[int, dict[str, Any]] = (422, {"error": "RecordInvalid"})
        self._keys: dict[str, tuple[Any, int, dict[str, Any]]] = {}

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v2/tickets.json", self._list)
        app.router.add_post("/api/v2/tickets.json", self._create)
        app.router.add_put("/api/v2/tickets/{id}.json", self._update)

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query["external_id"]
        found = [ticket for ticket in self.tickets.values() if ticket["external_id"] == wanted]
        return web.json_response({"tickets": found, "count": len(found), "next_page": None})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        key = request.headers["Idempotency-Key"]
        if key in self._keys:
            first, status, answer = self._keys[key]
            if first != body:
                return web.json_response({"error": "IdempotentRequestError"}, status=400)
            return web.json_response(answer, status=status, headers={"x-idempotency-lookup": "hit"})
        given = body["ticket"]
        if refusal := self._refuse_fields(given):
            self._keys[key] = (body, 422, refusal)
            return web.json_response(refusal, status=422)
        if "refuse" in given["tags"]:
            status, answer = self.refusal
            return web.json_response(answer, status=status)
        assert given["comment"]["body"]
        defaults: dict[str, Any] = {"status": "new", "priority": None, "tags": [], "group_id": 1, "assignee_id": None}
        fields = {name: value for name, value in given.items() if name != "comment"}
        ticket = self._new({**defaults, **fields})
        self._keys[key] = (body, 201, {"ticket": dict(ticket)})
        return web.json_response({"ticket": ticket}, status=201)

    async def _update(self, request: web.Request) -> web.Response:
        assert "Idempotency-Key" not in request.headers, "a key is for one request"
        ticket = self.tickets[int(request.match_info["id"])]
        changes = (await request.json())["ticket"]
        if ticket["status"] == "closed":
            return web.json_response({"error": "RecordInvalid", "description": "closed"}, status=422)
        if changes.get("status") == "solved" and ticket["assignee_id"] is None:
            return web.json_response({"error": "RecordInvalid", "description": "assignee"}, status=422)
        assert changes.get("priority", "low") in ("low", "normal", "high", "urgent")
        if refusal := self._refuse_fields(changes):
            return web.json_response(refusal, status=422)
        ticket.update(changes)
        return web.json_response({"ticket": ticket})

    def _refuse_fields(self, given: dict[str, Any]) -> dict[str, Any] | None:
        problems: list[dict[str, Any]] = []
        for field in given.get("custom_fields", ()):
            if field["value"] not in self.options.get(field["id"], (field["value"],)):
                named = {"ticket_field_id": field["id"], "ticket_field_type": "FieldTagger"}
                problem = {"description": "Order: is not valid", "error": "InvalidValue"}
                problems.append({**problem, **(named if self.names_fields else {})})
        if not problems:
            return None
        return {"error": "RecordInvalid", "description": "Record validation errors", "details": {"base": problems}}


class FakeGorgias(FakeHelpdesk):
    """It has no idempotency keys. Requests give all tags by name and teams by id."""

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/tickets", self._list)
        app.router.add_post("/api/tickets", self._create)
        app.router.add_put("/api/tickets/{id}", self._update)

    async def _list(self, request: web.Request) -> web.Response:
        wanted = request.query["external_id"]
        found = [ticket for ticket in self.tickets.values() if ticket["external_id"] == wanted]
        return web.json_response({"data": found, "meta": {"next_cursor": None, "prev_cursor": None}, "object": "list"})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        if not body.get("messages") or any("channel" not in message for message in body["messages"]):
            return web.json_response({"error": {"msg": "messages"}}, status=400)
        if any(tag["name"] == "refuse" for tag in body["tags"]):
            return web.json_response({"error": {"msg": "tags"}}, status=400)
        return web.json_response(self._new(self._shown(body)), status=201)

    async def _update(self, request: web.Request) -> web.Response:
        ticket = self.tickets[int(request.match_info["id"])]
        ticket.update(self._shown(await request.json()))
        return web.json_response(ticket, status=202)

    def _shown(self, body: dict[str, Any]) -> dict[str, Any]:
        """Answers have more fields of tags and teams than requests."""
        shown: dict[str, Any] = json.loads(json.dumps(body))
        if "tags" in shown:
            shown["tags"] = [{"id": 7 + number, "decoration": None, **tag} for number, tag in enumerate(shown["tags"])]
        if "assignee_team" in shown:
            shown["assignee_team"] = {**shown["assignee_team"], "name": "A team"}
        assert shown.get("priority", "low") in ("low", "normal", "high", "critical")
        assert shown.get("status", "open") in ("open", "closed")
        return shown
