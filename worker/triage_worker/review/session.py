"""Runs a review session: reads the review topic, and has a person at a terminal decide each message."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from rich.console import Console
from triage_schemas.events import ReviewEvent

from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.kafka.event_reader import EventReader, opened_reader
from triage_worker.kafka.event_schemas import EventSchemas, written_channels
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.kafka.topics import require
from triage_worker.observability.metrics import Metrics
from triage_worker.review.reviewer import Reviewer, confirm_on, show_on
from triage_worker.streaming.async_processor import AsyncDecisionProcessor
from triage_worker.streaming.review_outputs import OutputBuilder
from triage_worker.streaming.review_verdicts import Verdict
from triage_worker.streaming.service import run_components
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.offset_tracker import MessageCounts
from triage_worker.streaming.wiring import connect

MAX_IN_FLIGHT = 20
"""How many messages a session reads ahead. It is small, so that other sessions get the rest of the queue."""

DRAIN_TIMEOUT_S = 0.1
"""Only messages without a verdict are left at the end, and other sessions read those again."""


def run(settings: Settings, read_key: Callable[[], str], console: Console, out_of_scope_label: str) -> MessageCounts:
    """Show one message after another until the person leaves, and return the counts of the session.

    Args:
        settings: the connection, the topics and the delivery.
        read_key: blocks until a key is pressed, and returns it; runs in its own thread.
        console: where messages are shown.
        out_of_scope_label: the label of messages that have none of the intents.

    Raises:
        TriageError: the cluster cannot be reached, or a topic does not exist; the message says what to do.
    """
    return asyncio.run(_run(settings, read_key, console, out_of_scope_label))


async def _run(
    settings: Settings, read_key: Callable[[], str], console: Console, out_of_scope_label: str
) -> MessageCounts:
    leaving = stop_on_signals()
    reviewer = Reviewer(show_on(console), confirm_on(console), leaving)
    metrics = Metrics()
    in_flight = InFlightMessages(metrics)
    _start_key_thread(read_key, reviewer, leaving)
    try:
        needed = required_operations("review")
        await unless_stopped(leaving, require(settings, needed))
        encoding = await unless_stopped(leaving, EventSchemas(settings).encoding(written_channels(needed)))
        outputs = OutputBuilder.from_settings(settings, out_of_scope_label, encoding)
        async with opened_reader(settings) as reader:
            await _review(settings, reviewer, outputs, reader, in_flight, metrics, leaving)
    except StoppedError:
        pass  # the person left while no broker answered
    finally:
        leaving.set()
    return in_flight.offsets.counts()


async def _review(
    settings: Settings,
    reviewer: Reviewer,
    outputs: OutputBuilder,
    reader: EventReader,
    in_flight: InFlightMessages,
    metrics: Metrics,
    leaving: asyncio.Event,
) -> None:
    """Review messages until the person leaves."""
    dead_letters = DeadLetters(DeadLetterTopic.of(settings, "review"))
    processor: AsyncDecisionProcessor[ReviewEvent, Verdict] = AsyncDecisionProcessor(
        ReviewEvent, reviewer, outputs.build, dead_letters, in_flight, concurrency=1, reader=reader
    )
    components = connect(
        settings,
        "review",
        TopicSelection((settings.review_topic,)),
        in_flight,
        processor,
        dead_letters,
        metrics,
        max_in_flight=MAX_IN_FLIGHT,
    )
    stop = asyncio.Event()

    async def stop_after_verdicts() -> None:
        await leaving.wait()
        processor.pause()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(settings.drain_timeout_s):
                await components.consumer.flush_and_commit()
        stop.set()

    stopping = asyncio.create_task(stop_after_verdicts())
    try:
        await run_components(components, stop, DRAIN_TIMEOUT_S)
    finally:
        stopping.cancel()


def _start_key_thread(read_key: Callable[[], str], reviewer: Reviewer, leaving: asyncio.Event) -> None:
    """Read keys in a thread, since reading blocks. It is a daemon: a blocked read must not keep the process alive."""
    loop = asyncio.get_running_loop()

    def read_keys() -> None:
        while not leaving.is_set():
            try:
                key = read_key()
            except (KeyboardInterrupt, EOFError):
                key = ""
            if not leaving.is_set():  # the loop may have ended
                loop.call_soon_threadsafe(reviewer.press, key)

    threading.Thread(target=read_keys, name="keys", daemon=True).start()
