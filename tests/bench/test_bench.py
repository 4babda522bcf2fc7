"""The benchmark's arithmetic, and one short run of the whole of it; no claim about speed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from triage_models import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import Encoded
from triage_worker.bench.process_usage import cpu_seconds, resident_mib
from triage_worker.bench.raw_onnx import RawInference, Timing
from triage_worker.bench.report import lines
from triage_worker.bench.result import Result, Round, Setup, summarize
from triage_worker.bench.traffic import PART, Traffic, sample, sample_with_repeats
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.inference.batching import Limits

from tests.bench.worker_cpu import split_threads


class Counting:
    """An engine that records what it runs, and on which threads."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.threads: set[int] = set()
        self.meeting = threading.Barrier(2, timeout=30)

    def pad(self, batch: Sequence[Encoded]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        longest = max(len(row.ids) for row in batch)
        ids = np.array([row.ids + [0] * (longest - len(row.ids)) for row in batch])
        return ids, (ids > 0).astype(np.int64)

    def run_arrays(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> None:
        if threading.get_ident() not in self.threads:
            self.threads.add(threading.get_ident())
            self.meeting.wait()  # both threads have to come before either goes on
        self.rows += mask.sum(axis=1).tolist()


def test_raw_inference_runs_every_text_once_on_all_threads() -> None:
    engine = Counting()
    lengths = [(7 * number) % 30 + 1 for number in range(200)]
    classifier = SimpleNamespace(
        engine=engine, encode=lambda texts: [Encoded([1] * length, False) for length in lengths]
    )
    raw = RawInference(cast(Classifier, classifier), [""] * 200, Limits(threads=2, budget=256))
    raw.run()
    assert sorted(engine.rows) == sorted(lengths)
    assert len(engine.threads) == 2


def test_what_the_threads_of_a_worker_used_is_divided_by_what_they_do() -> None:
    before, after = {1: 1.0, 2: 5.0, 3: 5.0}, {1: 1.2, 2: 6.0, 3: 5.9, 4: 0.1}
    spent = split_threads(1, before, after, inferring=2, messages=1_000)
    assert spent == pytest.approx((200, 1_900, 100))


class OneFetch:
    """A consumer that returns all answers at once, and then nothing."""

    def __init__(self, answers: int) -> None:
        self._records = [SimpleNamespace(timestamp=1000 * number) for number in range(1, answers + 1)]

    async def getmany(self, timeout_ms: int) -> dict[str, list[SimpleNamespace]]:
        records, self._records = self._records, []
        return {"partition": records}


async def test_answers_that_came_together_are_counted_one_by_one() -> None:
    traffic = Traffic(Settings(), cast(Any, None), cast(Any, OneFetch(5)))
    assert await traffic.all_answered(2) == 2
    assert await traffic.all_answered(3) == 5


def test_more_texts_than_can_differ_are_refused() -> None:
    with pytest.raises(TriageError, match="ask for at most 1,000,000"):
        sample_with_repeats(PART + 1, 0.3, 0)


SETUP = Setup(
    messages=1000,
    threads=2,
    broker="here",
    bundle="shop 1",
    delivery="at_least_once",
    partitions=4,
    machine_dollars_per_hour=0.36,
)


def summarized(rounds: Sequence[Round], plain_loop_rate: float | None = 50.0) -> Result:
    return summarize(SETUP, rounds, [0.010, 0.020, 0.030], latency_rate=50.0, plain_loop_rate=plain_loop_rate)


def figures(rounds: Sequence[Round], **changed: Any) -> dict[str, Any]:
    result = summarized(rounds, **changed)
    assert all(len(line) == 3 for line in lines(result))
    return result.as_json()


ROUNDS = [
    Round(Timing(2.0, 4.0), Timing(3.8, 3.0), 200.0),  # other load slowed raw ONNX Runtime
    Round(Timing(4.0, 4.0), Timing(3.6, 3.2), 210.0),  # and here both
    Round(Timing(2.5, 4.0), Timing(1.7, 3.4), 205.0),
]


def test_the_fastest_rounds_are_compared_since_other_load_can_only_slow_one_down() -> None:
    result = figures(ROUNDS)
    assert result["messages_per_second"] == pytest.approx(1000 / 2.0)
    assert result["raw_onnx_messages_per_second"] == pytest.approx(1000 / 1.7)
    assert result["ratio"] == pytest.approx(0.85)
    assert result["ratio_broker_elsewhere"] == pytest.approx(0.8)
    assert result["cores_share"] == pytest.approx(3.4 / 1.7 / 2)
    assert (result["memory_mib_first"], result["memory_mib_last"]) == (200, 205)
    assert result["latency_p50_ms"] == pytest.approx(20)
    assert result["dollars_per_1000"] == pytest.approx(0.36 / 3600 / 500 * 1000)
    assert result["llm_dollars_per_1000"] == pytest.approx(0.01545)


def test_a_disturbed_run_says_so() -> None:
    assert any("disturbed" in line for line in lines(summarized([Round(Timing(2.0, 2.0), Timing(2.0, 2.0), 1.0)])))
    assert not any("disturbed" in line for line in lines(summarized(ROUNDS)))


def test_what_cannot_be_measured_is_left_out() -> None:
    result = figures([*ROUNDS, Round(Timing(2.0, None), Timing(1.8, 3.0), None)], plain_loop_rate=None)
    assert result["ratio_broker_elsewhere"] is None
    assert result["memory_mib_last"] is None
    assert result["peer_messages_per_second"] is None


def test_a_running_process_has_used_time_and_memory_and_an_ended_one_has_none() -> None:
    used = cpu_seconds(os.getpid())
    held = resident_mib(os.getpid())
    assert used is not None
    assert used > 0
    assert held is not None
    assert held > 1
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert cpu_seconds(gone.pid) is None
    assert resident_mib(gone.pid) is None


def test_the_sample_repeats_what_can_be_decoded() -> None:
    messages, texts = sample(700)
    assert len(messages) == len(texts) == 700
    assert [json.loads(one.value or b"")["text"].strip() for one in messages] == texts


@pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="no shipped bundle yet")
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are found in /proc")
def test_a_terminated_benchmark_stops_its_broker_and_its_worker() -> None:
    command = [
        sys.executable,
        "-m",
        "triage_worker",
        "bench",
        "--messages",
        "1000",
        "--rounds",
        "50",
        "--no-peer",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert running.stderr.readline().startswith("warming up")  # so both are there
        children = [
            int(child) for child in Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        ]
        assert len(children) == 2
        running.terminate()
        assert running.wait(timeout=120) == 143
    assert [child for child in children if resident_mib(child) is not None] == []


@pytest.mark.skipif(not DEFAULT_BUNDLE.is_dir(), reason="no shipped bundle yet")
def test_one_short_run_gives_all_figures() -> None:
    command = [
        sys.executable,
        "-m",
        "triage_worker",
        "bench",
        "--messages",
        "100",
        "--rounds",
        "1",
        "--no-peer",
        "--json",
    ]
    command += ["--partitions", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["partitions"] == 2
    for name in ("messages_per_second", "raw_onnx_messages_per_second", "ratio", "latency_p50_ms", "latency_p99_ms"):
        assert result[name] > 0
    assert result["latency_p50_ms"] <= result["latency_p99_ms"]
