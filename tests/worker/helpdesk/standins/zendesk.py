"""A stand-in for Zendesk's Ticketing API: an optimistic lock (409), incremental export by cursor, audits."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aiohttp import web

from tests.worker.helpdesk.fakes import USER
from tests.worker.helpdesk.standins.base import OUR_USER, DeskTicket, StandIn, iso, number


class ZendeskDesk(StandIn):
    """Writes with a stamp that is not the ticket's are refused."""

    user = f"{USER}/token"
    FIELDS: ClassVar[Mapping[str, int | str]] = {"intent": 501, "confidence": 502, "field.order": 503}

    def routes(self, app: web.Application) -> None:
        app.router.add_get("/api/v2/users/me.json", self._me)
        app.router.add_get("/api/v2/incremental/tickets/cursor.json", self._export)
        app.router.add_get("/api/v2/tickets.json", self._search)
        app.router.add_post("/api/v2/tickets.json", self._create)
        app.router.add_get(r"/api/v2/tickets/{id:\d+}.json", self._read)
        app.router.add_put(r"/api/v2/tickets/{id:\d+}.json", self._write)
        app.router.add_get(r"/api/v2/tickets/{id:\d+}/comments.json", self._comments)
        app.router.add_get(r"/api/v2/tickets/{id:\d+}/audits.json", self._audits)

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"user": {"id": OUR_USER}})

    async def _search(self, _: web.Request) -> web.Response:
        return web.json_response({"tickets": []})

    async def _create(self, _: web.Request) -> web.Response:
        self.created += 1
        return web.json_response({"ticket": {"id": 1}}, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        return web.json_response({"ticket": self._json(self.found(request))})

    async def _write(self, request: web.Request) -> web.Response:
        given = (await request.json())["ticket"]
        ticket = self.found(request)
        self.interrupt(ticket.id)
        if given.pop("safe_update", False) and given.pop("updated_stamp") != iso(ticket.updated):
            return web.json_response({"error": "UpdateConflict"}, status=409)
        if ticket.closed:
            raise self.refusal("status")
        values = {self.named(one["id"]): one["value"] for one in given.get("custom_fields", ())}
        values |= {"priority": given["priority"]} if "priority" in given else {}
        values |= {"group": str(given["group_id"])} if "group_id" in given else {}
        self.check(values)
        self.change(ticket.id, values)
        if "tags" in given:
            self.set_tags(ticket.id, given["tags"])
        return web.json_response({"ticket": self._json(ticket)})

    def _json(self, ticket: DeskTicket) -> dict[str, Any]:
        status = "closed" if ticket.closed or ticket.merged else "solved" if ticket.solved else "open"
        return {
            "id": ticket.id,
            "status": status,
            "requester_id": 5,
            "priority": ticket.values["priority"],
            "group_id": number(ticket.values["group"]),
            "tags": [*ticket.tags, *(["closed_by_merge"] if ticket.merged else [])],
            "custom_fields": [{"id": int(known), "value": value} for known, value in self.custom(ticket).items()],
            "updated_at": iso(ticket.updated),
        }

    async def _export(self, request: web.Request) -> web.Response:
        assert request.query["include"] == "metric_sets"
        updated, _, last = request.query.get("cursor", "").partition("|")
        begin = (float(updated), int(last)) if last else (float(request.query["start_time"]), 0)
        later = [one for one in self.since(begin[0]) if (one.updated, one.id) > begin]
        page = later[: self.page]
        after = f"{page[-1].updated!r}|{page[-1].id}" if page else f"{begin[0]!r}|{begin[1]}"
        shown = [{**self._json(one), "metric_set": {"reopens": one.reopens}} for one in page]
        return web.json_response(
            {"tickets": shown, "after_cursor": after, "end_of_stream": len(later) <= self.page, "after_url": ""}
        )

    async def _comments(self, request: web.Request) -> web.Response:
        ticket = self.found(request)
        note = {"author_id": OUR_USER, "public": False, "plain_body": "a note"}
        own = {"author_id": 5, "public": True, "plain_body": ticket.text, "body": ticket.text}
        return web.json_response({"comments": [note, own, {**own, "plain_body": "and thanks"}]})

    async def _audits(self, request: web.Request) -> web.Response:
        fields = {"group": "group_id", **{name: str(known) for name, known in self.FIELDS.items()}}
        audits = [
            {
                "author_id": one.agent,
                "created_at": iso(one.at),
                "via": {"channel": "web"},
                "events": [
                    {
                        "type": "Change",
                        "field_name": fields.get(one.name, one.name),
                        "value": one.value,
                        "via": {"channel": "rule" if one.agent == -1 else "web"},
                    }
                ],
            }
            for one in self.found(request).history
        ]
        return web.json_response({"audits": audits})
