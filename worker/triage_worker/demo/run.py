"""The demo from start to end: broker, topics, services, producer, what is seen, and the sums at the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple

from rich.console import Console
from rich.live import Live

from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.demo.broker import embedded_broker, free_port
from triage_worker.demo.cases import Cases
from triage_worker.demo.closing import close, sums
from triage_worker.demo.observer import observe
from triage_worker.demo.process import Service, running
from triage_worker.demo.sample import letters
from triage_worker.demo.stand_in import MODEL as STAND_IN
from triage_worker.demo.stand_in import stand_in
from triage_worker.demo.tally import Tally
from triage_worker.demo.view import PLAIN_WIDTH, LiveView, PlainView, View
from triage_worker.kafka import topics
from triage_worker.kafka.clients import producer
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load
from triage_worker.streaming.signals import sigterm_cancels

PARTITIONS = 4
PACED = 240
PACE = 30.0
"""So many messages come at a pace that one can read, so many a second; those after them as fast as they go."""

SILENCE_S = 60.0
"""Longer than an LLM may take for a message."""

FRAME_S = 0.1


class Books(NamedTuple):
    """All that is known."""

    tally: Tally
    cases: Cases

    def progress(self) -> tuple[int, int, int]:
        """Messages answered, decided by the fallback, and filed."""
        return self.tally.done, len(self.cases.verdicts), self.cases.filed

    def complete(self, messages: int) -> bool:
        """Whether so many messages are through, all the way."""
        laws = self.cases.laws(self.tally.counts["accepted"])
        return self.tally.done >= messages and all(law.holds for law in laws)


async def demo(settings: Settings, messages: int) -> bool:
    """Run the demo with the bundle of these settings; says whether every message is accounted for at its end.

    Raises:
        TriageError: the broker or a service does not start, or stops before its time.
        CancelledError: SIGTERM; broker and services are gone then.
    """
    sigterm_cancels()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    books = Books(Tally(), Cases())
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(embedded_broker())
        console.print(f"An embedded broker listens on {servers}; it forgets everything at the end.")
        ours = demo_settings(settings, servers)
        await topics.create(ours, partitions=PARTITIONS, replicas=1)
        fallback = await stack.enter_async_context(_fallback(settings, ours, console))
        router = Service("router", _on_its_own_port(ours))
        processes = await stack.enter_async_context(running(Service("worker", ours), router, fallback))
        console.print(f"Worker, router and fallback are ready; the bundle is {ours.bundle.name}.\n")
        started = monotonic()
        await _show(ours, processes, books, messages, console)
        took = monotonic() - started
    tally, cases = books
    console.print(f"\n{tally.done} messages in {took:.1f} s. {_figures(tally, messages)}", soft_wrap=True)
    close(console, tally, cases, load(DEFAULT_ROUTES))
    return sums(console, [*cases.laws(tally.counts["accepted"]), tally.law()])


@asynccontextmanager
async def _fallback(settings: Settings, ours: Settings, console: Console) -> AsyncIterator[Service]:
    """The fallback: on the LLM that the user's settings name, or on a stand-in that is there as long as the context."""
    if settings.llm_url is not None:
        if settings.llm_model is None:
            raise ConfigError(
                "TRIAGE_LLM_URL names an LLM to ask: set TRIAGE_LLM_MODEL to the model's name there, too."
            )
        theirs = {name: getattr(settings, name) for name in Settings.model_fields if name.startswith("llm_")}
        key = theirs.pop("llm_api_key")
        console.print(f"The fallback asks {settings.llm_model} at {settings.llm_url}.")
        secrets = {variable("llm_api_key"): key.get_secret_value()} if key else {}
        yield Service("fallback", _on_its_own_port(ours, **theirs), secrets)
        return
    async with stand_in() as url:
        console.print(
            "The fallback asks no LLM here: a stand-in answers, by word overlap with the labels' descriptions. Set "
            "TRIAGE_LLM_URL and TRIAGE_LLM_MODEL to ask a real one.",
            soft_wrap=True,
        )
        yield Service("fallback", _on_its_own_port(ours, llm_url=url, llm_model=STAND_IN))


def _on_its_own_port(settings: Settings, **more: Any) -> Settings:
    return settings.model_copy(update={"http_port": free_port(), **more})


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
    settings: Settings, processes: Sequence[asyncio.subprocess.Process], books: Books, messages: int, console: Console
) -> None:
    """Produce and watch until every message is answered, decided and filed, or nothing moves any more."""
    watching = asyncio.create_task(observe(settings, PARTITIONS, *books))
    producing = asyncio.create_task(_produce(settings, messages))
    try:
        with _view(console, messages) as view:
            moved, at = books.progress(), monotonic()
            while not books.complete(messages) and monotonic() - at < SILENCE_S:
                await asyncio.sleep(FRAME_S)
                view.update(*books)
                if books.progress() != moved:
                    moved, at = books.progress(), monotonic()
                _raise_if_over(processes, watching, producing)
    finally:
        watching.cancel()
        producing.cancel()
        await asyncio.gather(watching, producing, return_exceptions=True)


def _raise_if_over(processes: Sequence[asyncio.subprocess.Process], *tasks: asyncio.Task[None]) -> None:
    for process in processes:
        if process.returncode is not None:
            raise TriageError(f"A service of the demo ended with exit code {process.returncode} before its time.")
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
    sender = producer(settings, linger_ms=5)
    try:
        await sender.start()
        started = monotonic()
        for number, letter in enumerate(islice(letters(), messages)):
            if number < PACED:
                await asyncio.sleep(max(0.0, started + number / PACE - monotonic()))
            await sender.send(settings.input_topic, key=letter.key, value=letter.value)
        await sender.flush()
    finally:
        await sender.stop()
