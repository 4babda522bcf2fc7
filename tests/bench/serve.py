"""Measures `triage serve` next to the worker's engine: ``python -m tests.bench.serve [--rounds N] [--json]``.

The engine is a worker put together in this process as ``triage worker`` does, but without Kafka: records go in, events
come out. `triage serve` is a process of its own, and is asked over HTTP from here: requests of 32 texts on several
connections for its rate, and single texts at random moments, at a tenth of that rate, for its latency. Both have the
same settings and the same texts, and take turns. On a machine of two cores the client takes part of them, so the ratio
by CPU time is the one with the clients elsewhere.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import aiohttp
import orjson
from aiokafka.structs import TopicPartition
from triage_models import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_worker.bench.process_usage import cpu_seconds
from triage_worker.bench.traffic import sample
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.classify.wiring import assemble
from triage_worker.config.input_topics import input_sources
from triage_worker.config.settings import Settings
from triage_worker.inference.loaded_bundle import ALL
from triage_worker.observability.metrics import Metrics

from tests.worker.fakes import ProcessorHarness, message, record
from tests.worker.serve.running import Running, running

BATCH, CONNECTIONS = 32, 8
WAVE = 2_048
LATENCY_SHARE, LATENCY_S, LATENCY_LEAST = 0.1, 20.0, 500
PARTITION = TopicPartition("in", 0)
BAR, BAR_MS = 0.8, 40.0

Timing = tuple[float, float]
"""Seconds by the clock, and of CPU."""


async def engine_s(harness: ProcessorHarness[ClassificationProcessor], texts: Sequence[str], first: int) -> Timing:
    """Process a backlog; returns how long it took."""
    started, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(texts), WAVE):
        wave = texts[start : start + WAVE]
        records = [record(PARTITION, first + start + row, message(text)) for row, text in enumerate(wave)]
        await harness.process({PARTITION: records})
        await harness.wait_for_outputs(len(records))
        for output in harness.outputs:
            harness.in_flight.acknowledge(output)
        harness.outputs.clear()
    return time.perf_counter() - started, time.process_time() - cpu


async def serve_s(service: Running, session: aiohttp.ClientSession, texts: Sequence[str]) -> Timing:
    """Send the same in requests of `BATCH`; returns how long it took."""
    bodies = iter([orjson.dumps({"texts": texts[at : at + BATCH]}) for at in range(0, len(texts), BATCH)])

    async def ask() -> None:
        for body in bodies:
            await post(session, body)

    started, cpu = time.perf_counter(), cpu_seconds(service.process.pid) or 0.0
    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return time.perf_counter() - started, (cpu_seconds(service.process.pid) or 0.0) - cpu


async def post(session: aiohttp.ClientSession, body: bytes) -> None:
    async with session.post("/v1/classify", data=body, headers={"Content-Type": "application/json"}) as response:
        assert response.status == 200, await response.text()
        await response.read()


async def latencies_ms(session: aiohttp.ClientSession, bodies: Sequence[bytes], per_second: float) -> list[float]:
    """Send requests at random moments; returns how long each took, from the moment that it was due."""
    chance = random.Random(0)

    async def timed(body: bytes, due: float) -> float:
        await post(session, body)
        return 1_000 * (time.perf_counter() - due)

    due, asked = time.perf_counter(), []
    for body in bodies:
        due += chance.expovariate(per_second)
        await asyncio.sleep(due - time.perf_counter())
        asked.append(asyncio.create_task(timed(body, due)))
    return await asyncio.gather(*asked)


async def measure(messages: int, rounds: int) -> dict[str, float]:
    """Return the figures."""
    classifier = Classifier.open(DEFAULT_BUNDLE, device="cpu", detect_language=False, clean_email=False)
    settings = Settings.load(threads=classifier.threads, remembered_texts=0)  # the texts are the same in every round
    processor, components = assemble(settings, [(ALL, classifier)], Metrics(), sources=input_sources(settings))
    _, texts = sample(messages)
    engine: list[Timing] = []
    served: list[Timing] = []
    with tempfile.TemporaryDirectory() as folder:
        limits = {
            "max_in_flight": settings.max_in_flight,
            "threads": classifier.threads,
            "remembered_texts": 0,
            "log_level": "WARNING",
            "serve_timeout_s": 120,
        }
        async with (
            ProcessorHarness(processor, components.in_flight, PARTITION) as harness,
            running(Path(folder), **limits) as service,
            aiohttp.ClientSession(service.url, connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            for number in range(rounds + 1):  # the first round warms up
                engine.append(await engine_s(harness, texts, number * len(texts)))
                served.append(await serve_s(service, session, texts))
            rate = len(texts) / min(served[1:])[0]
            least = max(LATENCY_LEAST, round(LATENCY_S * rate * LATENCY_SHARE))
            bodies = [orjson.dumps({"text": text}) for text in islice(texts * (1 + least // len(texts)), least)]
            single = await latencies_ms(session, bodies, rate * LATENCY_SHARE)
            bodies = [orjson.dumps({"texts": texts[at : at + BATCH]}) for at in range(0, len(texts) - BATCH, BATCH)]
            batches = await latencies_ms(session, bodies[:LATENCY_LEAST], rate * LATENCY_SHARE / BATCH)
    engine_rate = len(texts) / min(engine[1:])[0]
    return {
        "engine_messages_per_second": engine_rate,
        "serve_messages_per_second": rate,
        "ratio": rate / engine_rate,
        "ratio_by_cpu": min(cpu for _, cpu in engine[1:]) / min(cpu for _, cpu in served[1:]),
        "latency_p50_ms": statistics.median(single),
        "latency_p99_ms": statistics.quantiles(single, n=100)[98],
        "batch_latency_p50_ms": statistics.median(batches),
        "batch_latency_p99_ms": statistics.quantiles(batches, n=100)[98],
        "latency_messages_per_second": rate * LATENCY_SHARE,
        "messages": len(texts),
        "rounds": rounds,
        "threads": classifier.threads,
    }


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=4_000, help="messages in each round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the engine and of serve, in turns")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    found = asyncio.run(measure(given.messages, given.rounds))
    if given.json:
        print(json.dumps(found))
        return
    for line in report(found):
        print(line)


def report(found: dict[str, float]) -> list[str]:
    """Return the figures as lines for a reader."""
    engine, served = found["engine_messages_per_second"], found["serve_messages_per_second"]
    single, batch = (
        f"{found[f'{kind}latency_p50_ms']:>8.1f} ms, p99 {found[f'{kind}latency_p99_ms']:.1f} ms"
        for kind in ("", "batch_")
    )
    return [
        f"engine   {engine:>8,.0f} messages/s, {found['threads']} threads, without Kafka",
        f"serve    {served:>8,.0f} messages/s in requests of {BATCH}, {CONNECTIONS} connections",
        f"ratio    {found['ratio']:>8.2f}, by CPU time {found['ratio_by_cpu']:.2f} (at least {BAR})",
        f"latency  {single} (at most {BAR_MS:.0f}): single texts, {found['latency_messages_per_second']:.0f} a second",
        f"         {batch}: requests of {BATCH} at that rate",
    ]


if __name__ == "__main__":
    main()
