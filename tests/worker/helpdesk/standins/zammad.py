"""A stand-in for Zammad's REST API: attributes at the top of a ticket, each tag by a request of its own, a history."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.fakes import TOKEN
from tests.worker.helpdesk.standins.base import OUR_USER, DeskTicket, StandIn, iso, number

PRIORITIES = {"low": 1, "normal": 2, "high": 3}
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}


class ZammadDesk(StandIn):
    """It has three priorities."""

    FIELDS: ClassVar[Mapping[str, int | str]] = {
        "intent": "intent",
        "confidence": "confidence",
        "field.order": "order_number",
    }
    DEFAULTS: ClassVar[Mapping[str, str | None]] = {"priority": "normal", "group": "1"}

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Token token={TOKEN}"

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v1/users/me", self._me)
        app.router.add_get("/api/v1/tags", self._tags)
        app.router.add_post("/api/v1/tags/add", self._add_tag)
        app.router.add_delete("/api/v1/tags/remove", self._remove_tag)
        app.router.add_get("/api/v1/tickets/search", self._search)
        app.router.add_post("/api/v1/tickets", self._create)
        app.router.add_get(r"/api/v1/tickets/{id:\d+}", self._read)
        app.router.add_put(r"/api/v1/tickets/{id:\d+}", self._write)
        app.router.add_get(r"/api/v1/ticket_articles/by_ticket/{id:\d+}", self._articles)
        app.router.add_get(r"/api/v1/ticket_history/{id:\d+}", self._history)

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"id": OUR_USER})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"id": 1}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(self.found(request)))

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        return {
            "id": ticket.id,
            "state": "merged" if ticket.merged else "closed" if ticket.solved else "open",
            "priority_id": PRIORITIES[ticket.values["priority"] or "normal"],
            "group_id": number(ticket.values["group"]),
            **self.custom(ticket),
            "updated_at": iso(ticket.updated),
        }

    async def _write(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        self.interrupt(ticket.id)
        names = {str(field): name for name, field in self.FIELDS.items()}
        values: dict[str, str | None] = {names[key]: value for key, value in given.items() if key in names}
        if "priority_id" in given:
            values["priority"] = NAMES[given["priority_id"]]
        if "group_id" in given:
            values["group"] = str(given["group_id"])
        self.check(values)
        self.change(ticket.id, values)
        return web.json_response(self._json(ticket))

    async def _tags(self, request: web.Request) -> web.Response:
        assert request.query["object"] == "Ticket"
        ticket = self.desk.get(int(request.query["o_id"]))
        return web.json_response({"tags": ticket.tags if ticket else []})

    async def _add_tag(self, request: web.Request) -> web.Response:
        given = await request.json()
        self.set_tags(given["o_id"], [*self.desk[given["o_id"]].tags, given["item"]])
        return web.json_response(True, status=201)

    async def _remove_tag(self, request: web.Request) -> web.Response:
        given = await request.json()
        self.set_tags(given["o_id"], [tag for tag in self.desk[given["o_id"]].tags if tag != given["item"]])
        return web.json_response(True)

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        matched = re.fullmatch(r"updated_at:\[(.+) TO \*\]", query["query"])
        assert matched is not None
        assert (query["sort_by"], query["order_by"], query["expand"]) == ("updated_at", "asc", "true")
        since = datetime.fromisoformat(matched[1]).timestamp()
        limit, page = int(query["limit"]), int(query["page"])
        return web.json_response([self._json(one) for one in self.since(since)][(page - 1) * limit : page * limit])

    async def _articles(self, request: web.Request) -> web.Response:
        html = f"<div>{self.found(request).text}<br></div>"
        note = {"sender": "Agent", "internal": True, "body": "a note", "content_type": "text/plain"}
        own = {"sender": "Customer", "internal": False, "body": html, "content_type": "text/html"}
        return web.json_response([note, own])

    async def _history(self, request: web.Request) -> web.Response:
        names = {**{name: str(field) for name, field in self.FIELDS.items()}, "tags": "tag"}
        history = [
            {
                "attribute": names.get(one.name, one.name),
                "value_to": one.value,
                "id_to": one.value if one.name == "group" else None,
                "created_by_id": one.agent,
            }
            for one in self.found(request).history
        ]
        return web.json_response({"history": history})
