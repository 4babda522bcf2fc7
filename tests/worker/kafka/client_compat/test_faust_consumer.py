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
from faust.types import TP
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat import faust_consumer
from triage_worker.kafka.client_compat.faust import ReadyTables
from triage_worker.kafka.client_compat.faust_consumer import PositionRecovery
from triage_worker.kafka.clients import REQUEST_TIMEOUT_MS
from triage_worker.router import faust_app
from triage_worker.router.topics import RouterTopics

CHANGELOG = TP("changelog", 0)


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
