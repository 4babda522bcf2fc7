"""Topics, workers as processes, and the reader of what they published."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.kafka import admin
from tests.kafka.account import Account, Place
from tests.kafka.processes import Worker, eventually
from tests.records import headers_of, json_of

ROOT = Path(__file__).parents[2]
Message = tuple[bytes | None, bytes | None]
"""Key and value."""


def message(text: str, **fields: str) -> bytes:
    """A good message's value."""
    return orjson.dumps({"text": text, **fields})


class Bench:
    """One test's topics on a broker, and its workers."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        name = uuid.uuid4().hex[:8]
        self.bootstrap = bootstrap
        self.group = f"group-{name}"
        self.input = f"in-{name}"
        self.output = f"out-{name}"
        self.fallback = f"fallback-{name}"
        self.dead_letters = f"dlq-{name}"
        self._folder = folder
        self._workers: list[Worker] = []

    @property
    def topics(self) -> list[str]:
        return [self.input, self.output, self.fallback, self.dead_letters]

    async def create_topics(self, partitions: int = 3, replicas: int = 1, **configs: dict[str, str]) -> None:
        """All four topics; ``configs`` by "input", "output", "fallback", "dead_letters"."""
        named = {str(getattr(self, name)): config for name, config in configs.items()}
        await admin.create(self.bootstrap, self.topics, partitions, replicas, named)

    async def produce(self, messages: Iterable[Message], *, headers: Sequence[tuple[str, bytes]] = ()) -> list[Place]:
        """Send messages; where each went, as partition and offset."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, acks="all") as producer:
            futures = []
            for number, (key, value) in enumerate(messages):
                if key is None and value is None:
                    batch = producer.create_batch()
                    batch.append(key=None, value=None, timestamp=None, headers=list(headers))
                    futures.append(await producer.send_batch(batch, self.input, partition=number % 2))
                else:
                    futures.append(await producer.send(self.input, value=value, key=key, headers=list(headers)))
            sent = await asyncio.gather(*futures)
        return [(metadata.partition, metadata.offset) for metadata in sent]

    async def send(
        self, topic: str, records: Iterable[tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]]
    ) -> None:
        """Send records, each with its own headers, to any topic."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, acks="all") as producer:
            sent = [
                await producer.send(topic, value=value, key=key, headers=headers) for key, value, headers in records
            ]
            await asyncio.gather(*sent)

    def worker(self, *, module: str = "tests.kafka.fake_worker", **variables: str) -> Worker:
        """Start a worker; ``variables`` are settings in lower case, or FAKE_ ones in upper case."""
        settings = {
            "bootstrap_servers": self.bootstrap,
            "group_id": self.group,
            "input_topic": self.input,
            "output_topic": self.output,
            "fallback_topic": self.fallback,
            "dead_letter_topic": self.dead_letters,
            "http_port": "0",
            "session_timeout_ms": "6000",
            "log_level": "INFO",
            "threads": "2",
        }
        given = {name if name.isupper() else f"TRIAGE_{name.upper()}": value for name, value in variables.items()}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        environment |= {f"TRIAGE_{name.upper()}": value for name, value in settings.items()} | given
        log = self._folder / f"worker-{len(self._workers)}.log"
        arguments = [sys.executable, "-W", "error::ResourceWarning", "-m", *module.split()]
        with log.open("wb") as stream:
            process = subprocess.Popen(arguments, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
        started = Worker(process, log)
        self._workers.append(started)
        return started

    def stop(self) -> None:
        """Kill what still runs."""
        for worker in self._workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.kill()

    async def answered(self, timeout_s: float = 60, topic: str | None = None) -> None:
        """Wait until the group has committed all of the input, or of another topic."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, topic or self.input)
            ends = await reader.end_offsets(partitions)

            async def committed() -> bool:
                offsets = [await reader.committed(partition) or 0 for partition in partitions]
                return offsets == [ends[partition] for partition in partitions]

            await eventually(committed, timeout_s, self._logs)

    @asynccontextmanager
    async def progress(self) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """What tells how many messages of the input the group has committed."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, self.input)

            async def committed() -> int:
                return sum([await reader.committed(partition) or 0 for partition in partitions])

            yield committed

    async def kept_their_word(
        self, workers: Iterable[Worker], sent: Iterable[Place], delivery: str, timeout_s: float = 60
    ) -> None:
        """All is answered, the workers end in order, and nothing is lost, reordered or, exactly once, doubled."""
        await self.answered(timeout_s)
        for worker in workers:
            assert await worker.terminate() == 0, worker.said()
        account = await self.account()
        assert account.lost(sent) == []
        assert account.out_of_order() == []
        assert delivery == "at_least_once" or account.doubled() == []

    async def committed_something(self, timeout_s: float = 60, topic: str | None = None) -> None:
        """Wait until the group has committed some of the input, or of another topic."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, topic or self.input)

            async def begun() -> bool:
                return any([await reader.committed(partition) for partition in partitions])

            await eventually(begun, timeout_s, self._logs)

    async def read(self, topic: str) -> list[ConsumerRecord]:
        """All committed records of a topic, each partition in order."""
        async with self._reader(isolation_level="read_committed") as reader:
            partitions = await self._partitions(reader, topic)
            reader.assign(partitions)
            await reader.seek_to_beginning(*partitions)
            ends = await reader.end_offsets(partitions)
            records: list[ConsumerRecord] = []
            deadline = time.monotonic() + 30
            while [await reader.position(partition) for partition in partitions] != [ends[p] for p in partitions]:
                assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
                for fetched in (await reader.getmany(timeout_ms=200)).values():
                    records += fetched
            return records

    async def account(self) -> Account:
        """Read all outputs and say what became of each message."""
        account = Account()
        for topic, kind in ((self.output, "accepted"), (self.fallback, "fallback")):
            for record in await self.read(topic):
                source = json_of(record)["source"]
                place = (source["partition"], source["offset"])
                account.enter(record, kind, place, headers_of(record)["ce_id"])
        for record in await self.read(self.dead_letters):
            headers = headers_of(record)
            place = (int(headers["dlq.partition"]), int(headers["dlq.offset"]))
            account.enter(record, headers["dlq.error"].decode(), place, b"dead letter")
            account.dead_letters.append(record)
        return account

    def _reader(self, **arguments: Any) -> AIOKafkaConsumer:
        apply_patches()
        return AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False, **arguments)

    async def _partitions(self, reader: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
        await reader._client._wait_on_metadata(topic)
        return [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]

    def _logs(self) -> str:
        return "\n".join(f"--- {worker.log.name}\n{worker.said()[-3000:]}" for worker in self._workers)
