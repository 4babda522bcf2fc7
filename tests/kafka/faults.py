"""What is done to workers and brokers while messages flow, and the run around it: one cell of the matrix."""

import asyncio
import random
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from tests.kafka import broker
from tests.kafka.harness import Bench, Message, Worker, message
from tests.kafka.verdict import Place, Row, judge

KEYS = [f"chat-{number}".encode() for number in range(101)]
PARTITIONS = 6
SESSION_S = 3.0
POISON = "poison"
FLOOD = 6_000
TRICKLE_PER_S = 25
DISK_MIB = 128
ON_BROKERS_TIME = {
    topic: {"message.timestamp.type": "LogAppendTime"} for topic in ("input", "output", "fallback", "dead_letters")
}
"""Topics whose records tell when they arrived, whatever clock their sender has."""
REPLICATED = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "min.insync.replicas": "2",
    "default.replication.factor": "3",
    # Until a dead broker's session ends nothing leads its partitions. The default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
}
LIBFAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


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


async def kill(scene: Scene) -> None:
    """kill -9 of a random worker, three times; another takes its place."""
    for _ in range(3):
        await asyncio.sleep(scene.dice.uniform(0.5, 2.5))
        scene.take().kill()
        scene.start()


async def freeze(scene: Scene) -> None:
    """A worker stands still for longer than its session lasts, and wakes up."""
    await asyncio.sleep(scene.dice.uniform(0.5, 2.0))
    await frozen(scene, 2 * SESSION_S)
    await asyncio.sleep(1)


async def frozen(scene: Scene, seconds: float) -> None:
    victim = scene.dice.choice(scene.workers)
    victim.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    victim.signal(signal.SIGCONT)


async def bounce(scene: Scene) -> None:
    """A broker of three is shut down and started again, then another is killed and started again."""
    for node, number in zip(scene.dice.sample(scene.nodes, 2), (signal.SIGTERM, signal.SIGKILL), strict=True):
        await asyncio.sleep(scene.dice.uniform(0.5, 2.0))
        await asyncio.to_thread(node.stop, number)
        await back(scene, node)
    await asyncio.sleep(1)


async def back(scene: Scene, node: broker.Broker) -> None:
    """Start a broker, and wait until it has what the others have."""
    node.start()
    await asyncio.to_thread(node.wait)
    await scene.bench.in_sync(len(scene.nodes))


async def storm(scene: Scene) -> None:
    """Workers join and leave every second or two."""
    leaving = []
    for _ in range(8):
        await asyncio.sleep(scene.dice.uniform(1, 2))
        if len(scene.workers) < 2 or (len(scene.workers) < 4 and scene.dice.random() < 0.5):
            scene.start()
        else:
            leaving.append(asyncio.create_task(_leave(scene.take())))
    await asyncio.gather(*leaving)


async def _leave(worker: Worker) -> None:
    await worker.has_said("Partitions assigned", 60)
    assert await worker.terminate() == 0, worker.said()


async def slow(scene: Scene) -> None:
    """Batches take twice as long as a worker may go without polling, and another worker joins meanwhile."""
    await asyncio.sleep(scene.dice.uniform(0.5, 1.5))
    scene.slow.touch()
    await asyncio.sleep(5)
    scene.start()
    await asyncio.sleep(6)
    scene.slow.unlink()


async def poison(scene: Scene) -> None:
    """Nothing but what the messages do: every hundredth cannot be read, or makes the model fail."""
    await asyncio.sleep(4)


async def clock(scene: Scene) -> None:
    """The workers' clock jumps two hours ahead, then two hours behind, then is right again."""
    for offset in ("+2h", "-2h", "+0"):
        await asyncio.sleep(scene.dice.uniform(1, 3))
        scene.clock.write_text(offset)
        await asyncio.sleep(3)


async def disk(scene: Scene) -> None:
    """The broker's disk is full until it gives up; room is made, and it is started again."""
    await asyncio.sleep(scene.dice.uniform(0.5, 2.0))
    (node,) = scene.nodes
    ballast = node.folder / "ballast"
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 20))
                stream.flush()
        except OSError:
            pass  # as full as it gets
    assert node.process is not None
    await asyncio.to_thread(node.process.wait, 60)
    await asyncio.sleep(2)
    ballast.unlink()
    await back(scene, node)
    await asyncio.sleep(1)


MATRIX: Mapping[str, Strike] = {
    strike.__name__: strike for strike in (kill, freeze, bounce, storm, slow, poison, clock, disk)
}


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


@contextmanager
def arranged(name: str, folder: Path, bootstrap: str) -> Iterator[tuple[str, Sequence[broker.Broker], dict[str, str]]]:
    """What a fault needs: the bootstrap servers, brokers of its own, and the workers' variables."""
    variables = {"FAKE_POISON": POISON}
    if name == "slow":
        variables |= {"FAKE_SLOW_FILE": str(folder / "slow"), "FAKE_SLOW_S": "4", "max_poll_interval_ms": "2000"}
    if name == "clock":
        variables |= shifted_clock(folder)
    if name == "bounce":
        with started(folder / "kafka", 3, REPLICATED) as nodes:
            yield ",".join(node.bootstrap for node in nodes), nodes, variables
    elif name == "disk":
        with small_disk(folder / "kafka"), started(folder / "kafka", 1, {}) as nodes:
            yield nodes[0].bootstrap, nodes, variables
    else:
        yield bootstrap, (), variables


@contextmanager
def started(folder: Path, count: int, settings: Mapping[str, str]) -> Iterator[Sequence[broker.Broker]]:
    """A cluster that lasts as long as the block."""
    nodes = broker.cluster(folder, count, settings)
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait()
        yield nodes
    finally:
        for node in nodes:
            node.stop()


def shifted_clock(folder: Path) -> dict[str, str]:
    """The variables that give a process a wall clock which a file moves; its monotonic clock stays right."""
    libraries = list(Path("/").glob(LIBFAKETIME.lstrip("/")))
    if not libraries:
        pytest.skip("needs libfaketime (Debian: apt-get install libfaketime)")
    offset = folder / "clock"
    offset.write_text("+0")
    return {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of a few MiB at a folder."""
    folder.mkdir(parents=True)
    size = f"size={DISK_MIB}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "triage-torture", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("needs the right to mount a small file system (root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
