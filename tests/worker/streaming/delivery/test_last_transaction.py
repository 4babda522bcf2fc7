"""What a broker left undecided is decided before the committed offset is read, and in the one right way."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import CoordinationType
from aiokafka.errors import InvalidProducerEpoch, KafkaError, LeaderNotAvailableError, ProducerFenced
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.messages.message import Source
from triage_worker.kafka.client_compat import producer_requests
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.streaming.delivery import last_transaction
from triage_worker.streaming.delivery.last_transaction import LastTransaction, source_offset

from tests.worker.kafka.client_compat.scripted_broker import TOPIC, ScriptedBroker, eventually, scripted_broker
from tests.worker.streaming.delivery.undecided_broker import OUTPUTS, SOURCE, UndecidedBroker


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, delay_s in (("SETTLE_S", 0.05), ("AGAIN_S", 0.05), ("LOOK_S", 0.01)):
        monkeypatch.setattr(last_transaction, name, delay_s)
    monkeypatch.setattr(producer_requests, "RETRY_S", 0.01)
    monkeypatch.setattr(last_transaction, "_logged", set())


class Worker:
    """Starts producers with the partition's id, as `PartitionTransactions` does."""

    def __init__(self, address: str) -> None:
        self.last = LastTransaction([TOPIC], "group", SOURCE)
        self.producers: list[AIOKafkaProducer] = []
        self._address = address

    async def start(self) -> bool:
        """Start over with a new producer."""
        self.producers.append(AIOKafkaProducer(bootstrap_servers=self._address, transactional_id="id"))
        return await self.last.start(self.producers[-1])

    def lose_coordinator(self) -> None:
        """Do what a sender does when a coordinator moves."""
        self.producers[-1]._sender._coordinator_dead(CoordinationType.TRANSACTION)


@pytest.fixture
def kafka() -> UndecidedBroker:
    return UndecidedBroker(committed=5)


@pytest.fixture
async def broker(kafka: UndecidedBroker) -> AsyncIterator[ScriptedBroker]:
    async with kafka.running() as running:
        yield running


@pytest.fixture
async def worker(broker: ScriptedBroker) -> AsyncIterator[Worker]:
    created = Worker(broker.address)
    yield created
    for producer in created.producers:
        await abandon(producer)


async def test_nothing_is_written_where_everything_is_decided(kafka: UndecidedBroker, worker: Worker) -> None:
    assert not await worker.start()
    assert kafka.decided == []


@pytest.mark.parametrize("state", ["PrepareCommit", "CompleteCommit"])
async def test_a_committed_transaction_without_markers_is_committed(
    kafka: UndecidedBroker, worker: Worker, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.state, kafka.pending = state, 8
    for partition in OUTPUTS:
        kafka.leave(partition, 5)
    assert await worker.start()
    assert kafka.decided == [(OUTPUTS, True, True)]
    assert kafka.committed == 8
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert "left a transaction undecided: it is committed now" in warning.getMessage()


@pytest.mark.parametrize("state", ["Ongoing", "PrepareAbort", "CompleteAbort", "Empty"])
async def test_an_aborted_transaction_without_markers_is_aborted(
    kafka: UndecidedBroker, worker: Worker, state: str
) -> None:
    kafka.state, kafka.pending = state, 8
    kafka.leave(OUTPUTS[1], 6)
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[1]], True, False)]
    assert kafka.committed == 5


async def test_an_undecided_offset_alone_is_decided(kafka: UndecidedBroker, worker: Worker) -> None:
    kafka.pending = 8
    assert await worker.start()
    assert kafka.decided == [([], True, True)]


@pytest.mark.parametrize("state", ["CompleteCommit", "CompleteAbort"])
async def test_outputs_in_front_of_the_committed_offset_are_committed(
    kafka: UndecidedBroker, worker: Worker, state: str
) -> None:
    kafka.state = state
    kafka.leave(OUTPUTS[0], 4)
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[0]], False, True)]


@pytest.mark.parametrize("state", ["CompleteCommit", "CompleteAbort"])
async def test_outputs_of_messages_that_are_read_again_are_aborted(
    kafka: UndecidedBroker, worker: Worker, state: str
) -> None:
    """The coordinator may have lost the whole transaction, and speak of the one before it."""
    kafka.state = state
    kafka.leave(OUTPUTS[0], 5)
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[0]], False, False)]


async def test_outputs_of_two_transactions_are_decided_separately(kafka: UndecidedBroker, worker: Worker) -> None:
    kafka.state, kafka.pending = "CompleteAbort", 8
    kafka.leave(OUTPUTS[0], 4)
    kafka.leave(OUTPUTS[1], 5)
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[0]], False, True), ([OUTPUTS[1]], True, False)]


async def test_dead_letters_say_what_they_answer(kafka: UndecidedBroker, worker: Worker) -> None:
    headers = dead_letter_headers([("ce_id", b"other:x:1:9")], Source("in", 0, 4), "code", "words", "now")
    kafka.state = "CompleteAbort"
    kafka.leave(OUTPUTS[0], 4, [(name, value or b"") for name, value in headers])
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[0]], False, True)]


@pytest.mark.parametrize(
    ("ce_id", "offset"),
    [("triage.intent:in:0:12", 12), ("triage.intent:in:1:12", None), ("in:0:12", None), ("a:in:0:x", None)],
)
def test_only_an_output_of_the_partition_says_an_offset(ce_id: str, offset: int | None) -> None:
    assert source_offset([("x", None), ("ce_id", ce_id.encode())], SOURCE) == offset
    assert source_offset([], SOURCE) is None


async def test_what_decides_itself_is_left_alone(kafka: UndecidedBroker, worker: Worker) -> None:
    kafka.pending = 8

    async def decide() -> None:
        await asyncio.sleep(0.02)
        kafka.pending, kafka.committed = None, 8

    _, found = await asyncio.gather(decide(), worker.start())
    assert not found
    assert kafka.decided == []


async def test_markers_that_are_lost_again_are_written_again(
    kafka: UndecidedBroker, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.pending, kafka.losing = 8, 2
    kafka.leave(OUTPUTS[0], 6)
    assert await worker.start()
    assert kafka.decided == [([OUTPUTS[0]], True, True)] * 3
    assert sum("still undecided" in record.getMessage() for record in caplog.records) == 2


async def test_the_decision_outlives_a_failed_attempt(kafka: UndecidedBroker, worker: Worker) -> None:
    """Starting a producer wipes out what the coordinator knows."""
    kafka.pending = 8
    kafka.leader = -1
    starting = asyncio.create_task(worker.start())
    await eventually(lambda: kafka.state == "Empty")
    starting.cancel()
    await asyncio.wait([starting])
    kafka.leader = 1
    assert await worker.start()
    assert kafka.decided == [([], True, True)]


async def test_nothing_is_decided_before_each_output_partition_has_a_leader(
    kafka: UndecidedBroker, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A coordinator drops the markers of those without."""
    monkeypatch.setattr(producer_requests, "PATIENCE_S", 0.1)
    kafka.pending, kafka.leader = 8, -1
    with pytest.raises(LeaderNotAvailableError):
        await worker.start()
    assert kafka.decided == []


async def test_a_worker_that_is_fenced_meanwhile_decides_nothing(
    kafka: UndecidedBroker, broker: ScriptedBroker, worker: Worker
) -> None:
    kafka.pending = 8
    broker.script["AddOffsetsToTxnRequest"] = lambda _: (0, InvalidProducerEpoch.errno)
    with pytest.raises(ProducerFenced):
        await worker.start()
    assert kafka.decided == []


async def test_without_the_right_to_read_outputs_the_offset_is_decided_with_all_of_them(
    kafka: UndecidedBroker, worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    kafka.pending, kafka.readable = 8, False
    assert await worker.start()
    await worker.start()
    assert kafka.decided == [(OUTPUTS, True, True)]
    told = [record.getMessage() for record in caplog.records if "without Read" in record.getMessage()]
    assert told == [f"Outputs that a broker left undecided are not found without Read on {TOPIC}, see docs/security.md"]


async def test_an_old_broker_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    async with scripted_broker() as old:
        worker = Worker(old.address)
        assert not await worker.start()
        await abandon(worker.producers[0])
    assert [record.getMessage()[:21] for record in caplog.records] == ["The broker cannot say"]


async def test_a_running_worker_looks_again_after_a_coordinator_was_lost(
    kafka: UndecidedBroker, broker: ScriptedBroker, worker: Worker
) -> None:
    await worker.start()
    before = len(broker.requests)
    await worker.last.check()
    assert len(broker.requests) == before, "nothing has happened"
    kafka.state, kafka.pending = "PrepareCommit", 8
    worker.lose_coordinator()
    checking = asyncio.create_task(worker.last.check())
    await asyncio.sleep(0.1)
    assert kafka.decided == [], "its markers may still come"
    kafka.state = "CompleteCommit"
    await checking
    assert kafka.decided == [([], True, True)]
    await worker.last.check()
    assert len(kafka.decided) == 1


async def test_a_running_worker_reads_again_what_is_aborted(kafka: UndecidedBroker, worker: Worker) -> None:
    await worker.start()
    kafka.state, kafka.pending = "CompleteAbort", 8
    worker.lose_coordinator()
    with pytest.raises(KafkaError, match="aborted now"):
        await worker.last.check()
    assert kafka.decided == [([], True, False)]
