"""Each service with a user of its own, who has the rights that docs/security.md lists and no others."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import orjson
import pytest
from triage_schemas.channels import CHANNELS
from triage_worker.config.settings import Settings
from triage_worker.kafka.topic_reader import open_reader, read_topic

from tests.kafka.acls import Acl, documented_acls
from tests.kafka.endpoints import Endpoints
from tests.kafka.fake_worker import FakeClassifier
from tests.kafka.harness import DELIVERIES, Record
from tests.kafka.processes import eventually
from tests.kafka.router_harness import intent_record
from tests.kafka.secured_services import SecuredServices, reports_missing, zendesk_settings
from tests.kafka.test_audit import decided
from tests.worker.audit.streams import answers
from tests.worker.fallback.events import event
from tests.worker.fallback.llm_server import LlmServer, always, answer
from tests.worker.helpdesk.desks import event as ticket_event
from tests.worker.helpdesk.fakes import FakeZendesk, ticket
from tests.worker.helpdesk.standins.zendesk import ZendeskDesk
from tests.worker.review.test_review import review

pytestmark = pytest.mark.kafka

IN_EVERY_RUN = ("customer.intents.fallback", "triage-worker", "triage-triage-worker-")
"""The worker's resources, one of each kind, whose rights every run takes away; for the others it takes as long."""


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_worker_needs_only_its_documented_rights(services: SecuredServices, delivery: str) -> None:
    async with services.granted("worker", documented_acls("worker", exactly_once=delivery == "exactly_once")):
        await services.send_messages(f"with-rights-{delivery}", range(15))
        worker = services.start("worker", delivery=delivery)
        await services.kafka.wait_until_committed()
        await services.terminate(worker)
    by_topic = sorted(range(15), key=lambda number: number % 3)
    assert await services.answered(f"with-rights-{delivery}") == by_topic


async def test_a_worker_that_audits_needs_only_its_documented_rights(services: SecuredServices) -> None:
    async with services.granted("worker", documented_acls("worker", audit=True)):
        await services.send_messages("audited", range(15))
        worker = services.start("worker", audit_share="1")
        await services.kafka.wait_until_committed()
        await services.terminate(worker)
    assert await services.contains(services.topics["review_topic"], "audited")
    control = services.topics["control_topic"]
    await services.kafka.send(control, [(b"x", b"{", [])])
    review = [acl for acl in documented_acls("worker", audit=True) if acl.name != control]
    for shown in ([], [Acl("topic", control, False, "Describe")]):
        async with services.granted("worker", [*review, *shown]):
            worker = services.start("worker", audit_share="1")
            assert await worker.exit_code() == 2
            assert f"Read on the topic {control}" in worker.log_text(), "nobody can tell what was decided"


async def test_a_worker_that_may_no_longer_read_the_control_topic_goes_on_by_the_last_threshold(
    services: SecuredServices,
) -> None:
    """It stays ready, says so once, and follows again when the right is granted again."""
    endpoints, control = Endpoints(), services.topics["control_topic"]
    name = FakeClassifier.bundle.name
    acls = documented_acls("worker", audit=True)
    reading = [acl for acl in acls if acl.name == control]

    async def shows(version: int, followed: int) -> None:
        async def found() -> bool:
            series = ('triage_threshold_version{serves="*"}', "triage_control_topic_followed")
            return [await endpoints.metric(one) for one in series] == [version, followed]

        await eventually(found, 60, worker.log_text)

    async with services.granted("worker", acls):
        worker = services.start("worker", audit_share="0.5", **endpoints.settings)
        await eventually(endpoints.ready, 60, worker.log_text)
        await services.kafka.send(control, [decided(0.95, 1, name)])
        await shows(1, 1)
        await services.broker.revoke("worker", reading)
        await shows(1, 0)
        await services.kafka.send(control, [decided(0.96, 2, name)])
        await services.send_messages("lost", range(15))
        await services.kafka.wait_until_committed()
        assert await endpoints.ready()
        assert await endpoints.metric('triage_threshold_version{serves="*"}') == 1.0
        await services.broker.grant("worker", reading)
        await shows(2, 1)
        await services.terminate(worker)
        await services.kafka.send(control, [(f"{name}:1".encode(), None, [])])
    log = worker.log_text()
    assert log.count("The control topic cannot be read; the last threshold holds") == 1
    assert f"Read on the topic {control}" in log
    assert log.count("The control topic is followed again") == 1


@pytest.mark.parametrize("acting", [False, True])
async def test_the_audit_needs_only_its_documented_rights(services: SecuredServices, acting: bool) -> None:
    labels: list[Record] = [(b"k", label.write(), []) for label in answers([0.03] * 300 + [0.5] * 200)]
    await services.kafka.send(services.topics["labels_topic"], labels)
    rights = [acl for acl in documented_acls("audit", audit=True) if acting or acl.operation == "Read"]
    module = f"triage_worker audit --follow{' --act' if acting else ''}"
    async with services.granted("audit", rights):
        audit = services.kafka.start(module=module, **services.broker.login("audit"))
        await audit.wait_for_log("The threshold is changed" if acting else "The audit advises")
        await audit.wait_for_log("The audit follows")
        await services.terminate(audit)


async def test_the_router_needs_only_its_documented_rights(services: SecuredServices, tmp_path: Path) -> None:
    async with services.granted("router", documented_acls("router")):
        intents = [intent_record(number, f"chat-{number}", "WISMO", keyed=bool(number % 2)) for number in range(10)]
        await services.kafka.send(services.kafka.output, [*intents, (b"k", b"no event", [])])
        router = services.start("router", state_dir=str(tmp_path / "state"))
        await services.kafka.wait_until_committed(90, topic=services.kafka.output)
        tickets_topic = services.topics["tickets_topic"]
        await eventually(partial(services.contains, tickets_topic, "chat-8"), 60, router.log_text)
        await services.terminate(router)
    assert await services.contains(services.kafka.dead_letters, "no event")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_fallback_needs_only_its_documented_rights(services: SecuredServices, delivery: str) -> None:
    acls = documented_acls("fallback", exactly_once=delivery == "exactly_once", budget=True)
    async with services.granted("fallback", acls), LlmServer(always(lambda: answer("WISMO"))) as server:
        for_llm = [event(f"asked {delivery} {number}", number) for number in range(5)]
        for_review = event(f"greeting {delivery}", 5, reason="out_of_scope")
        records: list[Record] = [(b"k", sent.write(), []) for sent in (*for_llm, for_review)]
        await services.kafka.send(services.kafka.fallback, [*records, (b"k", b"no event", [])])
        fallback = services.start(
            "fallback", delivery=delivery, llm_url=server.url, llm_model="fake", llm_calls_per_hour="100"
        )
        await services.kafka.wait_until_committed(topic=services.kafka.fallback)
        await services.terminate(fallback)
    assert await services.contains(services.topics["labels_topic"], f"asked {delivery} 4")


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_the_review_needs_only_its_documented_rights(services: SecuredServices, delivery: str) -> None:
    async with services.granted("review", documented_acls("review", exactly_once=delivery == "exactly_once")):
        requests = [review(f"{word} {delivery}", number) for number, word in enumerate(("decided", "put off"))]
        topic = services.topics["review_topic"]
        await services.skip("review", topic)
        await services.kafka.send(topic, [*((b"k", sent.write(), []) for sent in requests), (b"k", b"no event", [])])
        terminal = services.open_review(delivery=delivery)
        for word, key in (("decided", "1"), ("put off", "-")):
            await terminal.wait_for(f"{word} {delivery}")
            await terminal.wait_for("leave")
            terminal.press(key)
            await terminal.wait_for("→")
        terminal.press("q")
        await terminal.wait_for("1 decided, 1 put off.")
        assert await terminal.exit_code() == 0
    assert await services.contains(services.topics["labels_topic"], f"decided {delivery}")


async def test_the_helpdesk_needs_only_its_documented_rights(services: SecuredServices) -> None:
    zendesk = FakeZendesk(["ok"])
    async with services.granted("helpdesk", documented_acls("helpdesk")), zendesk.running() as url:
        opened = ticket(number=7)
        await services.kafka.send(
            services.topics["tickets_topic"], [(b"t", opened.write(), []), (b"k", b"no ticket", [])]
        )
        helpdesk = services.start("helpdesk", **zendesk_settings(url))
        dead_letters = services.kafka.dead_letters
        await eventually(partial(services.contains, dead_letters, "no ticket"), 60, helpdesk.log_text)
        await services.terminate(helpdesk)
    assert opened.ticket_id in {created["external_id"] for created in zendesk.tickets.values()}


async def test_the_helpdesk_learns_from_agents_with_its_documented_rights(services: SecuredServices) -> None:
    desk = ZendeskDesk()
    desk.open(71)
    acls = documented_acls("helpdesk", learning=True)
    async with services.granted("helpdesk", acls), desk.running() as url:
        await services.kafka.send(services.topics["tickets_topic"], [(b"t", ticket_event(of=71).write(), [])])
        settings = zendesk_settings(url) | {"helpdesk_poll_s": "1", "helpdesk_per_minute": "60000"}
        helpdesk = services.start("helpdesk", **settings)

        async def written_and_read() -> bool:
            calls = [path for _, path in desk.calls]
            return "triage" in desk.desk[71].tags and any("incremental" in path for path in calls[-20:])

        await eventually(written_and_read, 60, helpdesk.log_text)
        await services.terminate(helpdesk)


async def test_replay_and_learn_need_only_their_documented_rights(services: SecuredServices) -> None:
    input_topic, labels_topic = services.kafka.input, services.topics["labels_topic"]
    async with services.granted("worker", documented_acls("worker")):
        await services.kafka.produce([(b"k", b"{ to be replayed")])
        worker = services.start("worker")
        await services.kafka.wait_until_committed()
        await services.terminate(worker)
    async with services.granted("replay", documented_acls("replay")):
        arguments = ("replay", "--yes", "--code", "not_json", "--topic", input_topic)
        code, output = await services.run_command("replay", *arguments)
        assert code == 0, output
        assert "hush" not in output
    found = [record for record in await services.kafka.read(input_topic) if record.value == b"{ to be replayed"]
    assert len(found) == 2
    await services.kafka.send(labels_topic, [(b"k", orjson.dumps({"text": "a", "label": "b"}), [])])
    async with (
        services.granted("learn", documented_acls("learn")),
        open_reader(Settings.load(**services.broker.login("learn"))) as consumer,
    ):
        assert [records async for records in read_topic(consumer, labels_topic)]


async def test_forgetting_a_customer_needs_only_its_documented_rights(services: SecuredServices) -> None:
    tickets = services.topics["tickets_topic"]
    await services.kafka.send(tickets, [(b"t-forget", b'{"customer_id": "c-forget"}', [])])
    async with services.granted("forget", documented_acls("forget")):
        code, output = await services.run_command("forget", "forget", "--customer", "c-forget")
        assert (code, output.splitlines()[0].startswith(f"{tickets}: 1 ticket, 1 tombstone written")) == (0, True), (
            output
        )
        assert "may not see" not in output
    code, output = await services.run_command("stranger", "forget", "--customer", "c-forget")
    assert (code, f"Read and Write on the topic {tickets}" in output) == (2, True), output


async def test_the_topics_check_needs_only_its_documented_rights(services: SecuredServices) -> None:
    async with services.granted("check", documented_acls("check")):
        code, output = await services.run_command("check", "topics", "check")
        assert (code, output.splitlines()[0]) == (0, "All topics exist and are configured as they should be.")


async def test_a_user_without_rights_can_neither_create_nor_check_topics(services: SecuredServices) -> None:
    code, output = await services.run_command("stranger", "topics", "create")
    assert code == 2
    assert re.search(r"refuses this user Create on the topic customer\.intents, .*: grant it", output), output
    code, output = await services.run_command("stranger", "topics", "check")
    assert code == 1
    assert output.count("is not shown to this user: grant it Describe") == len(CHANNELS), output


def _single_rights(*services: tuple[str, bool]) -> Iterator[object]:
    for service, exactly_once in services:
        for acl in documented_acls(service, exactly_once=exactly_once, budget=True):
            quick = service == "worker" and acl.name in IN_EVERY_RUN
            yield pytest.param(service, acl, id=f"{service}: {acl}", marks=[] if quick else pytest.mark.torture)


@pytest.mark.parametrize(
    ("service", "missing"),
    [*_single_rights(("worker", True), ("router", False), ("fallback", True), ("helpdesk", False))],
)
async def test_without_one_right_a_service_names_it_and_ends(
    services: SecuredServices, service: str, missing: Acl
) -> None:
    acls = documented_acls(service, exactly_once=True, budget=True)
    # All operations on the resource are missing: with any one of them, the topic could still be seen.
    others = [acl for acl in acls if (acl.kind, acl.name) != (missing.kind, missing.name)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(services.granted(service, others))
        server = await stack.enter_async_context(LlmServer(always(lambda: answer("WISMO"))))
        settings: Mapping[str, Mapping[str, str]] = {
            "worker": {"delivery": "exactly_once"},
            "fallback": {
                "delivery": "exactly_once",
                "llm_url": server.url,
                "llm_model": "fake",
                "llm_calls_per_hour": "100",
            },
            "helpdesk": zendesk_settings("http://127.0.0.1:9"),
        }
        process = services.start(service, log_level="ERROR", **settings.get(service, {}))
        assert await process.exit_code() == 2, process.log_text()
    assert "Traceback" not in process.log_text()
    line = process.log_text().splitlines()[-1]
    assert missing.name in line
    assert missing.operation in line or "Create" in line
    assert "hush" not in process.log_text()


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_worker_waits_for_a_revoked_right_and_loses_nothing(services: SecuredServices, delivery: str) -> None:
    """The worker is not ready, names the missing right, and needs no restart when the right is granted again."""
    endpoints = Endpoints()
    acls = documented_acls("worker", exactly_once=delivery == "exactly_once")
    reading, writing = acls[0], acls[1]
    # With Describe the topics remain visible, so only the attempt to use them shows the missing right.
    visible = [Acl("topic", acl.name, False, "Describe") for acl in (reading, writing)]
    async with services.granted("worker", [*acls, *visible]):
        worker = services.start("worker", delivery=delivery, **endpoints.settings)
        await eventually(endpoints.ready, 60, worker.log_text)
        for turn, acl in enumerate((writing, reading)):
            await services.broker.revoke("worker", [acl])
            await services.send_messages(f"revoked-{delivery}", range(30 * turn, 30 * turn + 30))
            await eventually(partial(reports_missing, acl, endpoints), 60, worker.log_text)
            assert (await endpoints.get("/livez"))[0] == 200
            await services.broker.grant("worker", [acl])
            await services.kafka.wait_until_committed()
            await eventually(endpoints.ready, 60, worker.log_text)
        metrics = await endpoints.metrics()
        await services.terminate(worker)
    assert "hush" not in metrics
    answered = await services.answered(f"revoked-{delivery}")
    assert list(dict.fromkeys(answered)) == sorted(range(60), key=lambda number: number % 3)
    assert delivery == "at_least_once" or len(answered) == 60
