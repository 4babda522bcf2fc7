"""The service around the evidence: when it ends, when it begins anew, and what it says of missing rights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import time
from typing import cast

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord, TopicPartition
from prometheus_client import CollectorRegistry
from triage_models.bundle.manifest import Manifest
from triage_schemas.events import LabelEvent, ReviewEvent, ThresholdEvent
from triage_worker.audit import service
from triage_worker.audit.answers import Answer
from triage_worker.audit.evidence import Evidence
from triage_worker.audit.service import AuditFollower
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.control_topic import Decisions, bundle_key

from tests.worker.audit.streams import MANIFEST, answers, placed
from tests.worker.fakes import record

BROKEN = list(answers([0.03] * 300 + [0.4] * 300))


class FakeTopics:
    """Answers and decisions as a broker would have them, without one.

    Args:
        answers: that are there at the beginning.
        decided: what the control topic says at each look, in turn; the last one stays.
    """

    def __init__(self, answers: list[LabelEvent], decided: list[ThresholdEvent | None]) -> None:
        self._answers = answers
        self._decided = decided
        self.polls = 0
        self.last: ConsumerRecord | None = None

    async def read_all(self, manifest: Manifest, *, advise_only: bool) -> Evidence:
        return Evidence(manifest, self._decided[0], advise_only=advise_only)

    def decided(self, _: Manifest) -> ThresholdEvent | None:
        return self._decided.pop(0) if len(self._decided) > 1 else self._decided[0]

    async def read_decisions_again(self) -> None:
        pass

    def last_record(self, _: Manifest) -> ConsumerRecord | None:
        return self.last

    async def answers_now(self) -> list[Answer]:
        return placed(self._answers)

    async def next(self) -> tuple[list[ReviewEvent], list[Answer]]:
        self.polls += 1
        assert self.polls < 10, "it goes on although it should begin anew"
        return [], []


def follower(monkeypatch: pytest.MonkeyPatch, *turns: FakeTopics | Exception, act: bool = False) -> AuditFollower:
    """Make a follower that gets these topics, or these errors, in turn."""
    left = list(turns)

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[FakeTopics]:
        now = left.pop(0)
        if isinstance(now, Exception):
            raise now
        yield now

    async def visible(_: Settings, topic: str) -> None:
        assert topic == Settings().control_topic

    monkeypatch.setattr(service, "open_topics", opened)
    monkeypatch.setattr(service, "audited_manifest", lambda _: MANIFEST)
    monkeypatch.setattr(service, "RETRY_S", 0.0)
    monkeypatch.setattr(topics, "require_visible", visible)
    return AuditFollower(Settings(), CollectorRegistry(), act=act)


def decision() -> ThresholdEvent:
    return Evidence(MANIFEST, None, advise_only=False).add_answers(placed(BROKEN))[0]


async def test_it_begins_anew_from_another_decision_of_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two services that act have decided at the same time."""
    own = decision()
    other = own.model_copy(update={"threshold": own.threshold + 0.001})
    fake = FakeTopics([], [own, own, own, other])
    ended = follower(monkeypatch, fake, RuntimeError("the test is over"))
    with pytest.raises(RuntimeError, match="the test is over"):
        await ended.run()
    assert 0 < fake.polls < 4


async def test_a_missing_right_at_the_start_ends_it_with_the_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = follower(monkeypatch, TopicAuthorizationFailedError({"customer.labels"}))
    with pytest.raises(ConfigError, match=r"Read on the topic customer\.labels"):
        await ended.run()


async def test_a_right_that_is_revoked_later_makes_it_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = TopicAuthorizationFailedError({"customer.labels"})
    fake = FakeTopics([], [None, None, None, decision()])
    goes_on = follower(monkeypatch, fake, refused, RuntimeError("the test is over"))
    with pytest.raises(RuntimeError, match="the test is over"):
        await goes_on.run()
    assert goes_on.down is not None
    assert "Read on the topic customer.labels" in goes_on.down


async def test_a_refused_decision_names_the_right_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refused:
        async def __aenter__(self) -> "Refused":
            return self

        async def __aexit__(self, *_: object) -> None:
            pass

        async def send_and_wait(self, topic: str, *_: object, **__: object) -> None:
            raise TopicAuthorizationFailedError(topic)

    monkeypatch.setattr(service, "producer", lambda _: Refused())
    fake = FakeTopics(BROKEN, [None])
    goes_on = follower(monkeypatch, fake, RuntimeError("the test is over"), act=True)
    with pytest.raises(RuntimeError, match="the test is over"):
        await goes_on.run()
    assert goes_on.down is not None
    assert "Write on the topic customer.intents.control" in goes_on.down


class Sender:
    """A producer that remembers what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[ThresholdEvent, dict[str, object]]] = []

    async def __aenter__(self) -> "Sender":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def send_and_wait(self, _: str, value: bytes, *, key: bytes, headers: object, **where: object) -> None:
        self.sent.append((ThresholdEvent.read(value), where))


async def decide(monkeypatch: pytest.MonkeyPatch, fake: FakeTopics) -> Sender:
    """Run an audit that acts until it begins anew; returns what it has sent."""
    sender = Sender()
    monkeypatch.setattr(service, "producer", lambda _: sender)
    ended = follower(monkeypatch, fake, RuntimeError("the test is over"), act=True)
    with pytest.raises(RuntimeError, match="the test is over"):
        await ended.run()
    return sender


async def test_it_publishes_no_decision_if_another_service_was_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other decision is on the topic when the answers have been read, which may take minutes."""
    [(published, where)] = (await decide(monkeypatch, FakeTopics(BROKEN, [None]))).sent
    assert (published.version, where) == (1, {})
    faster = FakeTopics(BROKEN, [None, decision().model_copy(update={"threshold": 0.9})])
    assert (await decide(monkeypatch, faster)).sent == []


@pytest.mark.parametrize("ahead_ms", [0, 3_600_000])
async def test_its_decision_is_behind_the_last_record_whatever_clocks_say(
    monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    """The last record was written by hand into another partition, perhaps by a clock that is ahead."""
    now_ms = int(time() * 1000)
    fake = FakeTopics(BROKEN, [None])
    fake.last = record(TopicPartition("control", 3), 5, None, timestamp=now_ms + ahead_ms)
    [(published, where)] = (await decide(monkeypatch, fake)).sent
    later = {"partition": 3, "timestamp_ms": fake.last.timestamp + 1}
    decisions = Decisions()
    key = bundle_key(published.model.name, published.model.version)
    newest = record(
        TopicPartition("control", 3), 6, published.write(), key, timestamp=cast("int", where["timestamp_ms"])
    )
    decisions.update([newest, record(TopicPartition("control", 0), 9, None, key, timestamp=fake.last.timestamp)])
    assert decisions.of(key) == published
    assert where["partition"] == 3
    assert ahead_ms == 0 or where == later
