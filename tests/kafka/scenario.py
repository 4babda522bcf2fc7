"""Runs a fault scenario: workers process messages while a fault is injected, then all outputs are verified."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.kafka import broker
from tests.kafka.harness import KafkaHarness, Message, message
from tests.kafka.message_outcomes import Position
from tests.kafka.processes import ServiceProcess
from tests.kafka.traffic import constant_traffic
from tests.kafka.verification import Result, verify

KEYS = [f"chat-{number}".encode() for number in range(101)]
PARTITIONS = 6
SESSION_S = 3.0
POISON = "poison"
FLOOD_MESSAGES = 6_000
TRICKLE_PER_S = 25
BROKER_TIMESTAMPS = {
    topic: {"message.timestamp.type": "LogAppendTime"} for topic in ("input", "output", "fallback", "dead_letters")
}
"""Topic settings with which records have the broker's time, whatever the clock of their producer."""


@dataclass
class Scenario:
    """The topics and workers of one run.

    Attributes:
        harness: the topics.
        folder: for the files that control the workers.
        delivery: of the workers.
        rate: "flood", all messages at once, or "trickle", a few a second.
        rng: the source of all random choices.
        brokers: those that the fault is injected into, if any.
        variables: of the workers' environment, beyond the usual ones.
        module: what a worker runs.
        flood_messages: how many messages a flood has.
        workers: those that run and must answer all messages in the end.
    """

    harness: KafkaHarness
    folder: Path
    delivery: str
    rate: str
    rng: random.Random
    brokers: Sequence[broker.Broker] = ()
    variables: dict[str, str] = field(default_factory=dict)
    module: str = "tests.kafka.fake_worker"
    flood_messages: int = FLOOD_MESSAGES
    workers: list[ServiceProcess] = field(default_factory=list)

    def start_worker(self) -> ServiceProcess:
        """Start one more worker."""
        worker = self.harness.start(
            module=self.module,
            delivery=self.delivery,
            session_timeout_ms=str(int(SESSION_S * 1_000)),
            # Slow batches and a full window in flight: whenever the fault happens, many messages are unfinished.
            FAKE_DELAY_S="0.02",
            **self.variables,
        )
        self.workers.append(worker)
        return worker

    def remove_worker(self) -> ServiceProcess:
        """Choose a worker at random, and no longer expect answers from it."""
        return self.workers.pop(self.rng.randrange(len(self.workers)))

    @property
    def slow_file(self) -> Path:
        """The model is slow while this file exists."""
        return self.folder / "slow"

    @property
    def clock_file(self) -> Path:
        """The offset in this file is added to the workers' clock."""
        return self.folder / "clock"


Fault = Callable[[Scenario], Awaitable[None]]
"""Injects a fault into a running scenario; returns when it is over."""


async def run_scenario(name: str, fault: Fault, scenario: Scenario, seed: int) -> Result:
    """Start two workers, send messages, inject the fault, wait until all messages are answered, and verify the outputs.

    Args:
        name: of the fault, for the result.
        fault: what to inject.
        scenario: not started.
        seed: of the scenario's random choices, for the result.
    """
    configs = dict(BROKER_TIMESTAMPS)
    if name == "clock":
        del configs["output"]  # its records keep the worker's time, which a broker refuses if it is far ahead
    await scenario.harness.create_topics(PARTITIONS, max(1, len(scenario.brokers)), **configs)
    for _ in range(2):
        await scenario.start_worker().wait_for_log("Partitions assigned", 60)
    async with traffic(scenario) as sent:
        await fault(scenario)
    await scenario.harness.wait_until_committed(300)
    await terminate(scenario.workers)
    return await verify(scenario.harness, sent, fault=name, delivery=scenario.delivery, rate=scenario.rate, seed=seed)


async def terminate(workers: Sequence[ServiceProcess]) -> None:
    """Terminate workers once each has had partitions; each must exit with 0."""
    for worker in workers:
        await worker.wait_for_log("Partitions assigned", 60)
        assert await worker.terminate() == 0, worker.log_text()


@asynccontextmanager
async def traffic(scenario: Scenario) -> AsyncIterator[list[Position]]:
    """Send messages at the scenario's rate; the list has all positions when the context has ended."""
    harness, rng = scenario.harness, scenario.rng
    if scenario.rate == "flood":
        yield await harness.produce(random_messages(rng, scenario.flood_messages))
        return
    messages = random_messages(rng, 1_000_000)
    async with constant_traffic(harness, messages, TRICKLE_PER_S, failures_allowed=True) as trickle:
        yield trickle.positions


def random_messages(rng: random.Random, count: int) -> Iterator[Message]:
    """Make messages of random lengths; one in a hundred is unreadable, or makes the model fail."""
    for number in range(count):
        text = f"{number} " + "a" * rng.randrange(60)
        if number % 200 == 99:
            yield rng.choice(KEYS), b"{"
        else:
            yield rng.choice(KEYS), message(f"{POISON} {text}" if number % 200 == 199 else text)
