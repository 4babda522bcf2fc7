"""Runs the demo from start to end: broker, topics, services, producer, live view and summary."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from itertools import islice
from time import monotonic
from typing import Any, NamedTuple

from rich.console import Console
from rich.live import Live

from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.errors import ConfigError, TriageError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.demo.console_process import console_service, is_installed
from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.embedded_broker import embedded_broker, free_port
from triage_worker.demo.fake_llm import MODEL as FAKE_MODEL
from triage_worker.demo.fake_llm import fake_llm
from triage_worker.demo.sample_records import sample_records
from triage_worker.demo.service_process import Service, running
from triage_worker.demo.settings import demo_settings
from triage_worker.demo.summary import print_checks, print_summary
from triage_worker.demo.topic_recorder import record_topics
from triage_worker.demo.view import PLAIN_WIDTH, LiveView, PlainView, View
from triage_worker.demo.worker_results import WorkerResults
from triage_worker.kafka import topics
from triage_worker.kafka.clients import producer
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load
from triage_worker.streaming.signals import sigterm_cancels

PARTITIONS = 4
PACED = 240
PACED_RATE = 30.0
"""The first `PACED` messages are sent at this rate per second, which a person can follow; the others at once."""

IDLE_TIMEOUT_S = 60.0
"""Ends a demo without progress. Longer than an LLM may take for a message."""

FRAME_S = 0.1


class Results(NamedTuple):
    """All results of the demo."""

    worker: WorkerResults
    downstream: DownstreamResults

    def progress(self) -> tuple[int, int, int]:
        """The numbers of messages that are classified, decided by the fallback, and in tickets."""
        return self.worker.done, len(self.downstream.decisions), self.downstream.filed

    def complete(self, messages: int) -> bool:
        """Whether so many messages have passed all services."""
        checks = self.downstream.checks(self.worker.counts["accepted"])
        return self.worker.done >= messages and all(check.passes for check in checks)


async def run_demo(settings: Settings, messages: int, *, stay: bool = False) -> bool:
    """Run the demo with the bundle of these settings.

    Args:
        settings: name the bundle, and an LLM if one is to be asked.
        messages: how many messages to send.
        stay: keep all services and the console running at the end, until this is cancelled.

    Returns:
        Whether every message is accounted for at the end.

    Raises:
        TriageError: the broker or a service does not start, or stops too early.
        CancelledError: SIGTERM was received; broker and services have been stopped.
    """
    sigterm_cancels()
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    results = Results(WorkerResults(), DownstreamResults())
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(embedded_broker())
        console.print(f"An embedded broker listens on {servers}. It stores its data in memory only.")
        own = demo_settings(settings, servers)
        await topics.create(own, partitions=PARTITIONS, replicas=1)
        fallback = await stack.enter_async_context(_fallback(settings, own, console))
        router = Service("router", _on_its_own_port(own))
        services = [Service("worker", own), router, fallback]
        address = None
        if is_installed():
            browsed, address = console_service(own, services)
            services.append(browsed)
        processes = await stack.enter_async_context(running(*services))
        console.print(f"Worker, router and fallback are ready; {_bundle(own.bundle)}.")
        _print_address(console, address)
        if address is not None and not stay:
            console.print("It ends with the demo: `triage demo --console` leaves it open.\n", soft_wrap=True)
        started = monotonic()
        await _send_and_watch(own, processes, results, messages, console)
        seconds = monotonic() - started
        if stay:
            passed = _print_results(console, results, messages, seconds)
            console.print("\nThe console stays open; press Ctrl-C to end.")
            _print_address(console, address)
            await _until_interrupted(processes)
            return passed
    return _print_results(console, results, messages, seconds)


def _print_results(console: Console, results: Results, messages: int, seconds: float) -> bool:
    worker, downstream = results
    console.print(f"\n{worker.done} messages in {seconds:.1f} s. {_latency(worker, messages)}", soft_wrap=True)
    print_summary(console, worker, downstream, load(DEFAULT_ROUTES))
    return print_checks(console, [*downstream.checks(worker.counts["accepted"]), worker.check()])


def _print_address(console: Console, address: str | None) -> None:
    if address is None:
        console.print("There is no console: install Triage with its [console] extra.\n")
    else:
        console.print(f"See it in a browser: {address}\n", soft_wrap=True)


async def _until_interrupted(processes: Sequence[asyncio.subprocess.Process]) -> None:
    """Wait for Ctrl-C, or for a service that stops."""
    ends = [asyncio.ensure_future(process.wait()) for process in processes]
    with suppress(asyncio.CancelledError):
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()


def _bundle(paths: BundlePaths) -> str:
    names = [folder.name for folder in paths.by_languages.values()]
    return f"the bundle is {names[0]}" if len(names) == 1 else f"the bundles are {', '.join(names)}"


@asynccontextmanager
async def _fallback(settings: Settings, own: Settings, console: Console) -> AsyncIterator[Service]:
    """The fallback service, with the LLM of the user's settings, or with a fake one while the context is open."""
    if settings.llm_url is not None:
        if settings.llm_model is None:
            raise ConfigError(
                "TRIAGE_LLM_URL is set, but no model: set TRIAGE_LLM_MODEL to the model's name there, too."
            )
        chosen = {name: getattr(settings, name) for name in Settings.model_fields if name.startswith("llm_")}
        key = chosen.pop("llm_api_key")
        console.print(f"The fallback asks {settings.llm_model} at {settings.llm_url}.")
        secrets = {variable("llm_api_key"): key.get_secret_value()} if key else {}
        yield Service("fallback", _on_its_own_port(own, **chosen), secrets)
        return
    async with fake_llm() as url:
        console.print(
            "No LLM is configured, so the fallback asks a fake one, which answers by word overlap with the labels' "
            "descriptions. Set TRIAGE_LLM_URL and TRIAGE_LLM_MODEL to use a real one.",
            soft_wrap=True,
        )
        yield Service("fallback", _on_its_own_port(own, llm_url=url, llm_model=FAKE_MODEL))


def _on_its_own_port(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"http_port": free_port(), **changes})


def _latency(worker: WorkerResults, messages: int) -> str:
    median_ms, p99_ms = (worker.latency(share, first=PACED) * 1000 for share in (0.5, 0.99))
    sentence = (
        f"At {PACED_RATE:.0f} messages/s, half were answered within {median_ms:.0f} ms and 99 % within {p99_ms:.0f} ms"
    )
    if messages <= PACED:
        return f"{sentence}."
    return f"{sentence}; the others were sent at once and answered at {worker.rate_after(PACED):.0f} messages/s."


async def _send_and_watch(
    settings: Settings,
    processes: Sequence[asyncio.subprocess.Process],
    results: Results,
    messages: int,
    console: Console,
) -> None:
    """Send the messages and show the results until all are complete, or nothing has changed for a while."""
    recording = asyncio.create_task(record_topics(settings, PARTITIONS, *results))
    producing = asyncio.create_task(_produce(settings, messages))
    try:
        with _view(console, messages) as view:
            progress, changed_at = results.progress(), monotonic()
            while not results.complete(messages) and monotonic() - changed_at < IDLE_TIMEOUT_S:
                await asyncio.sleep(FRAME_S)
                view.update(*results)
                if results.progress() != progress:
                    progress, changed_at = results.progress(), monotonic()
                _raise_if_stopped(processes, recording, producing)
    finally:
        recording.cancel()
        producing.cancel()
        await asyncio.gather(recording, producing, return_exceptions=True)


def _raise_if_stopped(processes: Sequence[asyncio.subprocess.Process], *tasks: asyncio.Task[None]) -> None:
    for process in processes:
        if process.returncode is not None:
            raise TriageError(f"A service of the demo stopped too early, with exit code {process.returncode}.")
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
    """Send the sample, at first at `PACED_RATE`, then as fast as the broker takes it."""
    sender = producer(settings, linger_ms=5)
    try:
        await sender.start()
        started = monotonic()
        for number, record in enumerate(islice(sample_records(), messages)):
            if number < PACED:
                await asyncio.sleep(max(0.0, started + number / PACED_RATE - monotonic()))
            await sender.send(settings.input_topic, key=record.key, value=record.value)
        await sender.flush()
    finally:
        await sender.stop()
