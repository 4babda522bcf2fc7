"""A right that goes away while a service runs. Who waits for it and who ends is in docs/security.md."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.kafka.broker import free_ports
from tests.kafka.processes import eventually
from tests.kafka.rights import documented
from tests.kafka.secured import Secured
from tests.kafka.test_rights import Shop, helpdesk_settings, opened, refused
from tests.kafka.test_router import intent
from tests.kafka.test_service import get, ready
from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk import fakes as helpdesk_fakes
from tests.worker.helpdesk.fakes import ticket

pytestmark = pytest.mark.kafka


@pytest.fixture
async def shop(secured: Secured, tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(secured, tmp_path) as made:
        yield made


async def test_the_router_ends_and_goes_on_where_it_was(shop: Shop, tmp_path: Path) -> None:
    topic = shop.names["tickets_topic"]
    rights = documented("router")
    (gone,) = [right for right in rights if right.name == topic]
    async with shop.allowed("router", rights):
        await shop.skip("router", shop.bench.output)
        router = shop.start("router", state_dir=str(tmp_path / "state"))
        await router.has_said("Partitions assigned", 60)
        await shop.secured.take("router", [gone])
        await shop.bench.send(shop.bench.output, [intent(1, "chat-of-the-router", "WISMO")])
        assert await router.exit_code() == 2, router.said()
        assert topic in router.said().splitlines()[-1]
        assert "Traceback" not in router.said()
        await shop.secured.allow("router", [gone])
        again = shop.start("router", state_dir=str(tmp_path / "state"))
        await eventually(lambda: shop.newest(topic, "chat-of-the-router"), 60, again.said)
        await shop.ended(again)


async def test_the_helpdesk_ends_and_goes_on_where_it_was(shop: Shop) -> None:
    there = helpdesk_fakes.FakeZendesk(["ok"])
    rights = documented("helpdesk")
    topic = shop.names["tickets_topic"]
    (gone,) = [right for right in rights if right.name == topic]
    async with shop.allowed("helpdesk", rights), there.running() as site:
        await shop.skip("helpdesk", topic)
        (port,) = free_ports(1)
        settings = helpdesk_settings(site) | {"http_host": "127.0.0.1", "http_port": str(port)}
        helpdesk = shop.start("helpdesk", **settings)
        await eventually(lambda: ready(port), 60, helpdesk.said)
        await shop.secured.take("helpdesk", [gone])
        assert await helpdesk.exit_code() == 2, helpdesk.said()
        assert topic in helpdesk.said().splitlines()[-1]
        assert "Traceback" not in helpdesk.said()
        made = ticket(number=8)
        await shop.bench.send(topic, [(b"t", made.write(), [])])
        await shop.secured.allow("helpdesk", [gone])
        again = shop.start("helpdesk", **settings)

        async def handed_over() -> bool:
            return made.ticket_id in {one["external_id"] for one in there.tickets.values()}

        await eventually(handed_over, 60, again.said)
        await shop.ended(again)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.torture
async def test_the_fallback_waits(shop: Shop, delivery: str) -> None:
    rights = documented("fallback", exactly_once=delivery == "exactly_once")
    (gone,) = [right for right in rights if right.name == shop.bench.output]
    (port,) = free_ports(1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(shop.allowed("fallback", rights))
        server = await stack.enter_async_context(LlmServer(always(lambda: answer("WISMO"))))
        fallback = shop.start(
            "fallback",
            delivery=delivery,
            llm_url=server.url,
            llm_model="stand-in",
            http_host="127.0.0.1",
            http_port=str(port),
        )
        await eventually(lambda: ready(port), 60, fallback.said)
        await shop.secured.take("fallback", [gone])
        asked = event(f"asked without a right, {delivery}", 3)
        await shop.bench.send(shop.bench.fallback, [(b"k", asked.write(), [])])
        await eventually(lambda: refused(port, gone), 60, fallback.said)
        assert (await get(port, "/livez"))[0] == 200
        await shop.secured.allow("fallback", [gone])
        await shop.bench.answered(topic=shop.bench.fallback)
        await eventually(lambda: ready(port), 60, fallback.said)
        await shop.ended(fallback)
