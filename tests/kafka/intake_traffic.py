"""Senders of webhooks that try again until they are answered, and what is in the topic afterwards."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, time

import aiohttp
import orjson
import yaml

from tests.kafka import admin
from tests.kafka.harness import KafkaHarness
from tests.kafka.processes import ServiceProcess
from tests.records import headers_of
from tests.worker.intake.signing import SECRET, signed

JSON = {"Content-Type": "application/json"}
PARTITIONS = 4
AGAIN = 0.2
"""Of the webhooks that were answered, the share that is sent once more all the same."""


@dataclass
class IntakeHarness:
    """Replicas of the intake on topics of a test's own.

    Attributes:
        kafka: the topics.
        folder: for files.
        ports: of the replicas.
        replicas: that were started, by port.
    """

    kafka: KafkaHarness
    folder: Path
    ports: Sequence[int]
    replicas: dict[int, ServiceProcess] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """The topic of the first step."""
        return f"{self.kafka.input}-received"

    async def prepare(self, replicas: int = 1) -> None:
        """Create the topics, and write the file of the sources."""
        await self.kafka.create_topics(PARTITIONS, replicas)
        configs = {self.topic: {"message.timestamp.type": "LogAppendTime"}}
        await admin.create_topics(self.kafka.bootstrap, [self.topic], PARTITIONS, replicas, configs)
        self.write_sources()

    @property
    def sources_file(self) -> Path:
        """The file of the sources."""
        return self.folder / "intake.yaml"

    def write_sources(self) -> None:
        """Write the file of the sources."""
        source = {"name": "shop", "kind": "plain", "secrets": [{"env": "SHOP_SECRET"}], "rate": 5_000, "burst": 50_000}
        self.sources_file.write_text(yaml.safe_dump({"sources": [source]}))

    def start(self, port: int) -> ServiceProcess:
        """Start a replica."""
        service = self.kafka.start(
            module="triage_worker intake",
            intake_sources=str(self.sources_file),
            intake_topic=self.topic,
            http_host="127.0.0.1",
            http_port=str(port),
            SHOP_SECRET=SECRET,
        )
        self.replicas[port] = service
        return service

    async def ready(self, port: int, timeout_s: float = 120) -> None:
        """Wait until a replica takes webhooks."""
        async with asyncio.timeout(timeout_s), aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                assert self.replicas[port].process.poll() is None, self.replicas[port].log_text()
                await asyncio.sleep(0.1)

    async def send_all(self, count: int, rate: float, rng: random.Random, *, first: int = 0) -> Counter[int]:
        """Send webhooks at a rate, from a number on; returns how often each status was answered, 0 for no answer."""
        answers: Counter[int] = Counter()
        begun = monotonic()
        connector = aiohttp.TCPConnector(limit=400)
        async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(10)) as session:
            sending = []
            for number in range(count):
                await asyncio.sleep(max(0.0, begun + number / rate - monotonic()))
                sender = self._send(session, first + number, answers, random.Random(rng.random()))
                sending.append(asyncio.create_task(sender))
            await asyncio.gather(*sending)
        return answers

    async def send_once(self, number: int) -> int:
        """Send a webhook to the first replica, without trying again; returns the status of the answer."""
        body = orjson.dumps({"text": f"where is my parcel {number}", "message_id": f"m-{number}"})
        url = f"http://127.0.0.1:{self.ports[0]}/v1/intake/shop"
        headers = JSON | signed("plain", body, time())
        async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as response:
            return response.status

    async def _send(
        self, session: aiohttp.ClientSession, number: int, answers: "Counter[int]", rng: random.Random
    ) -> None:
        """Send one webhook until it is answered with 202; some are sent once more."""
        message = {
            "text": f"where is my parcel {number}",
            "message_id": f"m-{number}",
            "conversation_id": f"c-{number % 97}",
        }
        body = orjson.dumps(message)
        left = 2 if rng.random() < AGAIN else 1
        while left:
            port = rng.choice(self.ports)
            try:
                url = f"http://127.0.0.1:{port}/v1/intake/shop"
                async with session.post(url, data=body, headers=JSON | signed("plain", body, time())) as response:
                    status = response.status
            except (aiohttp.ClientError, TimeoutError):
                status = 0
            answers[status] += 1
            if status == 202:
                left -= 1
            else:
                await asyncio.sleep(rng.uniform(0.2, 1.0))

    async def check(self, count: int) -> int:
        """Check that each message is in the worker's topic once.

        Returns:
            How often messages are in the topic of the first step, beyond the first time.
        """
        await self.kafka.wait_until_committed(120, self.topic)
        records = await self.kafka.read(self.kafka.input)
        keys = Counter(headers_of(record)["intake-key"].decode() for record in records)
        expected = {f"m-{number}" for number in range(count)}
        assert expected - set(keys) == set(), "lost"
        assert [key for key, times in keys.items() if times > 1] == [], "twice"
        assert set(keys) == expected
        assert await self.kafka.read(self.kafka.dead_letters) == []
        return len(await self.kafka.read(self.topic)) - count
