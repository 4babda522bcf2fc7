"""The service around the evidence: when it ends, when it begins anew, and what it says of missing rights."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from prometheus_client import CollectorRegistry
from triage_models.bundle.manifest import Manifest
from triage_schemas.events import LabelEvent, ReviewEvent, ThresholdEvent
from triage_worker.audit import service
from triage_worker.audit.evidence import Evidence
from triage_worker.audit.service import AuditFollower
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics

from tests.worker.audit.streams import MANIFEST, answers

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

    async def read_all(self, manifest: Manifest, *, advise_only: bool) -> Evidence:
        return Evidence(manifest, self._decided[0], advise_only=advise_only)

    def decided(self, _: Manifest) -> ThresholdEvent | None:
        return self._decided.pop(0) if len(self._decided) > 1 else self._decided[0]

    async def answers_now(self) -> list[LabelEvent]:
        return self._answers

    async def next(self) -> tuple[list[ReviewEvent], list[LabelEvent]]:
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
    return Evidence(MANIFEST, None, advise_only=False).add_answers(BROKEN)[0]


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
