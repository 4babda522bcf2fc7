"""The benchmark from start to end: the worker and the bare network in turns, then latency, then the plain loop."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from triage_models.metrics import cost
from triage_models.serving.classifier import Classifier

from triage_worker.bench.host import cpu_seconds, resident_mib
from triage_worker.bench.raw import RawNetwork, Run
from triage_worker.bench.result import Result, Round, summary
from triage_worker.bench.traffic import Traffic, sample
from triage_worker.classify.loaded_bundle import limits
from triage_worker.config.settings import Settings
from triage_worker.demo.broker import embedded_broker, free_port
from triage_worker.demo.process import Service, running
from triage_worker.demo.run import demo_settings
from triage_worker.demo.sample import Letter
from triage_worker.kafka import topics
from triage_worker.kafka.clients import bare_admin_client
from triage_worker.streaming.signals import sigterm_cancels

LATENCY_SHARE, LATENCY_S, LATENCY_LEAST = 0.1, 15.0, 100
PEER_MESSAGES, PEER_S = 200, 15.0


@dataclass(frozen=True)
class Options:
    """What to run: messages a round, rounds, and what a machine costs; our own broker unless ``external``."""

    messages: int
    rounds: int
    external: bool
    peer: bool
    partitions: int = 4
    dollars_per_hour: float = cost.MACHINE_DOLLARS_PER_HOUR
    tell: Callable[[str], None] = lambda text: None


async def bench(settings: Settings, options: Options) -> Result:
    """Measure the worker with these settings, on topics of its own that are gone afterwards.

    Raises:
        TriageError, ModelError: the broker, the worker or the bundle will not do; says why.
        CancelledError: SIGTERM; broker and worker are gone then.
    """
    sigterm_cancels()
    classifier = await asyncio.to_thread(
        Classifier.open, settings.bundle, device=settings.device, threads=settings.threads or None
    )
    async with _broker(settings, options) as served:
        ours = served.model_copy(update={"threads": classifier.threads})
        rounds, latencies, rate = await _ours(ours, classifier, options)
        peer = await _peer(ours, options) if options.peer else None
    return summary(
        rounds,
        latencies,
        latency_rate=rate,
        messages=options.messages,
        peer=peer,
        dollars_per_hour=options.dollars_per_hour,
        threads=classifier.threads,
        broker=settings.bootstrap_servers if options.external else "embedded, on the same cores",
        bundle=f"{classifier.bundle.name} {classifier.bundle.version}",
        delivery=ours.delivery,
        partitions=options.partitions,
    )


async def _ours(settings: Settings, classifier: Classifier, options: Options) -> tuple[list[Round], list[float], float]:
    """Rounds of both in turns; then latencies at a share of the worker's rate, and that rate."""
    messages, texts = sample(options.messages)
    raw = RawNetwork(classifier, texts, limits(settings, classifier))
    async with (
        running(Service("worker", settings)) as [worker],
        Traffic.opened(settings, options.partitions) as traffic,
    ):
        options.tell("warming up")
        await _round(raw, traffic, messages, worker.pid)
        rounds = []
        for number in range(options.rounds):
            options.tell(f"round {number + 1} of {options.rounds}")
            rounds.append(await _round(raw, traffic, messages, worker.pid))
        options.tell("latency")
        rate = LATENCY_SHARE * options.messages / min(one.ours.seconds for one in rounds)
        trickle, _ = sample(max(LATENCY_LEAST, round(LATENCY_S * rate)))
        return rounds, await traffic.latencies(trickle, rate, seed=0), rate


async def _round(raw: RawNetwork, traffic: Traffic, messages: Sequence[Letter], worker: int) -> Round:
    return Round(await _burst(traffic, messages, worker), await asyncio.to_thread(raw.run), resident_mib(worker))


async def _burst(traffic: Traffic, messages: Sequence[Letter], worker: int) -> Run:
    """Let the worker work off a backlog. It is halted while the backlog is made, which is not what is measured."""
    os.kill(worker, signal.SIGSTOP)
    try:
        await traffic.send(messages)
    finally:
        started, cpu = time.time(), cpu_seconds(worker)
        os.kill(worker, signal.SIGCONT)
    finished = await traffic.all_answered(len(messages))
    now = cpu_seconds(worker)
    return Run(finished - started, None if cpu is None or now is None else now - cpu)


async def _peer(settings: Settings, options: Options) -> float | None:
    """The plain loop's rate; None without the [train] extra."""
    if find_spec("torch") is None or find_spec("transformers") is None:
        return None
    from triage_worker.bench.peer import SLICE, messages_per_second  # noqa: PLC0415 (heavy, and an extra)

    options.tell("plain loop")
    return await messages_per_second(
        settings, settings.labels_topic, min(PEER_MESSAGES, options.messages // SLICE * SLICE), PEER_S
    )


@asynccontextmanager
async def _broker(settings: Settings, options: Options) -> AsyncIterator[Settings]:
    """A broker with topics of the benchmark's own, as settings of a worker there."""
    name = f"triage-bench-{uuid.uuid4().hex[:8]}"
    own = {setting: f"{name}.{setting}" for setting in Settings.model_fields if setting.endswith("_topic")}
    own |= {"group_id": name}
    if not options.external:
        async with embedded_broker() as servers:
            ours = demo_settings(settings, servers).model_copy(update=own)
            await topics.create(ours, partitions=options.partitions, replicas=1)
            yield ours
        return
    ours = settings.model_copy(
        update=own | {"http_host": "127.0.0.1", "http_port": free_port(), "bundle": settings.bundle.resolve()}
    )
    await topics.create(ours, partitions=options.partitions, replicas=1)
    try:
        yield ours
    finally:
        async with bare_admin_client(ours) as admin:
            await admin.delete_topics([topic for setting, topic in own.items() if setting.endswith("_topic")])
