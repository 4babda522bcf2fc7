"""Measures the worker's CPU time a message, several variants in turns: ``make bench-cpu``.

A variant is a checkout of Triage, a bundle, a number of partitions and a delivery. Another checkout has its own default
bundle and its own defaults; one that remembers no answers and cannot be told so is measured with ``--repeats 0``.

For each round of each, a worker is started, warmed up, and stopped while a backlog is produced; its CPU time is
measured from then to the last answer, by thread. Between them, ONNX Runtime alone runs the same texts, as in
``triage bench``. CPU time is compared, and not the rate, since other work on the machine slows it down less; it still
grows where the cores are shared, for all in the same way.

A real Apache Kafka is started, as for the tests, or named by ``--bootstrap-servers``.

    python -m tests.bench.worker_cpu --against ../main                      # this checkout and another
    python -m tests.bench.worker_cpu --partitions 1 200 --delivery at_least_once exactly_once
"""

import argparse
import asyncio
import os
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from aiokafka.admin import NewTopic
from triage_models.serving.classifier import Classifier
from triage_worker.bench.process_usage import resident_mib, stopped
from triage_worker.bench.raw_onnx import RawInference
from triage_worker.bench.traffic import Traffic, sample, sample_with_repeats
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port
from triage_worker.demo.sample_records import SampleRecord
from triage_worker.demo.service_process import Service, running, secret_environment
from triage_worker.inference.loaded_bundle import limits
from triage_worker.kafka import topics
from triage_worker.kafka.clients import bare_admin_client

from tests.kafka.broker import cluster, install

HERE = Path(__file__).parents[2]
WARM_UP = 500
CREATED = ("input_topic", "output_topic", "fallback_topic", "dead_letter_topic")
NAMED = (*CREATED, "control_topic", "audit_topic")
"""All topics of the worker have names of their own, so that it reads and writes none of the broker's others."""


@dataclass(frozen=True)
class Variant:
    """What is measured: a checkout, a bundle (None: the default one), numbers of partitions and workers, a delivery."""

    checkout: Path
    bundle: Path | None
    partitions: int
    workers: int
    delivery: str

    def services(self, settings: Settings) -> list[Service]:
        """Return the workers to start, which are one group."""
        own = settings.model_copy(update={"delivery": self.delivery})
        if self.bundle is not None:
            own = own.model_copy(update={"bundle": Settings.load(bundle=str(self.bundle)).bundle.resolved()})
        each = [own.model_copy(update={"http_port": free_port()}) for _ in range(self.workers)]
        return [Service("worker", one, self._variables(one), only_changed=self.checkout != HERE) for one in each]

    def _variables(self, settings: Settings) -> dict[str, str]:
        """Return what is in the environment besides the settings: packages, what is compared, secrets."""
        packages = os.pathsep.join(str(self.checkout / folder) for folder in ("schemas", "models", "worker", ""))
        compared = {"TRIAGE_DELIVERY": self.delivery, "TRIAGE_THREADS": str(settings.threads)}
        return {"PYTHONPATH": packages, **compared, **secret_environment(settings)}

    def __str__(self) -> str:
        where = "" if self.checkout == HERE else f" in {self.checkout.name}"
        model = "" if self.bundle is None else f", {self.bundle.name}"
        workers = "" if self.workers == 1 else f", {self.workers} workers"
        return f"{self.delivery}, {self.partitions} partitions{workers}{model}{where}"


class Threads(NamedTuple):
    """CPU time in µs a message: of the event loop, of the inference threads, and of all others."""

    loop: float
    inference: float
    others: float


class Spent(NamedTuple):
    """What one round took; CPU time in µs a message.

    Attributes:
        threads: of all workers.
        rate: messages a second.
        p99_s: from produce to consume, where messages are sent at a rate.
        memory_mib: resident memory of all workers afterwards.
        connections: their open sockets afterwards.
    """

    threads: Threads
    rate: float
    p99_s: float
    memory_mib: float
    connections: int


@dataclass
class Measured:
    """The rounds of one variant."""

    spent: list[Spent] = field(default_factory=list)
    raw_us: list[float] = field(default_factory=list)


def thread_seconds(pid: int) -> dict[int, float]:
    """CPU time of each thread of a process so far."""
    found = {}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        fields = (thread / "stat").read_text().rpartition(")")[2].split()
        found[int(thread.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def split_threads(
    pid: int, before: dict[int, float], after: dict[int, float], inferring: int, messages: int
) -> Threads:
    """Divide what the threads used by what they do: those that infer use most."""
    used = {thread: (seconds - before.get(thread, 0.0)) / messages * 1e6 for thread, seconds in after.items()}
    loop = used.pop(pid)
    ordered = sorted(used.values(), reverse=True)
    return Threads(loop, sum(ordered[:inferring]), sum(ordered[inferring:]))


def open_sockets(pid: int) -> int:
    """How many sockets a process has."""
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found += str(link.readlink()).startswith("socket:")
    return found


async def one_round(
    variant: Variant, settings: Settings, messages: Sequence[SampleRecord], rate: float | None
) -> Spent:
    """Start the workers, and measure what they take to read a backlog, or messages that come at a rate."""
    async with (
        running(*variant.services(settings)) as workers,
        Traffic.opened(settings, variant.partitions) as traffic,
    ):
        pids = [worker.pid for worker in workers]
        await traffic.send(sample_with_repeats(WARM_UP, 0.0, part=1)[0])
        await traffic.all_answered(WARM_UP)
        p99_s = 0.0
        if rate is None:
            with stopped(*pids):
                await traffic.send(messages)
                started, before = time.time(), [thread_seconds(pid) for pid in pids]
            finished = await traffic.all_answered(len(messages))
        else:
            started, before = time.time(), [thread_seconds(pid) for pid in pids]
            p99_s = quantiles(await traffic.latencies(messages, rate, seed=0), n=100)[98]
            finished = time.time()
        used = [
            split_threads(pid, since, thread_seconds(pid), inferring=settings.threads, messages=len(messages))
            for pid, since in zip(pids, before, strict=True)
        ]
        memory, sockets = sum(resident_mib(pid) or 0.0 for pid in pids), sum(map(open_sockets, pids))
        threads = Threads(*map(sum, zip(*used, strict=True)))
        return Spent(threads, len(messages) / (finished - started), p99_s, memory, sockets)


@asynccontextmanager
async def own_topics(settings: Settings, partitions: int) -> AsyncIterator[Settings]:
    """Create topics for one variant, which are deleted afterwards."""
    name = f"triage-bench-{uuid.uuid4().hex[:8]}"
    named = {setting: f"{name}.{setting}" for setting in NAMED}
    own = settings.model_copy(update={**named, "group_id": name, "sources": None})
    used = [named[setting] for setting in CREATED]
    async with bare_admin_client(own) as admin:
        await topics.create_missing(admin, [NewTopic(topic, partitions, 1) for topic in used])
        try:
            yield own
        finally:
            await admin.delete_topics(used)


async def measure(
    settings: Settings,
    variants: Sequence[Variant],
    sampled: tuple[Sequence[SampleRecord], Sequence[str]],
    rounds: int,
    rate: float | None,
) -> dict[Variant, Measured]:
    """Measure all variants in turns, by records and their texts."""
    records, texts = sampled
    classifier = Classifier.open(settings.bundle.only, device="cpu", threads=settings.threads)
    raw = RawInference(classifier, texts, limits(settings, classifier))
    raw.run()
    measured = {variant: Measured() for variant in variants}
    for number in range(rounds):
        for variant in variants if number % 2 else reversed(variants):
            print(f"round {number + 1} of {rounds}: {variant} …", flush=True)
            async with own_topics(settings, variant.partitions) as own:
                measured[variant].spent.append(await one_round(variant, own, records, rate))
            print(f"  {measured[variant].spent[-1]}", flush=True)  # should a later round fail
            measured[variant].raw_us.append((raw.run().cpu_seconds or 0.0) / len(texts) * 1e6)
    return measured


def print_table(measured: dict[Variant, Measured]) -> None:
    """Print medians of the rounds."""
    print(f"{'CPU time in µs a message':44} loop infer other   all raw/all msg/s p99 ms  MiB sockets")
    raw_us = median(one for each in measured.values() for one in each.raw_us)
    for variant, each in measured.items():
        loop, inference, others = (median(column) for column in zip(*(one.threads for one in each.spent), strict=True))
        whole = median(sum(one.threads) for one in each.spent)
        rate, p99_s, memory, sockets = (median(column) for column in zip(*(one[1:] for one in each.spent), strict=True))
        print(
            f"{variant!s:44} {loop:4.0f} {inference:5.0f} {others:5.0f} {whole:5.0f} {raw_us / whole:7.2f} {rate:5.0f} "
            f"{1000 * p99_s:6.0f} {memory:4.0f} {sockets:7.0f}"
        )
    print(f"ONNX Runtime alone: {raw_us:.0f} µs; load of the machine: {os.getloadavg()[0]:.1f}")


@contextmanager
def kafka(servers: str | None) -> Iterator[str]:
    """Start a broker unless one is named; yields its address."""
    if servers is not None:
        yield servers
        return
    install()
    with tempfile.TemporaryDirectory() as folder:
        (node,) = cluster(Path(folder))
        node.start()
        try:
            node.wait()
            yield node.bootstrap
        finally:
            node.stop()


def main() -> None:
    """Print a line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--against", type=Path, action="append", default=[], help="another checkout; may be repeated")
    parser.add_argument("--bundle", type=Path, action="append", default=[], help="a bundle beside the default one")
    parser.add_argument("--partitions", type=int, nargs="+", default=[4])
    parser.add_argument("--workers", type=int, nargs="+", default=[1], help="processes in one group")
    parser.add_argument("--delivery", nargs="+", default=["at_least_once"])
    parser.add_argument("--messages", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=float, help="messages a second; without it, they are there at once")
    parser.add_argument(
        "--repeats", type=float, help="share of messages whose text came before; answers are remembered"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bootstrap-servers")
    options = parser.parse_args()
    models = [(path.resolve(), None) for path in options.against]
    models += [(HERE, bundle) for bundle in (None, *(path.resolve() for path in options.bundle))]
    variants = [
        Variant(*model, *each)
        for model in models
        for each in product(options.partitions, options.workers, options.delivery)
    ]
    count, repeats = options.messages, options.repeats
    sampled = sample(count) if repeats is None else sample_with_repeats(count, repeats, part=0)
    remembered = {"remembered_texts": 0} if repeats is None else {}
    with kafka(options.bootstrap_servers) as servers:
        settings = Settings.load(
            bootstrap_servers=servers, threads=options.threads, http_host="127.0.0.1", **remembered
        )
        settings = settings.model_copy(update={"bundle": settings.bundle.resolved()})
        print_table(asyncio.run(measure(settings, variants, sampled, options.rounds, options.rate)))


if __name__ == "__main__":
    main()
