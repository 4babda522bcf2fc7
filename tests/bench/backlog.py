"""Measures whether the worker is as fast at the end of a long backlog as at its start: ``make bench-backlog``.

All messages are in the topic before the worker starts. Their texts differ, so none is answered from memory, and the
memory of texts fills up to its limit. A real Apache Kafka is started, as for the tests, on the same cores.

    python -m tests.bench.backlog --messages 100000 --bundle models/bundles/ecommerce-fast
"""

import argparse
import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass

from triage_worker.bench.process_usage import cpu_seconds, resident_mib
from triage_worker.bench.traffic import Traffic, sample_with_repeats
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port
from triage_worker.demo.sample_records import SampleRecord
from triage_worker.demo.service_process import Service, running, secret_environment

from tests.bench.worker_cpu import kafka, own_topics

PARTS = 10
AT_ONCE = 10_000
"""So many messages are made at once."""


@dataclass(frozen=True)
class Stretch:
    """What the worker took for a part of the backlog.

    Attributes:
        rate: messages a second.
        cpu_us: CPU time a message, in µs.
        memory_mib: resident memory at its end.
    """

    rate: float
    cpu_us: float
    memory_mib: float

    def __str__(self) -> str:
        return f"{self.rate:10,.0f} {self.cpu_us:12,.0f} {self.memory_mib:8,.0f}"


def portions(messages: int) -> Iterator[list[SampleRecord]]:
    """Make messages with texts that all differ."""
    for number, start in enumerate(range(0, messages, AT_ONCE)):
        yield sample_with_repeats(min(AT_ONCE, messages - start), 0.0, number)[0]


async def fill(traffic: Traffic, messages: int) -> None:
    """Put the whole backlog into the topic."""
    sent = 0
    for portion in portions(messages):
        await traffic.send(portion)
        sent += len(portion)
        print(f"\r{sent:,} of {messages:,} messages sent", end="", flush=True)
    print()


async def work_off(traffic: Traffic, worker: int, messages: int) -> list[Stretch]:
    """Read the answers of a worker, by its process id, part by part."""
    found = []
    # Its start, and the first fetches, are not counted.
    warm_up = max(1, messages // 100)
    since, used = await traffic.all_answered(warm_up), cpu_seconds(worker) or 0.0
    for number in range(PARTS):
        count = messages * (number + 1) // PARTS - (messages * number // PARTS or warm_up)
        until, using = await traffic.all_answered(count), cpu_seconds(worker) or 0.0
        rate, cpu_us = count / (until - since), (using - used) / count * 1e6
        found.append(Stretch(rate, cpu_us, resident_mib(worker) or 0.0))
        print(f"{number + 1:4} of {PARTS} {found[-1]}", flush=True)
        since, used = until, using
    return found


async def measure(settings: Settings, messages: int, partitions: int) -> list[Stretch]:
    """Fill the topic, start a worker, and let it work everything off."""
    async with own_topics(settings, partitions) as own, Traffic.opened(own, partitions) as traffic:
        started = time.monotonic()
        await fill(traffic, messages)
        print(f"sent in {time.monotonic() - started:.0f} s\n\n{'':10} messages/s  µs a message     MiB")
        worker_settings = own.model_copy(update={"http_port": free_port()})
        service = Service("worker", worker_settings, secret_environment(own))
        async with running(service) as [worker]:
            return await work_off(traffic, worker.pid, messages)


def main() -> None:
    """Print a line for each part."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--bundle", help="a bundle instead of the default one")
    parser.add_argument("--delivery", default="at_least_once")
    parser.add_argument("--bootstrap-servers")
    options = parser.parse_args()
    given = {} if options.bundle is None else {"bundle": options.bundle}
    with kafka(options.bootstrap_servers) as servers:
        settings = Settings.load(
            bootstrap_servers=servers, delivery=options.delivery, http_host="127.0.0.1", threads=2, **given
        )
        settings = settings.model_copy(update={"bundle": settings.bundle.resolved()})
        found = asyncio.run(measure(settings, options.messages, options.partitions))
    first, last = found[0], found[-1]
    rate, cpu, memory = last.rate / first.rate, last.cpu_us / first.cpu_us, last.memory_mib / first.memory_mib
    print(f"\nthe last part by the first: messages/s {rate:.2f}, CPU time a message {cpu:.2f}, memory {memory:.2f}")


if __name__ == "__main__":
    main()
