"""The benchmark's figures, computed from its measurements."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any, NamedTuple

from triage_models.metrics import cost

from triage_worker.bench.raw_onnx import Timing


class Round(NamedTuple):
    """Worker and raw ONNX Runtime on the same messages, and the worker's resident memory afterwards, in MiB."""

    worker: Timing
    raw: Timing
    memory_mib: float | None


@dataclass(frozen=True)
class Setup:
    """What was measured.

    Attributes:
        messages: messages in each round.
        threads: inference threads of worker and raw ONNX Runtime.
        broker: which broker, in words.
        bundle: name and version of the bundle.
        delivery: the worker's delivery guarantee.
        partitions: partitions of each topic.
        machine_dollars_per_hour: price of the machine.
    """

    messages: int
    threads: int
    broker: str
    bundle: str
    delivery: str
    partitions: int
    machine_dollars_per_hour: float


@dataclass(frozen=True)
class Result:
    """The figures of one run, which are the keys of ``triage bench --json``; None if one could not be measured.

    Attributes:
        messages_per_second: of the worker, from a backlog, in its fastest round: other load can only slow one down.
        raw_onnx_messages_per_second: of raw ONNX Runtime, same texts, batches and threads, in its fastest round.
        ratio: the first divided by the second.
        ratio_broker_elsewhere: the same by CPU time of the two processes, median of the rounds; it leaves out what the
            broker and other load take.
        cores_share: CPU time that raw ONNX Runtime got in its fastest round, divided by what its threads could have
            had. If it is much below 1 the machine was busy, and ``ratio`` says little.
        peer_messages_per_second: of a plain loop of aiokafka and a transformers pipeline, one message at a time.
        latency_p50_ms: median from produce to the answer's arrival, at a tenth of the worker's rate.
        latency_p99_ms: the same, 99th percentile.
        latency_messages_per_second: the rate at which latency was measured.
        memory_mib_first: resident memory of the worker after the first round.
        memory_mib_last: resident memory of the worker after the last round.
        dollars_per_1000: cost of 1,000 messages on a busy machine of ``machine_dollars_per_hour``.
        llm_dollars_per_1000: cost of 1,000 messages at GPT-4o mini's list price.
        machine_dollars_per_hour: price of the machine.
        messages: messages in each round.
        rounds: number of rounds.
        threads: inference threads.
        broker: which broker, in words.
        bundle: name and version of the bundle.
        delivery: the worker's delivery guarantee.
        partitions: partitions of each topic.
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


def summarize(
    setup: Setup,
    rounds: Sequence[Round],
    latencies: Sequence[float],
    *,
    latency_rate: float,
    plain_loop_rate: float | None,
) -> Result:
    """Compute the figures.

    Args:
        setup: what was measured.
        rounds: at least one.
        latencies: at least two, in seconds.
        latency_rate: messages per second while latency was measured.
        plain_loop_rate: messages per second of the plain loop; None if it was not measured.
    """
    worker = min(rounds, key=lambda one: one.worker.seconds).worker
    raw = min(rounds, key=lambda one: one.raw.seconds).raw
    rate = setup.messages / worker.seconds
    percentiles_ms = [1000 * cut for cut in quantiles(latencies, n=100, method="inclusive")]
    return Result(
        messages_per_second=rate,
        raw_onnx_messages_per_second=setup.messages / raw.seconds,
        ratio=raw.seconds / worker.seconds,
        ratio_broker_elsewhere=_ratio_by_cpu(rounds),
        cores_share=None if raw.cpu_seconds is None else raw.cpu_seconds / raw.seconds / setup.threads,
        peer_messages_per_second=plain_loop_rate,
        latency_p50_ms=percentiles_ms[49],
        latency_p99_ms=percentiles_ms[98],
        latency_messages_per_second=latency_rate,
        memory_mib_first=rounds[0].memory_mib,
        memory_mib_last=rounds[-1].memory_mib,
        dollars_per_1000=cost.dollars_per_1000(rate, setup.machine_dollars_per_hour),
        llm_dollars_per_1000=cost.llm_dollars_per_1000(),
        rounds=len(rounds),
        **asdict(setup),
    )


def _ratio_by_cpu(rounds: Sequence[Round]) -> float | None:
    """CPU time of raw ONNX Runtime divided by the worker's, median of the rounds; None if a round has no CPU times."""
    ratios = [
        one.raw.cpu_seconds / one.worker.cpu_seconds for one in rounds if one.raw.cpu_seconds and one.worker.cpu_seconds
    ]
    return median(ratios) if len(ratios) == len(rounds) else None
