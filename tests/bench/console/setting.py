"""What the measurements run on: a Kafka of their own, its topics, and a console as a process."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiokafka import AIOKafkaProducer
from triage_worker.bench.process_usage import cpu_seconds, resident_mib
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port

from tests.kafka import admin, broker
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import environment

CODE = "bench"
PARTITIONS = 12
START_S = 120.0
TOPICS = ("output", "fallback", "dead_letter", "tickets", "alerts", "review", "labels", "control", "acts")


@dataclass(frozen=True)
class Bench:
    """A console that runs.

    Attributes:
        settings: the cluster and the topics.
        producer: on that cluster.
        url: of the console.
        state: its file.
        pid: its process.
    """

    settings: Settings
    producer: AIOKafkaProducer
    url: str
    state: Path
    pid: int

    def rows(self, sql: str) -> int:
        """Return the number that a query of the state counts."""
        connection = sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)
        try:
            return int(connection.execute(sql).fetchone()[0])
        finally:
            connection.close()

    async def until(self, sql: str, least: int, longest_s: float = 600.0) -> None:
        """Wait until a query of the state counts so many."""
        async with asyncio.timeout(longest_s):
            while self.rows(sql) < least:  # noqa: ASYNC110 (another process's file)
                await asyncio.sleep(0.2)

    def cpu_s(self) -> float:
        """CPU time of the console so far, in seconds."""
        return cpu_seconds(self.pid) or 0.0

    def memory_mib(self) -> float:
        """Resident memory of the console."""
        return resident_mib(self.pid) or 0.0


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bench]:
    """Run a Kafka and a console while the context is open."""
    broker.install()
    with running_cluster(folder / "kafka", 1, {}) as (node,):
        settings = Settings(bootstrap_servers=node.bootstrap)
        names = [getattr(settings, f"{name}_topic") for name in TOPICS]
        await admin.create_topics(node.bootstrap, names, partitions=PARTITIONS)
        port, state = free_port(), folder / "state.sqlite"
        variables = environment(
            bootstrap_servers=node.bootstrap,
            http_host="127.0.0.1",
            http_port=str(port),
            console_code=CODE,
            console_state=str(state),
            log_level="WARNING",
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "triage_worker", "console", env=variables, cwd=folder
        )
        try:
            await _ready(f"http://127.0.0.1:{port}/readyz")
            async with AIOKafkaProducer(
                bootstrap_servers=node.bootstrap, linger_ms=5, request_timeout_ms=int(1_000 * START_S)
            ) as sender:
                yield Bench(settings, sender, f"http://127.0.0.1:{port}", state, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _ready(url: str) -> None:
    async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.2)


def load() -> float:
    """Processes that wanted a processor in the last minute, for each processor."""
    return os.getloadavg()[0] / (os.cpu_count() or 1)
