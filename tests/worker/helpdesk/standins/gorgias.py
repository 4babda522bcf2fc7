"""A stand-in for Gorgias' REST API: fields and tags by requests of their own, merged tickets are redirected (301)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.standins.base import OUR_USER, DeskTicket, StandIn, iso, number

PRIORITIES = {"low": "low", "normal": "normal", "high": "high", "urgent": "critical"}
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}


class GorgiasDesk(StandIn):
    """Lists have a cursor, and the latest tickets first."""

    FIELDS: ClassVar[Mapping[str, int | str]] = {"intent": 501, "confidence": 502, "field.order": 503}
    DEFAULTS: ClassVar[Mapping[str, str | None]] = {"priority": "normal"}
    REFUSAL = 400

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/account", self._account)
        app.router.add_get("/api/messages", self._messages)
        app.router.add_get("/api/events", self._events)
        app.router.add_get("/api/tickets", self._list)
        app.router.add_post("/api/tickets", self._create)
        app.router.add_get(r"/api/tickets/{id:\d+}", self._read)
        app.router.add_put(r"/api/tickets/{id:\d+}", self._write)
        app.router.add_get(r"/api/tickets/{id:\d+}/custom-fields", self._fields)
        app.router.add_put(r"/api/tickets/{id:\d+}/custom-fields/{field:\d+}", self._write_field)
        app.router.add_post(r"/api/tickets/{id:\d+}/tags", self._add_tags)
        app.router.add_delete(r"/api/tickets/{id:\d+}/tags", self._remove_tags)

    def _one(self, request: web.Request) -> DeskTicket:
        ticket = self.found(request)
        if ticket.merged:
            raise web.HTTPMovedPermanently("/api/tickets/1")
        return ticket

    async def _account(self, _: web.Request) -> web.Response:
        return web.json_response({"domain": "shop"})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"id": 1}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(self._one(request)))

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        team = number(ticket.values["group"])
        priority = ticket.values["priority"]
        return {
            "id": ticket.id,
            "status": "closed" if ticket.solved else "open",
            "priority": None if priority is None else PRIORITIES[priority],
            "assignee_team": None if team is None else {"id": team, "name": "A team"},
            "tags": [{"id": 7 + place, "name": tag, "decoration": None} for place, tag in enumerate(ticket.tags)],
            "updated_datetime": iso(ticket.updated),
        }

    async def _write(self, request: web.Request) -> web.Response:
        ticket, given = self._one(request), await request.json()
        self.interrupt(ticket.id)
        values: dict[str, str | None] = {}
        if "priority" in given:
            values["priority"] = NAMES[given["priority"]]
        if "assignee_team" in given:
            values["group"] = str(given["assignee_team"]["id"])
        self.check(values)
        self.change(ticket.id, values)
        return web.json_response(self._json(ticket), status=202)

    async def _fields(self, request: web.Request) -> web.Response:
        shown = self.custom(self._one(request))
        data = [{"field": {"id": int(known)}, "value": value} for known, value in shown.items() if value is not None]
        return web.json_response({"data": data, "object": "list"})

    async def _write_field(self, request: web.Request) -> web.Response:
        ticket, name = self._one(request), self.named(request.match_info["field"])
        values = {name: (await request.json())["value"]}
        self.check(values)
        self.change(ticket.id, values)
        return web.json_response({"field": {"id": int(self.FIELDS[name])}, **{"value": values[name]}})

    async def _add_tags(self, request: web.Request) -> web.Response:
        ticket = self._one(request)
        self.set_tags(ticket.id, [*ticket.tags, *(await request.json())["names"]])
        return web.json_response({}, status=201)

    async def _remove_tags(self, request: web.Request) -> web.Response:
        ticket, names = self._one(request), (await request.json())["names"]
        self.set_tags(ticket.id, [tag for tag in ticket.tags if tag not in names])
        return web.Response(status=204)

    async def _list(self, request: web.Request) -> web.Response:
        if "external_id" in request.query:
            return web.json_response({"data": [], "meta": {"next_cursor": None}})
        assert request.query["order_by"] == "updated_datetime:desc"
        begin = int(request.query.get("cursor", "0"))
        latest = [self._json(one) for one in reversed(self.since(0))][begin : begin + self.page]
        more = str(begin + self.page) if len(latest) == self.page else None
        return web.json_response({"data": latest, "meta": {"next_cursor": more, "prev_cursor": None}})

    async def _messages(self, request: web.Request) -> web.Response:
        text = self.desk[int(request.query["ticket_id"])].text
        agent = {"from_agent": True, "body_text": "how can I help"}
        return web.json_response({"data": [agent, {"from_agent": False, "body_text": text}], "meta": {}})

    async def _events(self, request: web.Request) -> web.Response:
        kinds = {"group": "ticket-team-assigned", "tags": "ticket-tags-added"}
        data = [
            {
                "type": kinds.get(one.name, "ticket-custom-field-updated"),
                "user_id": one.agent,
                "data": {"value": one.value} if one.name != "tags" else {},
            }
            for one in reversed(self.desk[int(request.query["object_id"])].history)
            if one.agent != OUR_USER
        ]
        return web.json_response({"data": data, "meta": {}})
