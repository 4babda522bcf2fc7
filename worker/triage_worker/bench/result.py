"""What was measured, for a reader and for a machine."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, NamedTuple

from triage_models.metrics import cost

from triage_worker.bench.raw import Run

QUIET = 0.85
"""Of its cores: below this share the bare network was disturbed by other processes."""


class Round(NamedTuple):
    """One turn of both over the same messages, and the worker's resident memory after it, in MiB."""

    ours: Run
    raw: Run
    memory_mib: float | None


@dataclass(frozen=True)
class Result:
    """Figures of one run; None where something could not be measured here.

    Attributes:
        messages_per_second: the worker's, from a backlog, in its fastest round: other load can only slow one down.
        raw_onnx_messages_per_second: the bare network's, same texts, batches and threads, in its fastest round.
        ratio: the first by the second.
        ratio_broker_elsewhere: the same by CPU time of the two processes, median of the rounds: what the broker and
            other load take is not in it.
        cores_share: CPU time that the bare network got in its fastest round, of all that its threads could have had;
            where it is much below 1 the machine was busy, and ``ratio`` says little.
        peer_messages_per_second: of a loop of aiokafka and a transformers pipeline, one message at a time.
        latency_p50_ms, latency_p99_ms: from produce to the answer's arrival, at a tenth of the worker's rate.
        memory_mib_first, memory_mib_last: resident memory of the worker after the first round and after the last.
        dollars_per_1000: on a machine of that price kept busy; llm_dollars_per_1000: of GPT-4o mini's list price.
    """

    messages_per_second: float
    raw_onnx_messages_per_second: float
    ratio: float
    ratio_broker_elsewhere: float | None
    cores_share: float | None
    peer_messages_per_second: float | None
    latency_p50_ms: float
    latency_p99_ms: float
    latency_messages_per_second: float
    memory_mib_first: float | None
    memory_mib_last: float | None
    dollars_per_1000: float
    llm_dollars_per_1000: float
    machine_dollars_per_hour: float
    messages: int
    rounds: int
    threads: int
    broker: str
    bundle: str
    delivery: str
    partitions: int

    def as_json(self) -> dict[str, Any]:
        """All figures by name."""
        return asdict(self)

    def lines(self) -> Iterator[tuple[str, str, str]]:
        """Name, value and meaning of each figure, to be read."""
        yield (
            "worker",
            f"{self.messages_per_second:,.0f} messages/s",
            f"{self.delivery}, from a backlog on {self.partitions} partitions, {self.threads} threads, broker: "
            f"{self.broker}",
        )
        yield (
            "raw ONNX Runtime",
            f"{self.raw_onnx_messages_per_second:,.0f} messages/s",
            "same texts, batches and threads, tokenized and padded beforehand",
        )
        yield (
            "ratio",
            f"{self.ratio:.2f}",
            f"the fastest of {self.rounds} rounds of {self.messages:,} messages, in turns",
        )
        if self.cores_share is not None and self.cores_share < QUIET:
            yield (
                "",
                "disturbed",
                f"other processes left the bare network {self.cores_share:.0%} of its cores: measure again when it is "
                "quiet",
            )
        if self.ratio_broker_elsewhere is not None:
            yield (
                "… by CPU time",
                f"{self.ratio_broker_elsewhere:.2f}",
                "what the worker alone takes: the ratio with the broker on another machine",
            )
        if self.peer_messages_per_second is not None:
            times = self.messages_per_second / self.peer_messages_per_second
            yield (
                "plain loop",
                f"{self.peer_messages_per_second:,.0f} messages/s",
                f"aiokafka and a transformers pipeline, one at a time: the worker is {times:.0f} times as fast",
            )
        yield (
            "latency",
            f"{self.latency_p50_ms:.0f} ms, p99 {self.latency_p99_ms:.0f} ms",
            f"from produce to consume, at {self.latency_messages_per_second:.0f} messages/s at random moments",
        )
        if self.memory_mib_first is not None and self.memory_mib_last is not None:
            yield (
                "memory",
                f"{self.memory_mib_last:.0f} MiB",
                f"resident after {self.rounds * self.messages:,} messages; {self.memory_mib_first:.0f} MiB after "
                f"{self.messages:,}",
            )
        times = self.llm_dollars_per_1000 / self.dollars_per_1000
        yield (
            "cost of 1,000",
            f"${self.dollars_per_1000:.6f}",
            f"on a machine at ${self.machine_dollars_per_hour:.2f} an hour; {cost.LLM}: "
            f"${self.llm_dollars_per_1000:.4f} ({times:,.0f} times as much)",
        )


def summary(
    rounds: Sequence[Round],
    latencies: Sequence[float],
    *,
    latency_rate: float,
    messages: int,
    peer: float | None,
    dollars_per_hour: float,
    threads: int,
    broker: str,
    bundle: str,
    delivery: str,
    partitions: int,
) -> Result:
    """Figures of at least one round of ``messages`` each, and of two latencies or more, in seconds."""
    ours = min(rounds, key=lambda one: one.ours.seconds).ours
    raw = min(rounds, key=lambda one: one.raw.seconds).raw
    rate = messages / ours.seconds
    hundredths = [1000 * cut for cut in quantiles(latencies, n=100, method="inclusive")]
    return Result(
        messages_per_second=rate,
        raw_onnx_messages_per_second=messages / raw.seconds,
        ratio=raw.seconds / ours.seconds,
        ratio_broker_elsewhere=_by_cpu(rounds),
        cores_share=None if raw.cpu_seconds is None else raw.cpu_seconds / raw.seconds / threads,
        peer_messages_per_second=peer,
        latency_p50_ms=hundredths[49],
        latency_p99_ms=hundredths[98],
        latency_messages_per_second=latency_rate,
        memory_mib_first=rounds[0].memory_mib,
        memory_mib_last=rounds[-1].memory_mib,
        dollars_per_1000=cost.dollars_per_1000(rate, dollars_per_hour),
        llm_dollars_per_1000=cost.llm_dollars_per_1000(),
        machine_dollars_per_hour=dollars_per_hour,
        messages=messages,
        rounds=len(rounds),
        threads=threads,
        broker=broker,
        bundle=bundle,
        delivery=delivery,
        partitions=partitions,
    )


def _by_cpu(rounds: Sequence[Round]) -> float | None:
    """The ratio by CPU time: what the network takes of what the worker takes."""
    ratios = [
        one.raw.cpu_seconds / one.ours.cpu_seconds for one in rounds if one.raw.cpu_seconds and one.ours.cpu_seconds
    ]
    return median(ratios) if len(ratios) == len(rounds) else None
