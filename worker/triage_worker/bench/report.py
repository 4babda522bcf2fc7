"""The benchmark's figures as lines for a reader: name, value and meaning."""

from collections.abc import Iterator

from triage_models.metrics import cost

from triage_worker.bench.result import Result

QUIET_SHARE = 0.85
"""Share of the cores below which other processes have disturbed raw ONNX Runtime."""

Line = tuple[str, str, str]


def lines(result: Result) -> Iterator[Line]:
    """Name, value and meaning of each figure; leaves out what was not measured."""
    yield from _speed(result)
    yield from _plain_loop(result)
    yield (
        "latency",
        f"{result.latency_p50_ms:.0f} ms, p99 {result.latency_p99_ms:.0f} ms",
        f"from produce to consume, at {result.latency_messages_per_second:.0f} messages/s at random moments",
    )
    yield from _memory(result)
    times = result.llm_dollars_per_1000 / result.dollars_per_1000
    yield (
        "cost of 1,000",
        f"${result.dollars_per_1000:.6f}",
        f"on a machine at ${result.machine_dollars_per_hour:.2f} an hour; {cost.LLM}: "
        f"${result.llm_dollars_per_1000:.4f} ({times:,.0f} times as much)",
    )


def _speed(result: Result) -> Iterator[Line]:
    yield (
        "worker",
        f"{result.messages_per_second:,.0f} messages/s",
        f"{result.delivery}, from a backlog on {result.partitions} partitions, {result.threads} threads, broker: "
        f"{result.broker}",
    )
    yield (
        "raw ONNX Runtime",
        f"{result.raw_onnx_messages_per_second:,.0f} messages/s",
        "same texts, batches and threads, tokenized and padded beforehand",
    )
    yield (
        "ratio",
        f"{result.ratio:.2f}",
        f"by the fastest of {result.rounds} rounds of {result.messages:,} messages, in turns",
    )
    if result.cores_share is not None and result.cores_share < QUIET_SHARE:
        yield (
            "",
            "disturbed",
            f"other processes left raw ONNX Runtime {result.cores_share:.0%} of its cores: measure again on an idle "
            "machine",
        )
    if result.ratio_broker_elsewhere is not None:
        yield (
            "… by CPU time",
            f"{result.ratio_broker_elsewhere:.2f}",
            "CPU time of the worker alone: the ratio with the broker on another machine",
        )


def _plain_loop(result: Result) -> Iterator[Line]:
    if result.peer_messages_per_second is not None:
        times = result.messages_per_second / result.peer_messages_per_second
        yield (
            "plain loop",
            f"{result.peer_messages_per_second:,.0f} messages/s",
            f"aiokafka and a transformers pipeline, one message at a time; the worker is {times:.0f} times as fast",
        )


def _memory(result: Result) -> Iterator[Line]:
    if result.memory_mib_first is not None and result.memory_mib_last is not None:
        yield (
            "memory",
            f"{result.memory_mib_last:.0f} MiB",
            f"resident after {result.rounds * result.messages:,} messages; {result.memory_mib_first:.0f} MiB after "
            f"{result.messages:,}",
        )
