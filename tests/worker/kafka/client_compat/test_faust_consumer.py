"""Faust's consumers as the router makes them, and the end of a recovery; some tests show Faust alone."""

import asyncio
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from aiokafka.structs import OffsetAndMetadata
from faust.exceptions import ImproperlyConfigured
from faust.tables.recovery import Recovery
from faust.types import TP, Message
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat import faust_consumer
from triage_worker.kafka.client_compat.faust import ReadyTables
from triage_worker.kafka.client_compat.faust_consumer import PositionRecovery
from triage_worker.kafka.clients import REQUEST_TIMEOUT_MS
from triage_worker.router import faust_app
from triage_worker.router.topics import RouterTopics

CHANGELOG = TP("changelog", 0)
INTENTS = TP("intents", 0)


async def made_by(app: Any) -> Any:
    """The aiokafka consumer that an application would use; not started."""
    consumer = app.transport.create_consumer(
        callback=lambda _: None, on_partitions_revoked=None, on_partitions_assigned=None
    )
    thread = consumer._thread
    thread.thread_loop.close()
    made = thread._create_consumer(asyncio.get_running_loop())
    await made.stop()
    return made


@pytest.mark.parametrize("session_timeout_ms", [45_000, 90_000, 100_000, 600_000])
async def test_the_router_reads_committed_records_with_any_session_timeout(
    session_timeout_ms: int, tmp_path: Path
) -> None:
    settings = Settings(session_timeout_ms=session_timeout_ms)
    topics = RouterTopics.from_settings(settings)
    app = faust_app.build(settings, topics, partitions=1, replicas=1, folder=tmp_path).app
    made = await made_by(app)
    assert made._isolation_level == "read_committed"
    assert made._session_timeout_ms == session_timeout_ms
    assert made._client._request_timeout_ms == made._request_timeout_ms == REQUEST_TIMEOUT_MS
    assert not app.in_transaction


async def test_faust_alone_reads_uncommitted_records(tmp_path: Path) -> None:
    assert (await made_by(faust.App("app", datadir=str(tmp_path))))._isolation_level == "read_uncommitted"


async def test_faust_alone_refuses_a_session_timeout_above_its_request_timeout(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="broker_request_timeout"):
        await made_by(faust.App("app", datadir=str(tmp_path), broker_session_timeout=100))


class Reader:
    """The router's consumer of a partition whose records are at the offsets 0 and 1, and which ends with a marker.

    Attributes:
        position: of the client.
        commits: what was committed.
    """

    def __init__(self, app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.position = 0
        self.commits: list[dict[TP, int]] = []
        assignment = SimpleNamespace(all_consumed_offsets=lambda: {INTENTS: OffsetAndMetadata(self.position, "")})
        client = SimpleNamespace(_subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)))
        consumer = app.transport.create_consumer(
            callback=lambda _: None, on_partitions_revoked=None, on_partitions_assigned=None
        )
        consumer._thread.thread_loop.close()
        consumer._thread._consumer = client
        monkeypatch.setattr(app.topics, "acks_enabled_for", lambda topic: topic == INTENTS.topic)
        monkeypatch.setattr(consumer, "_commit_offsets", self._commit)
        monkeypatch.setattr(consumer, "seek_to_committed", self._seek)
        monkeypatch.setattr(consumer, "_wait_next_records", self._fetch)
        monkeypatch.setattr(consumer, "highwater", lambda _: 3)
        consumer._to_message = lambda partition, offset: Message(
            partition.topic, partition.partition, offset, 0, 0, None, None, None, None, tp=partition
        )
        self.consumer = consumer
        self.fetched: dict[TP, list[int]] = {}

    async def read(self, *offsets: int, position: int) -> list[Any]:
        """Fetch records, which moves the position."""
        messages = []
        self.fetched = {INTENTS: list(offsets)} if offsets else {}
        async for _, message in self.consumer.getmany(0.0):
            messages.append(message)
        self.position = position
        return messages

    async def commit(self) -> list[dict[TP, int]]:
        self.commits.clear()
        await self.consumer.force_commit()
        return self.commits

    async def _fetch(self, _: float) -> Any:
        return self.fetched, {INTENTS}

    async def _commit(self, offsets: dict[TP, int], **_: Any) -> bool:
        self.commits.append(dict(offsets))
        self.consumer._committed_offset.update(offsets)
        return True

    async def _seek(self) -> dict[TP, int]:
        self.position = self.consumer._committed_offset[INTENTS] or 0
        return {INTENTS: self.position}


@pytest.fixture
async def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    settings = Settings()
    topics = RouterTopics.from_settings(settings)
    return Reader(faust_app.build(settings, topics, partitions=1, replicas=1, folder=tmp_path).app, monkeypatch)


async def test_the_position_is_committed_once_all_is_acknowledged(reader: Reader) -> None:
    first, second = await reader.read(0, 1, position=3)
    reader.consumer.ack(first)
    assert await reader.commit() == [{INTENTS: 1}]
    await reader.read(position=3)
    assert await reader.commit() == []
    reader.consumer.ack(second)
    assert await reader.commit() == [{INTENTS: 2}, {INTENTS: 3}]
    assert await reader.commit() == []


async def test_the_position_is_not_committed_before_its_records_are_delivered(reader: Reader) -> None:
    (message,) = await reader.read(0, position=3)
    reader.consumer.ack(message)
    reader.position = 3  # the record 1 was fetched, and is not delivered
    assert await reader.commit() == [{INTENTS: 1}]


async def test_the_position_is_not_committed_after_records_were_dropped(reader: Reader) -> None:
    """While the flow is stopped, Faust drops what it has fetched; it goes back to the committed offsets then."""
    reader.position = 3
    reader.consumer.stop_flow()
    await reader.read(position=3)
    assert await reader.commit() == []
    await reader.consumer.perform_seek()
    reader.consumer.resume_flow()
    await reader.read(position=3)
    assert await reader.commit() == []


async def test_a_message_that_is_read_again_is_waited_for(reader: Reader) -> None:
    (before,) = await reader.read(0, position=3)
    await reader.consumer.perform_seek()
    (after,) = await reader.read(0, position=3)
    await reader.read(position=3)
    reader.consumer.ack(before)
    assert {INTENTS: 3} not in await reader.commit()
    reader.consumer.ack(after)
    assert {INTENTS: 3} in await reader.commit()


class Changelog:
    """A changelog that is recovered up to its record 6, and whose last offset is 9."""

    def __init__(self, recovery: type[Recovery] = PositionRecovery) -> None:
        self.position = 7
        assignment = SimpleNamespace(
            all_consumed_offsets=lambda: {CHANGELOG: OffsetAndMetadata(self.position, "")},
        )
        client = SimpleNamespace(_subscription=SimpleNamespace(subscription=SimpleNamespace(assignment=assignment)))
        app: Any = SimpleNamespace(
            conf=SimpleNamespace(stream_recovery_delay=0),
            consumer=SimpleNamespace(_thread=SimpleNamespace(_consumer=client)),
        )
        self.recovery = recovery(app, SimpleNamespace())  # type: ignore[arg-type]
        self.recovery.active_offsets = Counter({CHANGELOG: 6})
        self.recovery.active_highwaters = Counter({CHANGELOG: 9})
        self.recovery._last_active_event_processed_at = None

    def read(self, offset: int, at: float) -> None:
        self.recovery.active_offsets[CHANGELOG] = offset
        self.recovery._last_active_event_processed_at = at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    time = SimpleNamespace(now=100.0)
    monkeypatch.setattr(faust_consumer, "monotonic", lambda: time.now)
    return time


async def test_a_recovery_ends_at_the_last_record(clock: SimpleNamespace) -> None:
    changelog = Changelog()
    assert changelog.recovery.need_recovery()
    changelog.read(9, at=101)
    assert not changelog.recovery.need_recovery()


async def test_a_recovery_ends_behind_the_last_record_if_nothing_more_comes(clock: SimpleNamespace) -> None:
    changelog = Changelog()
    changelog.position = 10
    assert changelog.recovery.need_recovery(), "the records may be on their way"
    clock.now += 5
    changelog.read(7, at=104)
    assert changelog.recovery.need_recovery(), "one of them came"
    clock.now += 1
    assert changelog.recovery.need_recovery()
    clock.now += 5
    assert not changelog.recovery.need_recovery()
    assert changelog.recovery.active_offsets == {CHANGELOG: 9}
    assert not changelog.recovery.need_recovery()


async def test_a_recovery_goes_on_while_the_changelog_was_not_read_to_its_end(clock: SimpleNamespace) -> None:
    changelog = Changelog()
    for position in (7, 9):
        changelog.position = position
        for _ in range(3):
            clock.now += 5
            assert changelog.recovery.need_recovery()


async def test_faust_alone_waits_for_a_record_for_ever(clock: SimpleNamespace) -> None:
    changelog = Changelog(Recovery)
    changelog.position = 10
    clock.now += 3_600
    assert changelog.recovery.need_recovery()


def test_the_tables_are_recovered_by_it(tmp_path: Path) -> None:
    app: Any = faust.App("app", datadir=str(tmp_path), TableManager=ReadyTables)
    assert type(app.tables.recovery) is PositionRecovery
    assert app.tables.recovery is app.tables.recovery
