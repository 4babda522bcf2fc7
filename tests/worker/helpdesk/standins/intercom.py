"""A stand-in for Intercom's REST API: custom attributes, assignments and tags by requests of their own, a search."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.fakes import TOKEN
from tests.worker.helpdesk.standins.base import OUR_USER, DeskTicket, StandIn, number


class IntercomDesk(StandIn):
    """It names the time when calls are allowed again, in seconds since the epoch."""

    FIELDS: ClassVar[Mapping[str, int | str]] = {
        "intent": "Intent",
        "confidence": "Confidence",
        "priority": "Urgency",
        "field.order": "Order",
    }

    def __init__(self, faults: Any = ()) -> None:
        super().__init__(faults)
        self.tag_names: list[str] = []

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("Authorization") == f"Bearer {TOKEN}" and "Intercom-Version" in request.headers

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/me", self._me)
        app.router.add_post("/tags", self._tag)
        app.router.add_post("/conversations", self._create)
        app.router.add_post("/conversations/search", self._search)
        app.router.add_get(r"/conversations/{id:\d+}", self._read)
        app.router.add_put(r"/conversations/{id:\d+}", self._write)
        app.router.add_post(r"/conversations/{id:\d+}/parts", self._assign)
        app.router.add_post(r"/conversations/{id:\d+}/tags", self._add_tag)
        app.router.add_delete(r"/conversations/{id:\d+}/tags/{tag}", self._remove_tag)

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"type": "admin", "id": str(OUR_USER)})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"id": "1"})

    async def _tag(self, request: web.Request) -> web.Response:
        name = (await request.json())["name"]
        if name not in self.tag_names:
            self.tag_names.append(name)
        return web.json_response({"type": "tag", "name": name, "id": f"{self.tag_names.index(name)}"})

    async def _read(self, request: web.Request) -> web.Response:
        ticket = self.found(request)
        parts = [
            {
                "part_type": "assignment" if one.name == "group" else "conversation_attribute_updated_by_admin",
                "author": {"type": "admin", "id": str(one.agent)},
                "assigned_to": {"type": "team", "id": one.value} if one.name == "group" else None,
                "event_details": {"attribute": {"name": self.FIELDS.get(one.name)}, "value": {"name": one.value}},
            }
            for one in ticket.history
            if one.name != "tags"
        ]
        return web.json_response({**self._json(ticket), "conversation_parts": {"conversation_parts": parts}})

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        applied = [one.agent for one in ticket.history if one.name == "tags"] or [OUR_USER]
        return {
            "id": str(ticket.id),
            "state": "closed" if ticket.solved else "open",
            "priority": "not_priority",
            "team_assignee_id": number(ticket.values["group"]),
            "custom_attributes": {name: value for name, value in self.custom(ticket).items() if value is not None},
            "tags": {
                "tags": [{"name": tag, "applied_by": {"type": "admin", "id": str(applied[-1])}} for tag in ticket.tags]
            },
            "statistics": {"count_reopens": ticket.reopens},
            "source": {"body": ticket.text, "author": {"type": "user", "id": "u"}},
            "updated_at": int(ticket.updated),
        }

    async def _write(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        self.interrupt(ticket.id)
        values = {self.named(name): value for name, value in given["custom_attributes"].items()}
        self.check(values)
        self.change(ticket.id, values)
        return web.json_response(self._json(ticket))

    async def _assign(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        assert (given["message_type"], given["type"], given["admin_id"]) == ("assignment", "team", str(OUR_USER))
        self.check({"group": given["assignee_id"]})
        self.change(ticket.id, {"group": given["assignee_id"]})
        return web.json_response(self._json(ticket))

    async def _add_tag(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        assert given["admin_id"] == str(OUR_USER)
        self.set_tags(ticket.id, [*ticket.tags, self.tag_names[int(given["id"])]])
        return web.json_response({"type": "tag", "id": given["id"]})

    async def _remove_tag(self, request: web.Request) -> web.Response:
        ticket, name = self.found(request), self.tag_names[int(request.match_info["tag"])]
        self.set_tags(ticket.id, [tag for tag in ticket.tags if tag != name])
        return web.json_response({"type": "tag", "name": name})

    async def _search(self, request: web.Request) -> web.Response:
        given = await request.json()
        assert (given["query"]["field"], given["query"]["operator"]) == ("updated_at", ">")
        begin = int(given["pagination"].get("starting_after", "0"))
        size = min(given["pagination"]["per_page"], self.page)
        found = [one for one in self.since(0) if int(one.updated) > given["query"]["value"]]
        more = {"starting_after": str(begin + size)} if begin + size < len(found) else None
        shown = [self._json(one) for one in found[begin : begin + size]]
        return web.json_response({"conversations": shown, "pages": {"next": more} if more else {}})
