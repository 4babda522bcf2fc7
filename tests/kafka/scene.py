"""Topics, workers and messages that flow, and the run of one fault among them: a cell of the matrix."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from tests.kafka import broker
from tests.kafka.account import Place
from tests.kafka.harness import Bench, Message, message
from tests.kafka.processes import Worker
from tests.kafka.verdict import Row, judge

KEYS = [f"chat-{number}".encode() for number in range(101)]
PARTITIONS = 6
SESSION_S = 3.0
POISON = "poison"
FLOOD = 6_000
TRICKLE_PER_S = 25
ON_BROKERS_TIME = {
    topic: {"message.timestamp.type": "LogAppendTime"} for topic in ("input", "output", "fallback", "dead_letters")
}
"""Topics whose records tell when they arrived, whatever clock their sender has."""


@dataclass
class Scene:
    """One run: topics, workers, the dice, and the brokers where the fault is theirs."""

    bench: Bench
    folder: Path
    delivery: str
    rate: str
    dice: random.Random
    nodes: Sequence[broker.Broker] = ()
    variables: dict[str, str] = field(default_factory=dict)
    module: str = "tests.kafka.fake_worker"
    flood: int = FLOOD
    workers: list[Worker] = field(default_factory=list)

    def start(self) -> Worker:
        """One more worker."""
        worker = self.bench.worker(
            module=self.module,
            delivery=self.delivery,
            session_timeout_ms=str(int(SESSION_S * 1_000)),
            # With a full window in flight and batches that take their time, whatever happens finds much undone.
            FAKE_DELAY_S="0.02",
            **self.variables,
        )
        self.workers.append(worker)
        return worker

    async def joined(self) -> Worker:
        """One more worker that has its partitions."""
        worker = self.start()
        await worker.has_said("Partitions assigned", 60)
        return worker

    def take(self) -> Worker:
        """Any worker, which is no longer counted on."""
        return self.workers.pop(self.dice.randrange(len(self.workers)))

    @property
    def slow(self) -> Path:
        """While this file exists, the model is slow."""
        return self.folder / "slow"

    @property
    def clock(self) -> Path:
        """What this file says is added to the workers' clock."""
        return self.folder / "clock"


Strike = Callable[[Scene], Awaitable[None]]


async def run(name: str, strike: Strike, scene: Scene, seed: int) -> Row:
    """Two workers, messages at the scene's rate, the fault; then all must be answered, and all is accounted for."""
    configs = dict(ON_BROKERS_TIME)
    if name == "clock":
        del configs["output"]  # whose times are then the worker's, which a broker refuses when they are far ahead
    await scene.bench.create_topics(PARTITIONS, max(1, len(scene.nodes)), **configs)
    for _ in range(2):
        await scene.joined()
    async with traffic(scene) as sent:
        await strike(scene)
    await scene.bench.answered(300)
    for worker in scene.workers:
        await worker.has_said("Partitions assigned", 60)
        assert await worker.terminate() == 0, worker.said()
    return await judge(scene.bench, sent, fault=name, delivery=scene.delivery, rate=scene.rate, seed=seed)


@asynccontextmanager
async def traffic(scene: Scene) -> AsyncIterator[list[Place]]:
    """Messages, all at once or a few a second until the block ends; the list is whole after that."""
    sent: list[Place] = []
    if scene.rate == "flood":
        sent += await scene.bench.produce(messages(scene.dice, scene.flood))
        yield sent
        return
    ended = asyncio.Event()
    sending = asyncio.create_task(_trickle(scene, ended))
    try:
        yield sent
    finally:
        ended.set()
        sent += await sending


async def _trickle(scene: Scene, ended: asyncio.Event) -> list[Place]:
    # Idempotent, so that it does not give up on messages while the broker is away.
    async with AIOKafkaProducer(bootstrap_servers=scene.bench.bootstrap, enable_idempotence=True) as producer:
        futures = []
        for key, value in messages(scene.dice, 1_000_000):
            if ended.is_set():
                break
            futures.append(await producer.send(scene.bench.input, value=value, key=key))
            await asyncio.sleep(1 / TRICKLE_PER_S)
        placed = await asyncio.gather(*futures, return_exceptions=True)
    return [(place.partition, place.offset) for place in placed if isinstance(place, RecordMetadata)]


def messages(dice: random.Random, count: int) -> Iterator[Message]:
    """Messages of random lengths; one in a hundred cannot be read, or makes the model fail."""
    for number in range(count):
        text = f"{number} " + "a" * dice.randrange(60)
        if number % 200 == 99:
            yield dice.choice(KEYS), b"{"
        else:
            yield dice.choice(KEYS), message(f"{POISON} {text}" if number % 200 == 199 else text)
