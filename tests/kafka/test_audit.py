"""The audit on a real Kafka: requests of the worker, also of one that is killed."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterable

import pytest
from triage_models.audit.selection import AuditPolicy
from triage_schemas.events import LabelEvent, ModelRef, ReviewEvent, ThresholdEvent

from tests.kafka import admin
from tests.kafka.endpoints import Endpoints
from tests.kafka.fake_worker import FakeClassifier
from tests.kafka.harness import KafkaHarness, Record, conversations, environment
from tests.kafka.processes import eventually
from tests.records import headers_of, json_of
from tests.worker.audit.streams import BUNDLE, FLOOR, NOON, answer, answers, request

pytestmark = pytest.mark.kafka


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_the_selected_messages_are_published_and_asked_about_also_by_a_worker_that_is_killed(
    harness: KafkaHarness, delivery: str, share: float
) -> None:
    review = f"review-{harness.group}"
    await harness.create_topics()
    await admin.create_topics(harness.bootstrap, [review], partitions=3)
    sent = await harness.produce(conversations(2_000))
    settings = {"delivery": delivery, "audit_share": str(share), "review_topic": review}
    killed = harness.start(FAKE_DELAY_S="0.1", **settings)
    await harness.wait_for_first_commit()
    killed.kill()
    async with harness.committed_messages() as committed:
        assert 0 < await committed() < len(sent)
    worker = harness.start(**settings)
    outcomes = await harness.verify_delivery([worker], sent, repeats_allowed=delivery == "at_least_once")
    intents = [json_of(record) for record in await harness.read(harness.output)]
    requests = await harness.read(review)
    policy = AuditPolicy(share)
    selected = {value["message_id"] for value in intents if policy.select(value["message_id"], 0.9).selected}
    asked = [json_of(record) for record in requests]
    assert {value["message_id"] for value in asked} == selected
    assert 0.8 * share < len(selected) / outcomes.counts["accepted"] <= 1.2 * share
    assert len({headers_of(record)["ce_id"] for record in requests}) == len(selected)
    if delivery == "exactly_once":
        assert len(requests) == len(selected)
        assert outcomes.counts["accepted"] + outcomes.counts["fallback"] == len(sent)
    for value in asked:
        assert (value["audit"], value["audit_probability"], value["threshold_version"]) == (True, share, 0)
        assert value["text"].startswith("message ")
        assert "reason" not in value
    assert all("text" not in value for value in intents)


async def test_a_worker_that_audits_does_not_start_without_a_place_to_ask(harness: KafkaHarness) -> None:
    await harness.create_topics()
    worker = harness.start(audit_share="0.1", review_topic=f"missing-{harness.group}")
    assert await worker.exit_code() == 2
    assert "TRIAGE_REVIEW_TOPIC" in worker.log_text()


STEADY = list(answers([0.03] * 300))
BROKEN = list(answers([0.03] * 300 + [0.4] * 300))[300:]
COMMAND = "triage_worker audit"


class AuditTopics:
    """The topics of an audit, and what is on them."""

    def __init__(self, harness: KafkaHarness) -> None:
        self.harness = harness
        self.settings = {
            "review_topic": f"review-{harness.group}",
            "labels_topic": f"labels-{harness.group}",
            "control_topic": f"control-{harness.group}",
        }

    async def create(self, *, control: bool = True) -> None:
        """Create the topics, the control topic only if it is wanted."""
        names = [name for key, name in self.settings.items() if control or key != "control_topic"]
        compact = {self.settings["control_topic"]: {"cleanup.policy": "compact"}} if control else {}
        await admin.create_topics(self.harness.bootstrap, names, 2, 1, compact)

    async def ask(self, events: Iterable[ReviewEvent]) -> None:
        """Write requests."""
        records: list[Record] = [(event.message_id.encode(), event.write(), []) for event in events]
        await self.harness.send(self.settings["review_topic"], records)

    async def answer(self, labels: Iterable[LabelEvent]) -> None:
        """Write answers, and what is no answer."""
        records: list[Record] = [(label.message_id.encode(), label.write(), []) for label in labels]
        await self.harness.send(self.settings["labels_topic"], [*records, (b"x", b"{", [])])

    async def report(self) -> tuple[int, dict[str, object]]:
        """Run the command once; returns its exit code and its report."""
        variables = environment(bootstrap_servers=self.harness.bootstrap, **self.settings)
        command = [sys.executable, "-m", *COMMAND.split(), "--json"]
        done = await asyncio.to_thread(
            subprocess.run, command, env=variables, capture_output=True, text=True, check=False
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    async def decisions(self) -> list[ThresholdEvent]:
        """Read the control topic."""
        return [
            ThresholdEvent.read(record.value or b"")
            for record in await self.harness.read(self.settings["control_topic"])
        ]


@pytest.fixture
def audit(harness: KafkaHarness) -> AuditTopics:
    return AuditTopics(harness)


async def test_one_report_is_made_of_what_the_topics_hold(audit: AuditTopics) -> None:
    await audit.create(control=False)
    await audit.ask(request(number, 0.96) for number in range(400))
    await audit.answer(reversed([*STEADY, answer(9_000, 0.9, wrong=True, decided_by="llm")]))
    code, report = await audit.report()
    assert code == 0
    assert (report["requests"], report["answers"], report["alarms"]) == (400, 300, [])
    assert (report["threshold"], report["threshold_version"], report["advice"]) == (FLOOR, 0, None)
    overall = report["overall"]
    assert isinstance(overall, dict)
    wrong = sum(one.audited is not None and not one.audited.agreed for one in STEADY)
    assert (overall["answers"], overall["wrong"]) == (300, wrong)
    assert 0 < overall["error_lower"] < wrong / 300 < overall["error_upper"] < 0.1
    await audit.answer(BROKEN)
    code, report = await audit.report()
    assert code == 1
    assert report["alarms"]
    assert isinstance(report["advice"], dict)


async def test_a_service_follows_the_answers_and_acts_once_also_after_a_kill(audit: AuditTopics) -> None:
    await audit.create()
    await audit.answer(STEADY)
    endpoints = Endpoints()
    first = audit.harness.start(module=f"{COMMAND} --follow --act", **endpoints.settings, **audit.settings)

    async def shows(pattern: str) -> None:
        async def found() -> bool:
            return re.search(pattern, await endpoints.metrics(), re.MULTILINE) is not None

        await eventually(found, 60, first.log_text)

    await shows(r'^triage_audit_answers{intent=""} 300.0')
    assert await endpoints.get("/readyz") == (200, "ok\n")
    assert await audit.decisions() == []
    await audit.answer(BROKEN[:200])
    await shows("^triage_audit_threshold_version [1-9]")
    decided = await audit.decisions()
    assert decided[-1].model == BUNDLE
    assert decided[-1].threshold > FLOOR
    first.kill()
    first = audit.harness.start(module=f"{COMMAND} --follow --act", **endpoints.settings, **audit.settings)
    await shows(r"^triage_audit_threshold_version [1-9]")
    await shows(r"^triage_ready 1.0")
    assert await first.terminate() == 0
    after = await audit.decisions()
    assert after[: len(decided)] == decided
    versions = [one.version for one in after]
    assert versions == sorted(set(versions)), "a version was decided twice"
    _, report = await audit.report()
    assert (report["threshold"], report["threshold_version"]) == (after[-1].threshold, after[-1].version)


async def test_a_service_that_only_advises_writes_nothing(audit: AuditTopics) -> None:
    await audit.create()
    await audit.answer([*STEADY, *BROKEN])
    service = audit.harness.start(module=f"{COMMAND} --follow", **audit.settings)
    await service.wait_for_log("The audit advises another threshold")
    assert await service.terminate() == 0
    assert await audit.decisions() == []


def decided(threshold: float, version: int, name: str, bundle_version: str = "1") -> Record:
    """Make a decision about a bundle, as a record of the control topic."""
    event = ThresholdEvent(
        model=ModelRef(name=name, version=bundle_version),
        version=version,
        threshold=threshold,
        previous=0.5,
        reason="a test",
        alarm="promise",
        estimate=0.01,
        lower=0.06,
        upper=0.2,
        answers=100,
        answered_until=NOON,
        decided_at=NOON,
    )
    return f"{name}:{bundle_version}".encode(), event.write(), []


async def test_all_workers_follow_the_control_topic_and_begin_with_what_was_decided(audit: AuditTopics) -> None:
    """The fake worker's confidence is always 0.9: it accepts nothing while the threshold is above."""
    await audit.create()
    harness, control = audit.harness, audit.settings["control_topic"]
    await harness.create_topics()
    name = FakeClassifier.bundle.name
    await harness.send(control, [decided(0.95, 1, name), (f"{name}:1".encode(), b"garbage", []), (b"x", b"{", [])])
    endpoints = [Endpoints(), Endpoints()]
    workers = [harness.start(**audit.settings, **one.settings, audit_share="0.5") for one in endpoints]
    for worker in workers:
        await worker.wait_for_log("Partitions assigned", 60)

    async def in_force(version: int, *places: Endpoints) -> None:
        async def found() -> bool:
            return {await one.metric('triage_threshold_version{serves="*"}') for one in places} == {float(version)}

        await eventually(found, 30, workers[0].log_text)

    await in_force(1, *endpoints)
    sent = await harness.produce(conversations(300))
    await harness.wait_until_committed()
    outcomes = await harness.outcomes()
    assert (outcomes.counts["accepted"], outcomes.counts["fallback"]) == (0, 300)
    refused = [json_of(record) for record in await harness.read(harness.fallback)]
    assert {(one["threshold"], one["threshold_version"]) for one in refused} == {(0.95, 1)}
    asked = [json_of(record) for record in await harness.read(audit.settings["review_topic"])]
    assert 50 < len(asked) < 150, "what the bundle accepts is audited, also while a higher threshold holds"
    assert {one["reason"] for one in asked} == {"low_confidence"}

    await harness.send(control, [decided(0.1, 2, name)])
    await in_force(2, *endpoints)
    assert {await one.metric('triage_threshold{serves="*"}') for one in endpoints} == {0.5}, "below the bundle's own"
    await harness.send(control, [decided(0.99, 3, "another"), decided(0.92, 3, name)])
    await in_force(3, *endpoints)
    workers[1].kill()
    restarted = harness.start(**audit.settings, **endpoints[1].settings, audit_share="0.5")
    await restarted.wait_for_log("Partitions assigned", 60)
    await in_force(3, *endpoints)
    await harness.send(control, [(f"{name}:1".encode(), None, [])])
    await in_force(0, *endpoints)
    sent += await harness.produce(conversations(300))
    outcomes = await harness.verify_delivery([workers[0], restarted], sent)
    assert outcomes.counts["accepted"] > 0
    assert outcomes.counts["accepted"] + outcomes.counts["fallback"] == 600


async def test_a_worker_that_audits_runs_without_a_control_topic_and_follows_it_once_it_is_there(
    audit: AuditTopics,
) -> None:
    await audit.create(control=False)
    await audit.harness.create_topics()
    endpoints = Endpoints()
    worker = audit.harness.start(**audit.settings, **endpoints.settings, audit_share="0.5")
    await worker.wait_for_log("There is no control topic")
    assert await endpoints.metric('triage_threshold_version{serves="*"}') == 0.0
    await admin.create_topics(audit.harness.bootstrap, [audit.settings["control_topic"]], 1)
    await audit.harness.send(audit.settings["control_topic"], [decided(0.95, 1, FakeClassifier.bundle.name)])

    async def found() -> bool:
        return await endpoints.metric('triage_threshold_version{serves="*"}') == 1.0

    await eventually(found, 40, worker.log_text)
    assert await worker.terminate() == 0


async def test_a_service_goes_on_from_what_somebody_else_has_decided(audit: AuditTopics) -> None:
    await audit.create()
    await audit.answer(STEADY)
    endpoints = Endpoints()
    service = audit.harness.start(module=f"{COMMAND} --follow --act", **endpoints.settings, **audit.settings)

    async def in_force(version: int, threshold: float) -> None:
        async def found() -> bool:
            shown = [await endpoints.metric(f"triage_audit_threshold{name}") for name in ("_version", "")]
            return shown == [float(version), threshold]

        await eventually(found, 60, service.log_text)

    control = audit.settings["control_topic"]
    await in_force(0, FLOOR)
    await audit.harness.send(control, [decided(0.97, 7, BUNDLE.name, BUNDLE.version)])
    await in_force(7, 0.97)
    await audit.harness.send(control, [(f"{BUNDLE.name}:{BUNDLE.version}".encode(), None, [])])
    await in_force(0, FLOOR)
    assert await endpoints.metric('triage_audit_answers{intent=""}') == 300.0
    assert await service.terminate() == 0


async def test_a_decision_that_was_taken_back_while_a_service_acts_is_decided_again_if_answers_ask_for_it(
    audit: AuditTopics,
) -> None:
    """A tombstone leaves nothing open: workers have the bundle's own threshold, then that of the new decision."""
    await audit.create()
    await audit.answer([*STEADY, *BROKEN[:200]])
    service = audit.harness.start(module=f"{COMMAND} --follow --act", **audit.settings)
    key, control = f"{BUNDLE.name}:{BUNDLE.version}".encode(), audit.settings["control_topic"]

    async def decisions(count: int) -> list[ThresholdEvent | None]:
        async def found() -> bool:
            return len(await audit.harness.read(control)) >= count

        await eventually(found, 60, service.log_text)
        records = await audit.harness.read(control)
        return [None if record.value is None else ThresholdEvent.read(record.value) for record in records]

    [first] = await decisions(1)
    assert first is not None
    assert first.answered_before is not None
    assert {one.topic for one in first.answered_before} == {audit.settings["labels_topic"]}
    await audit.answer([answer(9_000, 0.99, wrong=False, version=4)])
    await audit.harness.send(control, [(key, None, [])])
    [_, taken_back, again, *_] = await decisions(3)
    assert taken_back is None
    assert again is not None
    assert again.threshold > FLOOR
    assert again.version == 5, "a version that no answer has named"
    records = await audit.harness.read(control)
    assert {record.partition for record in records} == {records[0].partition}
    assert await service.terminate() == 0
