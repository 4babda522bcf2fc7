"""What is done to workers and brokers while messages flow."""

import asyncio
import signal
from collections.abc import Container, Mapping

from tests.kafka import admin
from tests.kafka.broker import Broker
from tests.kafka.processes import Worker
from tests.kafka.scene import SESSION_S, Scene, Strike


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


async def back(scene: Scene, node: Broker) -> None:
    """Start a broker, and wait until it has what the others have."""
    node.start()
    await asyncio.to_thread(node.wait)
    await admin.in_sync(scene.bench.bootstrap)


async def leaders(scene: Scene) -> None:
    """Of three brokers, now one leads a partition and now another, those of the groups' coordinator, too."""
    await moved(scene, spared=("__transaction_state",))  # docs/reliability.md tells why, under what is not promised


async def moved(scene: Scene, *, spared: Container[str] = ()) -> None:
    """Move leaders six times."""
    for _ in range(6):
        await asyncio.sleep(scene.dice.uniform(1, 2))
        await admin.move_leaders(scene.bench.bootstrap, scene.dice, spared=spared)
    await asyncio.sleep(2)


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
    strike.__name__: strike for strike in (kill, freeze, bounce, leaders, storm, slow, poison, clock, disk)
}
