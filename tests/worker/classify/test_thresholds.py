"""The decisions of the control topic, and the threshold that a bundle accepts by."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_schemas.events import ModelRef, ThresholdEvent
from triage_schemas.records import Threshold
from triage_worker.classify import thresholds
from triage_worker.classify.thresholds import followed_decisions, follows, threshold_in_force, threshold_of_intent
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.control_topic import Decisions, bundle_key

from tests.worker.audit.streams import NOON
from tests.worker.fakes import record

CONTROL = TopicPartition("control", 0)


def decided(threshold: float, version: int, name: str = "b") -> bytes:
    event = ThresholdEvent(
        model=ModelRef(name=name, version="1"),
        version=version,
        threshold=threshold,
        previous=0.8,
        reason="a test",
        alarm=None,
        estimate=None,
        lower=0.0,
        upper=1.0,
        answers=0,
        answered_until=NOON,
        decided_at=NOON,
    )
    return event.write()


def in_force(*records: tuple[bytes, bytes | None]) -> Threshold:
    decisions = Decisions()
    decisions.update(record(CONTROL, offset, value, key) for offset, (key, value) in enumerate(records))
    return threshold_in_force(decisions, "b", "1", 0.8)()


OWN, KEY = Threshold(0.8, 0), bundle_key("b", "1")


def test_without_a_decision_it_is_the_bundles_own() -> None:
    assert in_force() == OWN


def test_the_last_decision_holds_for_its_bundle_only() -> None:
    assert in_force((KEY, decided(0.9, 1)), (KEY, decided(0.95, 2))) == Threshold(0.95, 2)
    assert in_force((bundle_key("c", "1"), decided(0.9, 1, "c"))) == OWN
    assert in_force((KEY, decided(0.9, 1, "c"))) == OWN, "a decision under the key of another bundle"


def test_it_is_never_below_the_bundles_own() -> None:
    assert in_force((KEY, decided(0.1, 4))) == Threshold(0.8, 4)


def of_intent(intent: str, *records: tuple[bytes, bytes | None]) -> Threshold:
    return threshold_of_intent(lambda: in_force(*records), {"CANCEL_ORDER": 0.92})(intent)


def test_an_intent_with_a_threshold_of_its_own_needs_the_higher_one_of_both() -> None:
    assert of_intent("CANCEL_ORDER") == Threshold(0.92, 0)
    assert of_intent("CANCEL_ORDER", (KEY, decided(0.9, 1))) == Threshold(0.92, 1)
    assert of_intent("CANCEL_ORDER", (KEY, decided(0.95, 2))) == Threshold(0.95, 2)
    assert of_intent("CANCEL_ORDER", (KEY, decided(0.1, 3))) == Threshold(0.92, 3)


def test_an_intent_without_one_needs_what_all_intents_need() -> None:
    assert of_intent("WISMO") == OWN
    assert of_intent("WISMO", (KEY, decided(0.9, 1))) == Threshold(0.9, 1)
    assert of_intent("WISMO", (KEY, decided(0.1, 2))) == Threshold(0.8, 2)


def test_what_is_no_decision_changes_nothing_and_an_empty_record_takes_it_back() -> None:
    assert in_force((KEY, decided(0.9, 1)), (KEY, b"{"), (KEY, b"")) == Threshold(0.9, 1)
    assert in_force((KEY, decided(0.9, 1)), (KEY, None)) == OWN


@pytest.mark.parametrize("last", [decided(0.9, 2), None])
def test_the_newest_decision_holds_in_whatever_order_partitions_are_read(last: bytes | None) -> None:
    first = record(CONTROL, 7, decided(0.95, 1), KEY, timestamp=1_000)
    newer = record(TopicPartition("control", 1), 0, last, KEY, timestamp=2_000)
    for order in ([first, newer], [newer, first]):
        decisions = Decisions()
        decisions.update(order)
        expected = OWN if last is None else Threshold(0.9, 2)
        assert threshold_in_force(decisions, "b", "1", 0.8)() == expected


def test_the_last_decision_of_a_partition_holds_whatever_the_clock_says() -> None:
    decisions = Decisions()
    decisions.update([record(CONTROL, 0, decided(0.95, 1), KEY, timestamp=2_000)])
    decisions.update([record(CONTROL, 1, decided(0.9, 2), KEY, timestamp=1_000)])
    assert threshold_in_force(decisions, "b", "1", 0.8)() == Threshold(0.9, 2)


def test_a_worker_follows_the_topic_if_it_audits_or_if_the_topic_is_named() -> None:
    assert not follows(Settings.load())
    assert follows(Settings.load(audit_share=0.01))
    assert follows(Settings.load(control_topic="mine"))


async def visible(_: Settings, topic: str) -> None:
    assert topic == "control"


async def test_a_worker_that_may_not_read_the_topic_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be shown the topic, with Describe alone: then its decisions are still unknown."""

    @asynccontextmanager
    async def refused(_: Settings) -> AsyncIterator[None]:
        raise TopicAuthorizationFailedError({"control"})
        yield

    monkeypatch.setattr(thresholds, "open_reader", refused)
    monkeypatch.setattr(topics, "require_visible", visible)
    with pytest.raises(ConfigError, match="Read on the topic control"):
        async with followed_decisions(Settings.load(control_topic="control")):
            raise AssertionError("it has started")


class FollowedTopic:
    """A consumer that has read one partition of two at the first look, and both at the second.

    Args:
        looks: how often the topic was looked at, this time included.
        fails: whether following ends with an error, and not because a partition is missing.
    """

    def __init__(self, looks: int, *, fails: bool) -> None:
        self._looks = looks
        self._fails = fails

    def assignment(self) -> set[TopicPartition]:
        return {TopicPartition("control", number) for number in range(2 if self._fails else self._looks)}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1}

    async def getmany(self, timeout_ms: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        if self._looks == 1 and self._fails:
            raise OSError("a bug of the client")
        await asyncio.sleep(0)
        return {}


@pytest.mark.parametrize("fails", [False, True], ids=["further partitions", "an error that nobody knew of"])
async def test_a_worker_reads_the_topic_again_after(monkeypatch: pytest.MonkeyPatch, *, fails: bool) -> None:
    looks, read_again = iter([1, 2]), asyncio.Event()
    look = 0

    @asynccontextmanager
    async def consumers(_: Settings) -> AsyncIterator[FollowedTopic]:
        nonlocal look
        look = next(looks)
        yield FollowedTopic(look, fails=fails)

    async def newest(_: FollowedTopic, __: Settings, decisions: Decisions) -> None:
        if look == 2:
            decisions.update([record(TopicPartition("control", 1), 0, decided(0.9, 1), KEY)])
            read_again.set()

    monkeypatch.setattr(thresholds, "open_reader", consumers)
    monkeypatch.setattr(thresholds, "read_decisions", newest)
    monkeypatch.setattr(thresholds, "RETRY_S", 0.0)
    monkeypatch.setattr(topics, "require_visible", visible)
    async with followed_decisions(Settings.load(control_topic="control")) as decisions:
        await read_again.wait()
        await asyncio.sleep(0)
        assert threshold_in_force(decisions, "b", "1", 0.8)() == Threshold(0.9, 1)


class Looks:
    """What each look at the control topic finds, in turn: a decision, nothing (it was compacted away), or a problem.

    Attributes:
        over: set when all looks were made.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *found: bytes | Exception | None) -> None:
        self._found = list(found)
        self.over = asyncio.Event()
        monkeypatch.setattr(thresholds, "open_reader", self._open)
        monkeypatch.setattr(thresholds, "read_decisions", self._read)
        monkeypatch.setattr(thresholds, "RETRY_S", 0.0)
        monkeypatch.setattr(thresholds, "REREAD_S", -1.0)
        monkeypatch.setattr(topics, "require_visible", self._visible)
        self._asked = 0

    @asynccontextmanager
    async def _open(self, _: Settings) -> AsyncIterator["Looks"]:
        if not self._found:
            self.over.set()
            await asyncio.Event().wait()
        yield self

    async def _visible(self, _: Settings, topic: str) -> None:
        self._asked += 1
        if self._asked > 1 and isinstance(self._now, TriageError):
            raise self._now

    async def _read(self, _: object, __: Settings, decisions: Decisions) -> None:
        self._now = self._found.pop(0)
        if isinstance(self._now, KafkaError):
            raise self._now
        if not isinstance(self._now, Exception):
            decisions.update([record(CONTROL, 0, self._now, KEY), record(CONTROL, 1, b"{", KEY)])

    def assignment(self) -> set[TopicPartition]:
        return set() if isinstance(self._now, Exception) else {CONTROL}

    def partitions_for_topic(self, _: str) -> set[int]:
        return {0}


HIDDEN = ConfigError("The broker refuses this user Read on the topic control.")
REFUSED = TopicAuthorizationFailedError({"control"})
DELETED = LookupError("no such topic")


async def test_a_decision_that_has_vanished_from_the_topic_no_longer_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The topic was created again, or a tombstone was compacted away while no broker answered."""
    looks = Looks(monkeypatch, decided(0.9, 1), None)
    async with followed_decisions(Settings.load(control_topic="control")) as decisions:
        await looks.over.wait()
        assert threshold_in_force(decisions, "b", "1", 0.8)() == OWN
        assert decisions.lost is None


@pytest.mark.parametrize(
    ("problems", "why"),
    [
        ([REFUSED, HIDDEN], "Read on the topic control"),
        ([HIDDEN, HIDDEN], "Read on the topic control"),
        ([DELETED, DELETED], "the topic control has been deleted"),
    ],
    ids=["refused, then hidden", "hidden", "deleted"],
)
async def test_the_last_threshold_holds_while_the_topic_is_lost_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, problems: list[Exception], why: str
) -> None:
    caplog.set_level("INFO")
    looks = Looks(monkeypatch, decided(0.9, 1), *problems)
    async with followed_decisions(Settings.load(control_topic="control")) as decisions:
        await looks.over.wait()
        assert threshold_in_force(decisions, "b", "1", 0.8)() == Threshold(0.9, 1)
        assert decisions.lost is not None
        assert why in decisions.lost
    said = [one for one in caplog.records if one.levelname == "WARNING" and "no decision" not in one.message]
    assert [one.message for one in said] == ["The control topic cannot be read; the last threshold holds"]
    assert why in vars(said[0])["error"]


async def test_a_lost_topic_is_followed_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    looks = Looks(monkeypatch, decided(0.9, 1), REFUSED, decided(0.95, 2), REFUSED, decided(0.96, 3))
    async with followed_decisions(Settings.load(control_topic="control")) as decisions:
        await looks.over.wait()
        assert threshold_in_force(decisions, "b", "1", 0.8)() == Threshold(0.96, 3)
        assert decisions.lost is None
    said = [one.message for one in caplog.records]
    assert said.count("The control topic is followed again") == 2
    assert said.count("The control topic cannot be read; the last threshold holds") == 2
    assert sum("no decision" in one for one in said) == 1, "it is read again and again"


async def test_a_topic_that_was_never_there_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looks = Looks(monkeypatch, DELETED, DELETED)
    async with followed_decisions(Settings.load(control_topic="control")) as decisions:
        await looks.over.wait()
        assert threshold_in_force(decisions, "b", "1", 0.8)() == OWN
        assert decisions.lost is None
    assert [one.message for one in caplog.records] == [
        "There is no control topic: bundles' own thresholds hold until there is one"
    ]
