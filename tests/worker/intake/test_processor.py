"""The second step: each key is sent on once, whatever is read again, and after the keys before it are known."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_worker.intake.key_history import KeyHistory, add_all
from triage_worker.intake.processor import IntakeProcessor
from triage_worker.intake.records import KEY, SOURCE
from triage_worker.intake.seen_keys import SeenKeys
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.tasks import wait_until
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

PLACE = TopicPartition("intake.received", 0)
HOUR_MS = 3_600_000


def received(offset: int, key: str | None, source: str = "shop") -> ConsumerRecord:
    """Make a record of the first step; without a key, it is another program's."""
    headers = () if key is None else ((SOURCE, source.encode()), (KEY, key.encode()))
    return ConsumerRecord(PLACE.topic, PLACE.partition, offset, offset, 0, b"c-1", b"{}", None, 3, 2, headers)


class FakeHistory(KeyHistory):
    """Reads back from a list, when it is allowed to."""

    def __init__(self, log: list[ConsumerRecord]) -> None:
        super().__init__(lambda: None, HOUR_MS)  # type: ignore[arg-type, return-value]
        self.log = log
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.read_back = 0

    async def extend(
        self, seen: Mapping[TopicPartition, SeenKeys], firsts: Mapping[TopicPartition, ConsumerRecord]
    ) -> None:
        await self.may_read.wait()
        for place, first in firsts.items():
            missing = [one for one in self.log if (seen[place].end or 0) <= one.offset < first.offset]
            self.read_back += len(missing)
            add_all(seen[place], missing)
            seen[place].skip(first.offset)


@dataclass
class Bench:
    processor: IntakeProcessor
    in_flight: InFlightMessages
    history: FakeHistory

    async def read(self, *records: ConsumerRecord) -> list[Output]:
        """Let the processor read records of the present assignment; returns what becomes of them."""
        await self.processor.process([self.in_flight.track(PLACE, records)])
        found: list[Output] = []
        while len(found) < len(records):
            found += await asyncio.wait_for(self.in_flight.take(), 5)
        return found


@asynccontextmanager
async def bench(log: list[ConsumerRecord]) -> AsyncIterator[Bench]:
    in_flight = InFlightMessages(Metrics())
    history = FakeHistory(log)
    dead_letters = DeadLetters(DeadLetterTopic("dlq"))
    processor = IntakeProcessor({"shop": "customer.messages"}, history, HOUR_MS, dead_letters, in_flight)
    running = processor.start()
    in_flight.offsets.assign(PLACE)
    yield Bench(processor, in_flight, history)
    processor.close()
    await asyncio.wait([running])


def outcomes(outputs: list[Output]) -> list[str]:
    return [f"{output.outcome} {output.label}" for output in outputs]


async def test_a_key_is_sent_on_once_unchanged() -> None:
    async with bench([]) as one:
        first, again, other = await one.read(received(0, "k"), received(1, "k"), received(2, "l"))
        assert outcomes([first, again, other]) == ["accepted shop", "skipped repeated", "accepted shop"]
        assert (first.topic, first.key, first.value) == ("customer.messages", b"c-1", b"{}")
        assert dict(first.headers) == {SOURCE: b"shop", KEY: b"k"}
        assert again.topic is None


async def test_keys_before_the_assignment_are_read_back() -> None:
    log = [received(offset, f"k{offset}") for offset in range(5)]
    async with bench(log) as one:
        assert outcomes(await one.read(received(5, "k2"), received(6, "k9"))) == ["skipped repeated", "accepted shop"]
        assert one.history.read_back == 5


async def test_after_a_failed_transaction_the_same_is_decided_without_reading_back() -> None:
    async with bench([]) as one:
        first = outcomes(await one.read(received(0, "k"), received(1, "k"), received(2, "l")))
        one.in_flight.restart(PLACE)
        assert outcomes(await one.read(received(0, "k"), received(1, "k"), received(2, "l"))) == first
        assert one.history.read_back == 0


async def test_only_what_another_owner_decided_meanwhile_is_read_back() -> None:
    log = [received(offset, f"k{offset % 4}") for offset in range(6)]
    async with bench(log) as one:
        await one.read(*log[:2])
        one.in_flight.restart(PLACE)
        assert outcomes(await one.read(received(6, "k3"), received(7, "k7"))) == ["skipped repeated", "accepted shop"]
        assert one.history.read_back == 4


async def test_nothing_is_decided_before_the_keys_are_known() -> None:
    async with bench([received(0, "k")]) as one:
        one.history.may_read.clear()
        reading = asyncio.create_task(one.read(received(1, "k")))
        await wait_until(lambda: one.processor.reading_s > 0)
        assert one.in_flight.released == 0
        one.history.may_read.set()
        assert outcomes(await reading) == ["skipped repeated"]


async def test_what_was_revoked_while_keys_were_read_back_is_dropped() -> None:
    async with bench([]) as one:
        one.history.may_read.clear()
        await one.processor.process([one.in_flight.track(PLACE, [received(0, "k")])])
        await wait_until(lambda: one.processor.reading_s > 0)
        one.processor.pause()
        one.in_flight.revoke([PLACE])
        one.history.may_read.set()
        one.in_flight.offsets.assign(PLACE)
        one.processor.resume()
        assert outcomes(await one.read(received(0, "k"))) == ["accepted shop"]
        assert one.in_flight.offsets.counts().returned == 1


async def test_records_of_others_and_of_unknown_sources_become_dead_letters() -> None:
    async with bench([]) as one:
        outputs = await one.read(received(0, None), received(1, "k", "gone"), received(2, "k"))
        assert outcomes(outputs) == ["dead_letter bad_event", "dead_letter bad_event", "accepted shop"]
        assert {output.topic for output in outputs[:2]} == {"dlq"}
