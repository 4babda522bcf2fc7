"""Measures Triage next to its peers: ``make bench-peers``, or ``python -m tests.bench.peers.run --help``.

All classify the same texts by the same model, from and to the same real Apache Kafka on the same cores, one after the
other. Each gets topics of its own with four partitions. It is warmed up; stopped while a backlog is produced, and its
messages a second and CPU time are measured from then to the last answer; then the latency at a steady rate; then all
its processes are killed in the middle of a backlog, started again, and every message is looked for. On two idle cores,
this takes less than ten minutes. A candidate that fails is reported, and the others are measured.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from triage_worker.bench.traffic import sample_with_repeats
from triage_worker.streaming.signals import sigterm_cancels

from tests.bench.peers.candidates import CANDIDATES, Candidate, Place, versions
from tests.bench.peers.processes import Program
from tests.kafka import broker

PARTITIONS = 4
WARM_UP = 200
RATE = 50.0
"""Messages a second while the latency is measured."""

PROBE_S = 3.0
"""So often, a probe is sent to each partition that has not answered one yet."""

READY_S = 240.0
"""The longest that a candidate may take to start: a group waits up to a minute for a member that was killed."""

STALL_S = 90.0
"""When no answer has come for so long, none will."""
REPEATS_S = 5.0
"""When all messages are answered, repeats may come for so long."""
PURPOSES = ("input", "output", "fallback", "dead_letter")


@dataclass(frozen=True)
class Figures:
    """What was measured of one candidate.

    Attributes:
        name: of the candidate.
        messages_per_second: of the backlog.
        cpu_s_per_1000: CPU time of all its processes for 1,000 messages, in seconds.
        memory_mib: resident memory after the backlog.
        p99_ms: from a message to its answer at `RATE` messages a second.
        lost: messages without an answer after it was killed and started again.
        repeated: messages with several.
    """

    name: str
    messages_per_second: float
    cpu_s_per_1000: float
    memory_mib: float
    p99_ms: float
    lost: int
    repeated: int


class Bench:
    """One candidate with its topics, a producer of messages and a consumer of answers."""

    def __init__(self, candidate: Candidate, place: Place) -> None:
        self._candidate = candidate
        self._place = place
        self._answered: Counter[str] = Counter()
        self._arrived: dict[str, float] = {}
        self._changed = time.monotonic()
        self._part = 0

    async def measure(self, messages: int, repeats: float, seconds: float) -> Figures:
        """Run everything: backlogs of so many messages, and the latency for so many seconds."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._place.broker)
        await admin.start()
        await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in self._place.topics.values()])
        await admin.close()
        outputs = [topic for purpose, topic in self._place.topics.items() if purpose != "input"]
        consumer = AIOKafkaConsumer(
            *outputs,
            bootstrap_servers=self._place.broker,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        self._program = self._start()
        async with AIOKafkaProducer(bootstrap_servers=self._place.broker, linger_ms=5) as self._producer, consumer:
            reading = asyncio.create_task(self._read(consumer))
            try:
                return await self._run(messages, repeats, seconds)
            finally:
                reading.cancel()
                self._program.kill()

    async def _run(self, messages: int, repeats: float, seconds: float) -> Figures:
        await self._warm_up(min(WARM_UP, messages))
        took_s, cpu_s = await self._backlog(messages, repeats)
        memory = self._program.memory_mib
        latencies = await self._latencies(seconds)
        lost, repeated = await self._killed(messages, repeats)
        return Figures(
            self._candidate.name,
            messages / took_s,
            cpu_s / messages * 1000,
            memory,
            quantiles(latencies, n=100, method="inclusive")[98] * 1000,
            lost,
            repeated,
        )

    def _start(self) -> Program:
        return Program(self._candidate.start(self._place), self._place.folder / "log.txt")

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            key = (record.key or b"").decode()
            self._answered[key] += 1
            self._arrived.setdefault(key, time.time())
            self._changed = time.monotonic()

    def _messages(self, count: int, repeats: float) -> dict[str, str]:
        """Texts by their messages' ids; no text comes twice in a run, except for the repeats."""
        self._part += 1
        _, texts = sample_with_repeats(count, repeats, self._part)
        return {f"{self._part}-{number}": text for number, text in enumerate(texts)}

    async def _send(self, messages: dict[str, str]) -> None:
        for key, text in messages.items():
            await self._producer.send(self._place.topics["input"], **self._record(key, text))
        await self._producer.flush()

    def _record(self, key: str, text: str) -> dict[str, Any]:
        headers = list(self._candidate.headers)
        return {"value": self._candidate.value(key, text), "key": key.encode(), "headers": headers}

    async def _until_answered(self, keys: Sequence[str]) -> None:
        self._changed = time.monotonic()
        while not all(key in self._arrived for key in keys):
            self._check()
            await asyncio.sleep(0.02)

    def _check(self) -> None:
        self._program.check()
        if self._quiet(STALL_S):
            raise RuntimeError(f"no answer for {STALL_S:.0f} s: {self._program.last_lines()}")

    async def _until_ready(self) -> None:
        """Send probes to each partition until it answers one: what was sent to it before is then read, or lost.

        They are sent again and again, since a candidate without a group reads from the end, and misses the first.
        """
        deadline, topic = time.monotonic() + READY_S, self._place.topics["input"]
        waiting, keys = set(range(PARTITIONS)), dict[str, int]()
        while waiting:
            if time.monotonic() > deadline:
                raise RuntimeError(f"not ready after {READY_S:.0f} s: {self._program.last_lines()}")
            probes = zip(sorted(waiting), self._messages(len(waiting), 0.0).items(), strict=True)
            for partition, (key, text) in probes:
                keys[key] = partition
                await self._producer.send(topic, partition=partition, **self._record(key, text))
            sent = time.monotonic()
            while waiting and time.monotonic() - sent < PROBE_S:
                self._program.check()
                await asyncio.sleep(0.1)
                waiting -= {partition for key, partition in keys.items() if key in self._arrived}

    async def _warm_up(self, count: int) -> None:
        await self._until_ready()
        messages = self._messages(count, 0.0)
        await self._send(messages)
        await self._until_answered(list(messages))

    async def _backlog(self, count: int, repeats: float) -> tuple[float, float]:
        """Return the seconds, and the CPU time in seconds, that a backlog took."""
        messages = self._messages(count, repeats)
        self._program.signal(signal.SIGSTOP)
        try:
            await self._send(messages)
        finally:
            started, cpu_s = time.time(), self._program.cpu_s
            self._program.signal(signal.SIGCONT)
        await self._until_answered(list(messages))
        return max(self._arrived[key] for key in messages) - started, self._program.cpu_s - cpu_s

    async def _latencies(self, seconds: float) -> list[float]:
        messages = self._messages(int(RATE * seconds), 0.0)
        sent: dict[str, float] = {}
        at = time.time()
        for key, text in messages.items():
            at += 1 / RATE
            await asyncio.sleep(max(0.0, at - time.time()))
            sent[key] = time.time()
            await self._producer.send(self._place.topics["input"], **self._record(key, text))
        await self._until_answered(list(messages))
        return [self._arrived[key] - moment for key, moment in sent.items()]

    async def _killed(self, count: int, repeats: float) -> tuple[int, int]:
        """Kill in the middle of a backlog, start again, and return how many messages were lost and repeated."""
        messages = self._messages(count, repeats)
        await self._send(messages)
        self._changed = time.monotonic()
        while sum(key in self._arrived for key in messages) < count // 3:
            self._check()
            await asyncio.sleep(0.01)
        self._program.kill()
        self._program = self._start()
        await self._until_ready()
        while not self._quiet(REPEATS_S):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
        lost = sum(key not in self._arrived for key in messages)
        return lost, sum(self._answered[key] > 1 for key in messages)

    def _quiet(self, seconds: float) -> bool:
        return time.monotonic() - self._changed > seconds


async def measure(options: argparse.Namespace, folder: Path) -> tuple[list[Figures], list[str]]:
    """Measure the candidates one after the other, on one broker; the names are of those that failed."""
    sigterm_cancels()
    broker.install()
    (node,) = broker.cluster(folder / "kafka")
    node.start()
    node.wait()
    found, failed = list[Figures](), list[str]()
    try:
        for number, candidate in enumerate(CANDIDATES):
            if options.only and options.only.lower() not in candidate.name.lower():
                continue
            own = folder / f"candidate-{number}"
            own.mkdir()
            topics = {purpose: f"{purpose}-{number}" for purpose in PURPOSES}
            port = broker.free_ports(1)[0]
            place = Place(node.bootstrap, topics, f"group-{number}", own, port, options.peers)
            print(f"measuring {candidate.name} …", flush=True)
            try:
                found.append(await Bench(candidate, place).measure(options.messages, options.repeats, options.seconds))
            except RuntimeError as error:
                failed.append(candidate.name)
                print(f"{candidate.name} failed: {error}", flush=True)
            else:
                print(row(found[-1]), flush=True)
    finally:
        node.stop(signal.SIGTERM)
    return found, failed


def row(one: Figures) -> str:
    """Write a row of a Markdown table."""
    return (
        f"| {one.name} | {one.messages_per_second:,.0f} | {one.cpu_s_per_1000:.2f} | {one.memory_mib:,.0f} "
        f"| {one.p99_ms:,.0f} | {one.lost:,} | {one.repeated:,} |"
    )


def table(figures: Sequence[Figures]) -> str:
    """Write a Markdown table."""
    head = "| | messages/s | CPU seconds per 1,000 | memory, MiB | p99, ms | killed once: lost | repeated |"
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |", *map(row, figures)])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=4_000, help="messages in the backlog")
    parser.add_argument("--repeats", type=float, default=0.0, help="share of messages whose text came before")
    parser.add_argument("--seconds", type=float, default=15.0, help="for which the latency is measured")
    parser.add_argument("--only", default="", help="part of a candidate's name")
    parser.add_argument("--peers", required=True, help="Python of the environment with the peers' packages")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="peers-") as folder:
        figures, failed = asyncio.run(measure(options, Path(folder)))
    print(
        f"\n{options.messages:,} messages, {options.repeats:.0%} repeats, {os.cpu_count()} cores shared with the "
        f"broker; their load before: {load:.1f}\n"
    )
    print(table(figures))
    print(f"\nVersions: {versions()}.")
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in figures], indent=2))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
