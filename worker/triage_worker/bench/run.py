"""Runs the benchmark from start to end: worker and raw ONNX Runtime in turns, then latency, then the plain loop."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from triage_models.metrics import cost
from triage_models.serving.classifier import Classifier

from triage_worker.bench.process_usage import cpu_seconds, resident_mib, stopped
from triage_worker.bench.raw_onnx import RawInference, Timing
from triage_worker.bench.result import Result, Round, Setup, summarize
from triage_worker.bench.traffic import Traffic, sample, sample_with_repeats
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import embedded_broker, free_port
from triage_worker.demo.sample_records import SampleRecord
from triage_worker.demo.service_process import Service, running, secret_environment
from triage_worker.demo.settings import demo_settings
from triage_worker.inference.loaded_bundle import limits
from triage_worker.kafka import topics
from triage_worker.kafka.clients import bare_admin_client
from triage_worker.streaming.signals import sigterm_cancels

LATENCY_SHARE, LATENCY_S, LATENCY_LEAST = 0.1, 15.0, 100
"""Latency is measured at this share of the worker's rate, for so long, and with at least so many messages."""

PLAIN_LOOP_MESSAGES, PLAIN_LOOP_S = 200, 15.0


@dataclass(frozen=True)
class Options:
    """What to measure.

    Attributes:
        messages: messages in each round.
        rounds: number of rounds.
        external: use the broker of the settings instead of an embedded one.
        plain_loop: measure the plain loop, too.
        partitions: partitions of each topic.
        repeats: the share of messages whose text came before, 0 to 1; all other texts differ, in all rounds. None:
            each round has the demo's texts, and the worker remembers none of them.
        dollars_per_hour: price of this machine.
        on_stage: called with what is measured next.
    """

    messages: int
    rounds: int
    external: bool
    plain_loop: bool
    partitions: int = 4
    repeats: float | None = None
    dollars_per_hour: float = cost.MACHINE_DOLLARS_PER_HOUR
    on_stage: Callable[[str], None] = lambda text: None


async def run_benchmark(settings: Settings, options: Options) -> Result:
    """Measure the worker with these settings, on topics that are deleted afterwards.

    Raises:
        TriageError: broker or worker cannot be used; says why.
        ModelError: the bundle cannot be used; says why.
        CancelledError: SIGTERM was received; broker and worker have been stopped.
    """
    sigterm_cancels()
    classifier = await asyncio.to_thread(
        Classifier.open, settings.bundle.only, device=settings.device, threads=settings.threads or None
    )
    async with _broker(settings, options) as own_settings:
        remembered = {} if options.repeats is not None else {"remembered_texts": 0}
        own = own_settings.model_copy(update={"threads": classifier.threads, **remembered})
        rounds, latencies, rate = await _measure_worker(own, classifier, options)
        plain_loop_rate = await _measure_plain_loop(own, options) if options.plain_loop else None
    setup = Setup(
        messages=options.messages,
        threads=classifier.threads,
        broker=settings.bootstrap_servers if options.external else "embedded, on the same cores",
        bundle=f"{classifier.bundle.name} {classifier.bundle.version}",
        delivery=own.delivery,
        partitions=options.partitions,
        machine_dollars_per_hour=options.dollars_per_hour,
    )
    return summarize(setup, rounds, latencies, latency_rate=rate, plain_loop_rate=plain_loop_rate)


async def _measure_worker(
    settings: Settings, classifier: Classifier, options: Options
) -> tuple[list[Round], list[float], float]:
    """Measure the rounds, then latencies in seconds, at a rate in messages per second that is the third value."""
    # Each round, and the one that warms up, in order.
    parts = [_Part(settings, classifier, options, number) for number in range(options.rounds + 1)]
    async with (
        running(Service("worker", settings, secret_environment(settings))) as [worker],
        Traffic.opened(settings, options.partitions) as traffic,
    ):
        options.on_stage("warming up")
        await _round(parts[0], traffic, worker.pid)
        rounds = []
        for number, part in enumerate(parts[1:], start=1):
            options.on_stage(f"round {number} of {options.rounds}")
            rounds.append(await _round(part, traffic, worker.pid))
        options.on_stage("latency")
        rate = LATENCY_SHARE * options.messages / min(one.worker.seconds for one in rounds)
        latency_messages, _ = sample(max(LATENCY_LEAST, round(LATENCY_S * rate)))
        return rounds, await traffic.latencies(latency_messages, rate, seed=0), rate


class _Part:
    """The messages of one round, and the model alone with the same texts."""

    def __init__(self, settings: Settings, classifier: Classifier, options: Options, number: int) -> None:
        count, repeats = options.messages, options.repeats
        self.messages, texts = sample(count) if repeats is None else sample_with_repeats(count, repeats, number)
        self.raw = RawInference(classifier, texts, limits(settings, classifier))


async def _round(part: _Part, traffic: Traffic, worker: int) -> Round:
    answered = await _classify_backlog(traffic, part.messages, worker)
    return Round(answered, await asyncio.to_thread(part.raw.run), resident_mib(worker))


async def _classify_backlog(traffic: Traffic, messages: Sequence[SampleRecord], worker: int) -> Timing:
    """Let the worker process a backlog. It is stopped while the backlog is produced, which is not measured."""
    with stopped(worker):
        await traffic.send(messages)
        started, cpu = time.time(), cpu_seconds(worker)
    finished = await traffic.all_answered(len(messages))
    now = cpu_seconds(worker)
    return Timing(finished - started, None if cpu is None or now is None else now - cpu)


async def _measure_plain_loop(settings: Settings, options: Options) -> float | None:
    """The plain loop's messages per second; None without the [train] extra."""
    if find_spec("torch") is None or find_spec("transformers") is None:
        return None
    from triage_worker.bench.plain_loop import SLICE, messages_per_second  # noqa: PLC0415 (heavy, and an extra)

    options.on_stage("plain loop")
    messages = min(PLAIN_LOOP_MESSAGES, options.messages // SLICE * SLICE)
    return await messages_per_second(settings, settings.labels_topic, messages, PLAIN_LOOP_S)


@asynccontextmanager
async def _broker(settings: Settings, options: Options) -> AsyncIterator[Settings]:
    """Create the benchmark's own topics, on an embedded broker or on that of the settings.

    Yields:
        The settings of a worker there.
    """
    name = f"triage-bench-{uuid.uuid4().hex[:8]}"
    named = {setting: f"{name}.{setting}" for setting in Settings.model_fields if setting.endswith("_topic")}
    changes: dict[str, object] = {**named, "group_id": name, "sources": None}
    if not options.external:
        async with embedded_broker() as servers:
            own = demo_settings(settings, servers).model_copy(update=changes)
            await topics.create(own, partitions=options.partitions, replicas=1)
            yield own
        return
    own = settings.model_copy(
        update=changes | {"http_host": "127.0.0.1", "http_port": free_port(), "bundle": settings.bundle.resolved()}
    )
    await topics.create(own, partitions=options.partitions, replicas=1)
    try:
        yield own
    finally:
        async with bare_admin_client(own) as admin:
            await admin.delete_topics(list(named.values()))
