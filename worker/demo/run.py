"""The demo from start to end: broker, topics, worker, producer, what is seen, and the count at the end."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from time import monotonic

from aiokafka import AIOKafkaProducer
from rich.console import Console
from rich.live import Live

from worker import topics
from worker.connection import connection
from worker.demo.broker import embedded_broker, free_port
from worker.demo.observer import observe
from worker.demo.process import worker_process
from worker.demo.sample import letters
from worker.demo.tally import Tally
from worker.demo.view import LiveView, PlainView, View
from worker.errors import TriageError
from worker.settings import Settings

PARTITIONS = 4
PACED = 240
PACE = 30.0
"""So many messages come at a pace that one can read, so many a second; those after them as fast as they go."""

SILENCE_S = 30.0
FRAME_S = 0.1


async def demo(settings: Settings, messages: int) -> bool:
    """Run the demo with the bundle of these settings; says whether the conservation law holds at its end.

    Raises:
        TriageError: the broker or the worker does not start, or stops before its time.
    """
    console = Console(highlight=False)
    tally = Tally()
    async with embedded_broker() as servers:
        console.print(f"An embedded broker listens on {servers}; it forgets everything at the end.")
        ours = demo_settings(settings, servers)
        await topics.create(ours, partitions=PARTITIONS, replicas=1)
        async with worker_process(ours) as worker:
            console.print(f"The worker is ready, with the bundle {ours.bundle.name}.\n")
            started = monotonic()
            await _show(ours, worker, tally, messages, console)
            took = monotonic() - started
    law = tally.law()
    console.print(f"\n{tally.done} messages in {took:.1f} s. {_figures(tally, messages)}", soft_wrap=True)
    console.print(f"[bold]{law}[/bold]", soft_wrap=True)
    if not law.holds:
        console.print("[red]The conservation law does not hold: a message was lost, or answered twice.[/red]")
    return law.holds


def _figures(tally: Tally, messages: int) -> str:
    half, most = (tally.latency(share, first=PACED) * 1000 for share in (0.5, 0.99))
    line = f"At {PACE:.0f} messages/s, half were answered within {half:.0f} ms and 99 % within {most:.0f} ms"
    return (
        f"{line}; the rest, all at once, at {tally.rate_after(PACED):.0f} messages/s."
        if messages > PACED
        else f"{line}."
    )


def demo_settings(settings: Settings, servers: str) -> Settings:
    """Everything as by default but for the model, so that nobody's own settings get in the way."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    ours = {
        "bootstrap_servers": servers,
        "bundle": settings.bundle.resolve(),
        "device": settings.device,
        "threads": settings.threads,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
        "idempotence": False,  # the embedded broker knows only a later form of the request for a producer's id
        "fetch_max_wait_ms": 10,  # the embedded broker does not look for new messages while it holds a fetch
        "session_timeout_ms": 6_000,  # the embedded broker holds a first join for half of it
    }
    return Settings(**(defaults | ours))


async def _show(
    settings: Settings, worker: asyncio.subprocess.Process, tally: Tally, messages: int, console: Console
) -> None:
    """Produce and watch until every message is answered, or nothing moves any more."""
    watching = asyncio.create_task(observe(settings, PARTITIONS, tally))
    producing = asyncio.create_task(_produce(settings, messages))
    try:
        with _view(console, messages) as view:
            done, moved = 0, monotonic()
            while tally.done < messages and monotonic() - moved < SILENCE_S:
                await asyncio.sleep(FRAME_S)
                view.update(tally)
                if tally.done > done:
                    done, moved = tally.done, monotonic()
                _raise_if_over(worker, watching, producing)
    finally:
        watching.cancel()
        producing.cancel()
        await asyncio.gather(watching, producing, return_exceptions=True)


def _raise_if_over(worker: asyncio.subprocess.Process, *tasks: asyncio.Task[None]) -> None:
    if worker.returncode is not None:
        raise TriageError(f"The demo's worker ended with exit code {worker.returncode} before its time.")
    for task in tasks:
        if task.done():
            task.result()


@contextmanager
def _view(console: Console, messages: int) -> Iterator[View]:
    if not console.is_terminal:
        yield PlainView(console, messages)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield LiveView(live, console, messages)


async def _produce(settings: Settings, messages: int) -> None:
    """Send the sample: at first at a pace for the eye, then as fast as the broker takes it."""
    async with AIOKafkaProducer(**connection(settings), linger_ms=5) as producer:
        started = monotonic()
        for number, letter in enumerate(islice(letters(), messages)):
            if number < PACED:
                await asyncio.sleep(max(0.0, started + number / PACE - monotonic()))
            await producer.send(settings.input_topic, key=letter.key, value=letter.value)
        await producer.flush()
