"""The faults of the matrix in docs/reliability.md: what is done to workers and brokers while messages flow."""

import asyncio
import signal
from collections.abc import Container, Mapping

from tests.kafka import admin
from tests.kafka.broker import Broker
from tests.kafka.scenario import SESSION_S, Fault, Scenario, terminate


async def kill(scenario: Scenario) -> None:
    """Kill a random worker with SIGKILL and start another one, three times."""
    for _ in range(3):
        await asyncio.sleep(scenario.rng.uniform(0.5, 2.5))
        scenario.remove_worker().kill()
        scenario.start_worker()


async def freeze(scenario: Scenario) -> None:
    """Stop a worker for longer than its session lasts, and let it continue."""
    await asyncio.sleep(scenario.rng.uniform(0.5, 2.0))
    await freeze_worker(scenario, 2 * SESSION_S)
    await asyncio.sleep(1)


async def freeze_worker(scenario: Scenario, seconds: float) -> None:
    """Stop a random worker for some time."""
    worker = scenario.rng.choice(scenario.workers)
    worker.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    worker.signal(signal.SIGCONT)


async def bounce(scenario: Scenario) -> None:
    """Shut down one of three brokers and start it again, then kill another one and start it again."""
    chosen = scenario.rng.sample(scenario.brokers, 2)
    for broker, number in zip(chosen, (signal.SIGTERM, signal.SIGKILL), strict=True):
        await asyncio.sleep(scenario.rng.uniform(0.5, 2.0))
        await asyncio.to_thread(broker.stop, number)
        await restart_broker(scenario, broker)
    await asyncio.sleep(1)


async def restart_broker(scenario: Scenario, broker: Broker) -> None:
    """Start a broker that is stopped, and wait until all replicas are in sync."""
    broker.start()
    await asyncio.to_thread(broker.wait)
    await admin.wait_until_in_sync(scenario.harness.bootstrap)


async def leaders(scenario: Scenario) -> None:
    """Move the leaders of partitions among three brokers, those of the groups' coordinator included."""
    # docs/reliability.md explains why, in "What is not promised".
    await move_leaders_repeatedly(scenario, excluded=("__transaction_state",))


async def all_leaders(scenario: Scenario) -> None:
    """Move the leaders of all partitions thirty times, those of both coordinators included."""
    await move_leaders_repeatedly(scenario, times=30, pause_s=1.0)


async def move_leaders_repeatedly(
    scenario: Scenario, *, excluded: Container[str] = (), times: int = 6, pause_s: float = 1.5
) -> None:
    """Move leaders several times, except those of some topics, with pauses of up to 0.5 s more or less than given."""
    for _ in range(times):
        await asyncio.sleep(scenario.rng.uniform(pause_s - 0.5, pause_s + 0.5))
        await admin.move_leaders(scenario.harness.bootstrap, scenario.rng, excluded=excluded)
    await asyncio.sleep(2)


async def storm(scenario: Scenario) -> None:
    """Let workers join and leave every second or two."""
    leaving = []
    for _ in range(8):
        await asyncio.sleep(scenario.rng.uniform(1, 2))
        if len(scenario.workers) < 2 or (len(scenario.workers) < 4 and scenario.rng.random() < 0.5):
            scenario.start_worker()
        else:
            leaving.append(asyncio.create_task(terminate([scenario.remove_worker()])))
    await asyncio.gather(*leaving)


async def slow(scenario: Scenario) -> None:
    """Let batches take twice the poll interval, and let another worker join meanwhile."""
    await asyncio.sleep(scenario.rng.uniform(0.5, 1.5))
    scenario.slow_file.touch()
    await asyncio.sleep(5)
    scenario.start_worker()
    await asyncio.sleep(6)
    scenario.slow_file.unlink()


async def poison(scenario: Scenario) -> None:
    """Only wait: every hundredth message of each scenario is unreadable, or makes the model fail."""
    await asyncio.sleep(4)


async def clock(scenario: Scenario) -> None:
    """Set the workers' clock two hours ahead, then two hours back, then right again."""
    for offset in ("+2h", "-2h", "+0"):
        await asyncio.sleep(scenario.rng.uniform(1, 3))
        scenario.clock_file.write_text(offset)
        await asyncio.sleep(3)


async def disk(scenario: Scenario) -> None:
    """Fill the broker's disk until the broker stops, free the space, and start the broker again."""
    await asyncio.sleep(scenario.rng.uniform(0.5, 2.0))
    (broker,) = scenario.brokers
    ballast = broker.folder / "ballast"
    with ballast.open("wb") as stream:
        try:
            while True:
                stream.write(bytes(1 << 20))
                stream.flush()
        except OSError:
            pass  # the disk is full
    assert broker.process is not None
    await asyncio.to_thread(broker.process.wait, 60)
    await asyncio.sleep(2)
    ballast.unlink()
    await restart_broker(scenario, broker)
    await asyncio.sleep(1)


MATRIX: Mapping[str, Fault] = {
    fault.__name__: fault for fault in (kill, freeze, bounce, leaders, storm, slow, poison, clock, disk)
}
"""The faults by their names in docs/reliability.md."""
