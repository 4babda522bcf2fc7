"""Gives a test its own topics, services on them as processes, and readers of what they published."""

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_schemas.dead_letters import read_dead_letter
from triage_worker.kafka.client_compat.patches import apply_patches

from tests.kafka import admin
from tests.kafka.message_outcomes import MessageOutcomes, Position
from tests.kafka.processes import ServiceProcess, eventually
from tests.records import headers_of, json_of

ROOT = Path(__file__).parents[2]
DELIVERIES = [pytest.param("at_least_once", marks=pytest.mark.torture), "exactly_once"]
"""For tests of which every run takes one delivery, and `make torture` both."""

Message = tuple[bytes | None, bytes | None]
"""Key and value."""

Record = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value and headers."""


def message(text: str, **fields: str) -> bytes:
    """Make the value of a readable message."""
    return orjson.dumps({"text": text, **fields})


def conversations(count: int) -> list[Message]:
    """Make readable messages of several conversations; some are accepted, others go to the fallback."""
    return [
        (f"chat-{number % 23}".encode(), message(f"message {number}" + "a" * (number % 40))) for number in range(count)
    ]


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a process: this process's own, but with these settings only, named in lower case."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    return others | {f"TRIAGE_{name.upper()}": value for name, value in settings.items()}


class KafkaHarness:
    """The topics of one test, and the services that run on them; as a context manager it ends the services.

    Args:
        bootstrap: the servers of the broker.
        folder: for the logs of the services.
    """

    def __init__(self, bootstrap: str, folder: Path) -> None:
        name = uuid.uuid4().hex[:8]
        self.bootstrap = bootstrap
        self.group = f"group-{name}"
        self.input = f"in-{name}"
        self.output = f"out-{name}"
        self.fallback = f"fallback-{name}"
        self.dead_letters = f"dlq-{name}"
        self._folder = folder
        self._services: list[ServiceProcess] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def topics(self) -> list[str]:
        """All four topics, the input topic first."""
        return [self.input, self.output, self.fallback, self.dead_letters]

    async def create_topics(self, partitions: int = 3, replicas: int = 1, **configs: dict[str, str]) -> None:
        """Create all four topics; ``configs`` are by "input", "output", "fallback" and "dead_letters"."""
        named = {str(getattr(self, name)): config for name, config in configs.items()}
        await admin.create_topics(self.bootstrap, self.topics, partitions, replicas, named)

    async def produce(
        self, messages: Iterable[Message], *, headers: Sequence[tuple[str, bytes]] = (), topic: str | None = None
    ) -> list[Position]:
        """Send messages to the input topic, or to another one; returns their positions."""
        topic = topic or self.input
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, acks="all") as producer:
            futures = []
            for number, (key, value) in enumerate(messages):
                if key is None and value is None:
                    batch = producer.create_batch()
                    batch.append(key=None, value=None, timestamp=None, headers=list(headers))
                    futures.append(await producer.send_batch(batch, topic, partition=number % 2))
                else:
                    futures.append(await producer.send(topic, value=value, key=key, headers=list(headers)))
            sent = await asyncio.gather(*futures)
        return [(metadata.partition, metadata.offset) for metadata in sent]

    async def send(self, topic: str, records: Iterable[Record]) -> None:
        """Send records, each with its own headers, to any topic."""
        async with AIOKafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5, acks="all") as producer:
            sent = [
                await producer.send(topic, value=value, key=key, headers=headers) for key, value, headers in records
            ]
            await asyncio.gather(*sent)

    def start(self, *, module: str = "tests.kafka.fake_worker", **variables: str) -> ServiceProcess:
        """Start a service, by default a worker with a fake model.

        Args:
            module: what to run, with arguments.
            variables: settings in lower case, or other variables of the environment in upper case.
        """
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
        settings |= {name: value for name, value in variables.items() if not name.isupper()}
        others = {name: value for name, value in variables.items() if name.isupper()}
        log = self._folder / f"service-{len(self._services)}.log"
        given = environment(**settings) | others
        arguments = self.arguments(module, [name for name in given if name.startswith("TRIAGE_") or name in others])
        with log.open("wb") as stream:
            process = subprocess.Popen(arguments, cwd=ROOT, env=given, stdout=stream, stderr=stream)
        return self.stop_later(ServiceProcess(process, log))

    def arguments(self, module: str, variables: Sequence[str]) -> list[str]:
        """Return the command that starts a service: a module with arguments, and the names of its own variables."""
        return [sys.executable, "-W", "error::ResourceWarning", "-m", *module.split()]

    async def join(
        self, *, module: str = "tests.kafka.fake_worker", timeout_s: float = 60, **variables: str
    ) -> ServiceProcess:
        """Start a service as `start` does, and wait until it has partitions."""
        service = self.start(module=module, **variables)
        await service.wait_for_log("Partitions assigned", timeout_s)
        return service

    def stop_later(self, service: ServiceProcess) -> ServiceProcess:
        """Let a service end with the test."""
        self._services.append(service)
        return service

    def stop(self) -> None:
        """Kill the services that still run."""
        for service in self._services:
            if service.process.poll() is None:
                service.signal(signal.SIGCONT)
                service.kill()

    async def wait_until_committed(self, timeout_s: float = 60, topic: str | None = None) -> None:
        """Wait until the group has committed all of the input, or of another topic."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, topic or self.input)
            ends = await reader.end_offsets(partitions)

            async def committed() -> bool:
                offsets = [await reader.committed(partition) or 0 for partition in partitions]
                return offsets == [ends[partition] for partition in partitions]

            await eventually(committed, timeout_s, self._logs)

    async def wait_for_first_commit(self, timeout_s: float = 60, topic: str | None = None) -> None:
        """Wait until the group has committed some of the input, or of another topic."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, topic or self.input)

            async def committed() -> bool:
                return any([await reader.committed(partition) for partition in partitions])

            await eventually(committed, timeout_s, self._logs)

    @asynccontextmanager
    async def committed_messages(self) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """Yield a function that returns how many messages of the input the group has committed."""
        async with self._reader(group_id=self.group) as reader:
            partitions = await self._partitions(reader, self.input)

            async def committed() -> int:
                return sum([await reader.committed(partition) or 0 for partition in partitions])

            yield committed

    @asynccontextmanager
    async def written_records(self) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """Yield a function that returns how many records the input has, with those of open transactions."""
        async with self._reader() as reader:
            partitions = await self._partitions(reader, self.input)

            async def written() -> int:
                return sum((await reader.end_offsets(partitions)).values())

            yield written

    async def verify_delivery(
        self,
        workers: Iterable[ServiceProcess],
        sent: Iterable[Position],
        *,
        repeats_allowed: bool = False,
        timeout_s: float = 60,
    ) -> MessageOutcomes:
        """Wait until all is committed, terminate the workers, and verify that nothing is lost or out of order.

        Args:
            workers: those that run; each must exit with 0.
            sent: messages that must be answered.
            repeats_allowed: whether a message may be answered twice.
            timeout_s: the longest wait for the commits.
        """
        await self.wait_until_committed(timeout_s)
        for worker in workers:
            assert await worker.terminate() == 0, worker.log_text()
        outcomes = await self.outcomes()
        assert outcomes.lost(sent) == []
        assert outcomes.out_of_order() == []
        assert repeats_allowed or outcomes.duplicated() == []
        return outcomes

    async def read(self, topic: str) -> list[ConsumerRecord]:
        """Read all committed records of a topic, each partition in order."""
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

    async def outcomes(self) -> MessageOutcomes:
        """Read all output topics, whatever topic the messages came from."""
        outcomes = MessageOutcomes()
        await self._read_outcomes(lambda topic: outcomes)
        return outcomes

    async def outcomes_by_topic(self) -> dict[str, MessageOutcomes]:
        """Read all output topics, for several input topics: the outcomes of the messages of each."""
        outcomes: dict[str, MessageOutcomes] = defaultdict(MessageOutcomes)
        await self._read_outcomes(lambda topic: outcomes[topic])
        return dict(outcomes)

    async def _read_outcomes(self, of: Callable[[str], MessageOutcomes]) -> None:
        for topic, kind in ((self.output, "accepted"), (self.fallback, "fallback")):
            for record in await self.read(topic):
                source = json_of(record)["source"]
                position = (source["partition"], source["offset"])
                of(source["topic"]).add(record, kind, position, headers_of(record)["ce_id"])
        for record in await self.read(self.dead_letters):
            info = read_dead_letter(record.headers)
            assert info is not None, record
            outcomes = of(info.source.topic)
            outcomes.add(record, info.code, (info.source.partition, info.source.offset), b"dead letter")
            outcomes.dead_letters.append(record)

    def _reader(self, **arguments: Any) -> AIOKafkaConsumer:
        apply_patches()
        return AIOKafkaConsumer(bootstrap_servers=self.bootstrap, enable_auto_commit=False, **arguments)

    async def _partitions(self, reader: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
        await reader._client._wait_on_metadata(topic)
        return [TopicPartition(topic, number) for number in sorted(reader.partitions_for_topic(topic) or ())]

    def _logs(self) -> str:
        return "\n".join(f"--- {service.log.name}\n{service.log_text()[-3000:]}" for service in self._services)
