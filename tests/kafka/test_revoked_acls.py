"""Rights that are revoked while a service runs. docs/security.md lists which services wait and which end."""

from functools import partial
from pathlib import Path

import pytest

from tests.kafka.acls import Acl, documented_acls
from tests.kafka.endpoints import Endpoints
from tests.kafka.processes import eventually
from tests.kafka.router_harness import intent_record
from tests.kafka.secured_services import SecuredServices, reports_missing, zendesk_settings
from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.fakes import FakeZendesk, ticket

pytestmark = pytest.mark.kafka

PROGRAMS = ["triage_worker", "tests.kafka.frequent_metadata"]
"""In the first, a fetch usually finds that the right is missing; in the second, the metadata do."""


def only(acls: list[Acl], topic: str) -> Acl:
    """Return the one right on a topic."""
    (found,) = [acl for acl in acls if acl.name == topic]
    return found


async def test_the_router_ends_and_continues_where_it_was(services: SecuredServices, tmp_path: Path) -> None:
    topic, acls = services.topics["tickets_topic"], documented_acls("router")
    revoked, conversation = only(acls, topic), f"chat of {tmp_path.name}"
    async with services.granted("router", acls):
        await services.skip("router", services.kafka.output)
        router = services.start("router", state_dir=str(tmp_path / "state"))
        await router.wait_for_log("Partitions assigned", 60)
        await services.broker.revoke("router", [revoked])
        await services.kafka.send(services.kafka.output, [intent_record(1, conversation, "WISMO")])
        assert await router.exit_code() == 2, router.log_text()
        assert topic in router.log_text().splitlines()[-1]
        assert "Traceback" not in router.log_text()
        await services.broker.grant("router", [revoked])
        restarted = services.start("router", state_dir=str(tmp_path / "state"))
        await eventually(partial(services.contains, topic, conversation), 60, restarted.log_text)
        await services.terminate(restarted)


@pytest.mark.parametrize("program", PROGRAMS)
async def test_the_router_ends_without_its_input(services: SecuredServices, tmp_path: Path, program: str) -> None:
    topic, acls = services.topics["output_topic"], documented_acls("router")
    async with services.granted("router", acls):
        await services.skip("router", topic)
        router = services.start("router", program=program, state_dir=str(tmp_path / "state"))
        await router.wait_for_log("Partitions assigned", 60)
        await services.broker.revoke("router", [only(acls, topic)])
        assert await router.exit_code() == 2, router.log_text()
        assert topic in router.log_text().splitlines()[-1]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_the_helpdesk_ends_and_continues_where_it_was(services: SecuredServices, program: str) -> None:
    zendesk = FakeZendesk(["ok"])
    topic, acls = services.topics["tickets_topic"], documented_acls("helpdesk")
    revoked = only(acls, topic)
    async with services.granted("helpdesk", acls), zendesk.running() as url:
        await services.skip("helpdesk", topic)
        endpoints = Endpoints()
        settings = zendesk_settings(url) | endpoints.settings
        helpdesk = services.start("helpdesk", program=program, **settings)
        await eventually(endpoints.ready, 60, helpdesk.log_text)
        await services.broker.revoke("helpdesk", [revoked])
        assert await helpdesk.exit_code() == 2, helpdesk.log_text()
        assert topic in helpdesk.log_text().splitlines()[-1]
        assert "Traceback" not in helpdesk.log_text()
        opened = ticket(number=8)
        await services.kafka.send(topic, [(b"t", opened.write(), [])])
        await services.broker.grant("helpdesk", [revoked])
        restarted = services.start("helpdesk", **settings)

        async def created() -> bool:
            return opened.ticket_id in {created["external_id"] for created in zendesk.tickets.values()}

        await eventually(created, 60, restarted.log_text)
        await services.terminate(restarted)


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.torture
async def test_the_fallback_waits_for_the_right(services: SecuredServices, delivery: str) -> None:
    acls = documented_acls("fallback", exactly_once=delivery == "exactly_once")
    revoked = only(acls, services.kafka.output)
    endpoints = Endpoints()
    async with services.granted("fallback", acls), LlmServer(always(lambda: answer("WISMO"))) as server:
        fallback = services.start(
            "fallback", delivery=delivery, llm_url=server.url, llm_model="fake", **endpoints.settings
        )
        await eventually(endpoints.ready, 60, fallback.log_text)
        await services.broker.revoke("fallback", [revoked])
        asked = event(f"asked without a right, {delivery}", 3)
        await services.kafka.send(services.kafka.fallback, [(b"k", asked.write(), [])])
        await eventually(partial(reports_missing, revoked, endpoints), 60, fallback.log_text)
        assert (await endpoints.get("/livez"))[0] == 200
        await services.broker.grant("fallback", [revoked])
        await services.kafka.wait_until_committed(topic=services.kafka.fallback)
        await eventually(endpoints.ready, 60, fallback.log_text)
        await services.terminate(fallback)
