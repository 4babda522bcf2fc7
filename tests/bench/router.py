"""Measures the intents per second of a router on one core: ``python -m tests.bench.router [--intents N] [--rounds N]``.

It uses a real Apache Kafka with twelve partitions, and five messages per conversation. Each round starts a new router
on new topics; the first round warms up a broker that has just been started. CPU affinity keeps the router on one core.
The rate is measured from the first commit of the router's group to the last, in three variants: by elapsed time, which
other load slows down; by elapsed time without the time that the router waited for the core; and by CPU time.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition
from triage_schemas.cloudevents import event_headers
from triage_schemas.events import IntentEvent
from triage_worker.bench.process_usage import cpu_seconds

from tests.kafka import broker
from tests.kafka.harness import KafkaHarness
from tests.worker.router.intents import intent_event

PARTITIONS = 12
INTENTS = ("WISMO", "RETURN_REQUEST", "DAMAGED_ITEM", "OTHER", "CANCEL_ORDER")


async def measure(bootstrap: str, folder: Path, intents: int) -> dict[str, float]:
    """Fill the topic, start the router, and follow its group's offsets."""
    harness = KafkaHarness(bootstrap, folder)
    await harness.create_topics(partitions=PARTITIONS)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    tickets, alerts = f"tickets-{harness.group}", f"alerts-{harness.group}"
    await admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in (tickets, alerts)])
    await admin.close()
    rng = random.Random(1)
    records = []
    for number in range(intents):
        conversation = f"chat-{rng.randrange(intents // 5)}"
        event = intent_event(number, conversation_id=conversation, intent=rng.choice(INTENTS))
        headers = event_headers(IntentEvent.TYPE, f"bench:{number}", "2026-01-05T09:00:00Z", event.message_id, [])
        records.append((conversation.encode(), event.write(), headers))
    await harness.send(harness.output, records)
    router = harness.start(
        module="triage_worker router",
        output_topic=harness.output,
        tickets_topic=tickets,
        alerts_topic=alerts,
    )
    os.sched_setaffinity(router.process.pid, {0})
    try:
        return await _watch(bootstrap, harness, intents, router.process.pid)
    finally:
        harness.stop()


async def _watch(bootstrap: str, harness: KafkaHarness, intents: int, pid: int) -> dict[str, float]:
    partitions = [TopicPartition(harness.output, number) for number in range(PARTITIONS)]
    first: tuple[int, float, float, float] | None = None
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=harness.group, enable_auto_commit=False
    ) as reader:
        while True:
            done = sum([await reader.committed(partition) or 0 for partition in partitions])
            now = done, time.monotonic(), _queued_s(pid), cpu_seconds(pid) or 0.0
            if first is None and done:
                first = now
            if first is not None and done >= intents:
                counted, seconds, queued_s, cpu_s = (end - start for end, start in zip(now, first, strict=True))
                return {
                    "intents": counted,
                    "seconds": round(seconds, 2),
                    "queued_seconds": round(queued_s, 2),
                    "core_seconds": round(cpu_s, 2),
                    "intents_per_second": round(counted / seconds),
                    "intents_per_second_unqueued": round(counted / (seconds - queued_s)),
                    "intents_per_core_second": round(counted / cpu_s),
                }
            await asyncio.sleep(0.05)


def _queued_s(pid: int) -> float:
    """Seconds that a process's main thread, which does the work, was ready to run and waited for the core."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def main() -> None:
    """Print a JSON object for each round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--intents", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    broker.install()
    with tempfile.TemporaryDirectory() as folder:
        (node,) = broker.cluster(Path(folder))
        node.start()
        try:
            node.wait()
            for _ in range(arguments.rounds):
                figures = asyncio.run(measure(node.bootstrap, Path(folder), arguments.intents))
                print(orjson.dumps(figures).decode(), flush=True)
        finally:
            node.stop()


if __name__ == "__main__":
    main()
