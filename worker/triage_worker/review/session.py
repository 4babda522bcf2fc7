"""A review session: the review topic on one side, a person at a terminal on the other."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from rich.console import Console
from triage_schemas.events import ReviewEvent

from triage_worker.config.settings import Settings
from triage_worker.kafka.topics import require
from triage_worker.observability.metrics import Metrics
from triage_worker.review.keys import Verdict
from triage_worker.review.outputs import Writer
from triage_worker.review.person import Person, show_on, tell_on
from triage_worker.streaming.async_processor import AsyncDecisionProcessor
from triage_worker.streaming.service import run_components
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.offset_tracker import MessageCounts
from triage_worker.streaming.wiring import connect

TOPICS = {
    "review_topic": "Read and Write",
    **dict.fromkeys(("output_topic", "labels_topic", "dead_letter_topic"), "Write"),
}

AHEAD = 20
"""Messages that a person's terminal holds; the rest of the queue is free for others."""

LEAVE_S = 0.1
"""Messages that were not shown are given back at once; what was answered is settled before."""


def run(settings: Settings, read_key: Callable[[], str], console: Console, out_of_scope_label: str) -> MessageCounts:
    """Show one message after another until the person leaves; returns the counts of the session.

    Args:
        settings: where.
        read_key: waits for a key; runs in a thread of its own.
        console: where messages are shown.
        out_of_scope_label: the label of messages that have none of the intents.

    Raises:
        TriageError: the cluster cannot be reached, or a topic is missing; says what to do.
    """
    return asyncio.run(_run(settings, read_key, console, out_of_scope_label))


async def _run(
    settings: Settings, read_key: Callable[[], str], console: Console, out_of_scope_label: str
) -> MessageCounts:
    await require(settings, TOPICS)
    leaving = asyncio.Event()
    person = Person(show_on(console), tell_on(console), leaving)
    writer = Writer(
        output_topic=settings.output_topic,
        review_topic=settings.review_topic,
        labels_topic=settings.labels_topic,
        out_of_scope_label=out_of_scope_label,
        include_text=settings.include_text,
    )
    dead_letters, metrics = DeadLetters(settings.dead_letter_topic), Metrics()
    in_flight = InFlightMessages(metrics)
    processor: AsyncDecisionProcessor[ReviewEvent, Verdict] = AsyncDecisionProcessor(
        ReviewEvent, person, writer.output, dead_letters, in_flight, concurrency=1
    )
    components = connect(
        settings, "review", settings.review_topic, in_flight, processor, dead_letters, metrics, max_in_flight=AHEAD
    )
    stop = asyncio.Event()
    _listen(read_key, person, leaving)

    async def leave() -> None:
        await leaving.wait()
        processor.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.drain_timeout_s):
                await components.consumer.flush_and_commit()
        stop.set()

    leaver = asyncio.create_task(leave())
    try:
        await run_components(components, stop, LEAVE_S)
    finally:
        leaving.set()
        leaver.cancel()
    return in_flight.offsets.counts()


def _listen(read_key: Callable[[], str], person: Person, leaving: asyncio.Event) -> None:
    """Read keys in a thread, since that waits; a daemon, since nothing else ends it."""
    loop = asyncio.get_running_loop()

    def listen() -> None:
        while not leaving.is_set():
            try:
                key = read_key()
            except (KeyboardInterrupt, EOFError):
                key = ""
            loop.call_soon_threadsafe(person.press, key)

    threading.Thread(target=listen, name="keys", daemon=True).start()
