"""A stand-in for Chatwoot's application API: a token in a header of its own, labels and attributes as a whole."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.fakes import TOKEN
from tests.worker.helpdesk.standins.base import DeskTicket, StandIn, number

PRIORITIES = {"low": "low", "normal": "medium", "high": "high", "urgent": "urgent"}
NAMES = {theirs: ours for ours, theirs in PRIORITIES.items()}


class ChatwootDesk(StandIn):
    """As before ``merge`` was known: attributes that are not sent are deleted. The list has no pages by age."""

    FIELDS: ClassVar[Mapping[str, int | str]] = {"intent": "intent", "confidence": "confidence", "field.order": "order"}

    def __init__(self, faults: Any = ()) -> None:
        super().__init__(faults)
        self.attributes: dict[int, dict[str, Any]] = {}

    def authorized(self, request: web.Request) -> bool:
        return request.headers.get("api_access_token") == TOKEN

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/conversations/meta", self._meta)
        app.router.add_get("/conversations", self._list)
        app.router.add_post("/conversations", self._create)
        app.router.add_get(r"/conversations/{id:\d+}", self._read)
        app.router.add_get(r"/conversations/{id:\d+}/messages", self._messages)
        app.router.add_post(r"/conversations/{id:\d+}/toggle_priority", self._priority)
        app.router.add_post(r"/conversations/{id:\d+}/assignments", self._assign)
        app.router.add_post(r"/conversations/{id:\d+}/custom_attributes", self._attributes)
        app.router.add_post(r"/conversations/{id:\d+}/labels", self._labels)

    async def _meta(self, _: web.Request) -> web.Response:
        return web.json_response({"meta": {"all_count": 1}})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"id": 1})

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response(self._json(self.found(request)))

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        team, priority = number(ticket.values["group"]), ticket.values["priority"]
        own = {name: value for name, value in self.custom(ticket).items() if value is not None}
        return {
            "id": ticket.id,
            "status": "resolved" if ticket.solved else "open",
            "priority": None if priority is None else PRIORITIES[priority],
            "labels": ticket.tags,
            "custom_attributes": {**self.attributes.get(ticket.id, {}), **own},
            "meta": {"team": None if team is None else {"id": team}},
            "updated_at": ticket.updated,
        }

    async def _priority(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        self.check({"priority": NAMES[given["priority"]]})
        self.change(ticket.id, {"priority": NAMES[given["priority"]]})
        return web.Response()

    async def _assign(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), await request.json()
        self.check({"group": str(given["team_id"])})
        self.change(ticket.id, {"group": str(given["team_id"])})
        return web.json_response({"id": given["team_id"]})

    async def _attributes(self, request: web.Request) -> web.Response:
        ticket, given = self.found(request), (await request.json())["custom_attributes"]
        self.interrupt(ticket.id)
        known = {str(field): name for name, field in self.FIELDS.items()}
        values = {name: given.get(field) for field, name in known.items()}
        self.check(values)
        changed = {name: value for name, value in values.items() if value != ticket.values[name]}
        self.change(ticket.id, changed)
        self.attributes[ticket.id] = {field: value for field, value in given.items() if field not in known}
        return web.json_response({"custom_attributes": given})

    async def _labels(self, request: web.Request) -> web.Response:
        ticket = self.found(request)
        self.set_tags(ticket.id, (await request.json())["labels"])
        return web.json_response({"payload": ticket.tags})

    async def _list(self, request: web.Request) -> web.Response:
        assert request.query["status"] == "all"
        found = self.since(self.now() - int(request.query["updated_within"]))
        return web.json_response({"data": {"meta": {}, "payload": [self._json(one) for one in found]}})

    async def _messages(self, request: web.Request) -> web.Response:
        assert request.query["after"] == "0"
        own = {"message_type": 0, "content": self.found(request).text, "private": False}
        return web.json_response({"payload": [{"message_type": 2, "content": "Conversation was opened"}, own]})
