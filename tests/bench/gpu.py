"""Checks a GPU: ``make gpu-check``, or ``python -m tests.bench.gpu [--bundle DIR] [--messages N]``.

Ends with 1 if CUDA is not active, or if the GPU's fp16 model does not answer as the CPU's int8 model does. Prints the
messages a second of the bare network by batch size, those of the whole worker with an embedded broker, and memory.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import orjson
from triage_models import DEFAULT_BUNDLE, Classifier, Decision
from triage_models.errors import ModelError
from triage_worker.bench.traffic import sample_with_repeats

BATCHES = (1, 8, 32, 128, 512)
REPEATS = 20
BOTH_ACCEPTED = 0.97
"""The share of messages that both models accept, or both refuse. int8 rounds, so messages near a threshold differ."""
SAME_INTENT = 0.995
"""Of the messages that both accept, the share with the same intent."""
CONFIDENCE_APART = 0.1
"""The most that the confidences of 95 of 100 messages may differ."""


def compare(cpu: Sequence[Decision], gpu: Sequence[Decision]) -> list[str]:
    """Print how far the answers agree, and return what is wrong: nothing, or sentences."""
    pairs = list(zip(cpu, gpu, strict=True))
    agreed = float(np.mean([one.accepted == other.accepted for one, other in pairs]))
    both = [(one, other) for one, other in pairs if one.accepted and other.accepted]
    same = float(np.mean([one.intent == other.intent for one, other in both])) if both else 0.0
    apart = float(np.quantile([abs(one.confidence - other.confidence) for one, other in pairs], 0.95))
    print(
        f"{len(cpu):,} messages next to int8 on the CPU: {agreed:.4f} both accepted or both refused; of those accepted"
    )
    print(f"by both, {same:.4f} have the same intent; the confidences of 95 of 100 differ by at most {apart:.4f}")
    wrong = []
    if agreed < BOTH_ACCEPTED:
        wrong.append(
            f"Only {agreed:.4f} of the messages are both accepted or both refused, {BOTH_ACCEPTED} are needed."
        )
    if same < SAME_INTENT:
        wrong.append(f"Only {same:.4f} of the accepted messages have the same intent, {SAME_INTENT} are needed.")
    if apart > CONFIDENCE_APART:
        wrong.append(f"Confidences differ by {apart:.4f}, at most {CONFIDENCE_APART} is allowed.")
    return wrong


def speed(classifier: Classifier, texts: Sequence[str]) -> None:
    """Print the messages a second of the bare network, by batch size."""
    encoded = classifier.engine.encode(list(texts))
    print("messages a second of the network alone, by rows in a batch:")
    for size in BATCHES:
        batches = [classifier.engine.pad(encoded[start : start + size]) for start in range(0, size * REPEATS, size)]
        batches = [batch for batch in batches if batch[0].shape[0] == size]
        for batch in batches[:3]:
            classifier.engine.run_arrays(*batch)
        started = time.perf_counter()
        for batch in batches:
            classifier.engine.run_arrays(*batch)
        print(f"  {size:4}: {size * len(batches) / (time.perf_counter() - started):,.0f}")


def memory() -> None:
    """Print what the GPU's processes take, as its driver says."""
    question = ["nvidia-smi", "--query-gpu=name,driver_version,memory.used,memory.total", "--format=csv,noheader"]
    try:
        print("GPU:", subprocess.run(question, capture_output=True, text=True, check=True, timeout=30).stdout.strip())
    except (OSError, subprocess.SubprocessError) as error:
        print(f"GPU memory: not known, since nvidia-smi cannot be asked ({type(error).__name__})")


def worker(bundle: Path, messages: int) -> None:
    """Print what the whole worker reaches with the embedded broker, by ``triage bench``."""
    command = [sys.executable, "-m", "triage_worker", "bench", "--json", "--no-peer", "--rounds", "3"]
    command += ["--messages", str(messages), "--device", "cuda", "--bundle", str(bundle)]
    result = orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    print(
        f"worker with the embedded broker: {result['messages_per_second']:,.0f} messages a second, "
        f"{result['ratio']:.2f} of the network alone; p50 {result['latency_p50_ms']:.0f} ms, p99 "
        f"{result['latency_p99_ms']:.0f} ms at a tenth of that; {result['memory_mib_last']:.0f} MiB of main memory"
    )


def main() -> int:
    """Run all checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--messages", type=int, default=20_000)
    options = parser.parse_args()
    try:
        gpu = Classifier.open(options.bundle, device="cuda")
        cpu = Classifier.open(options.bundle, device="cpu")
    except ModelError as error:
        print(f"gpu-check: {error}", file=sys.stderr)
        return 1
    _, texts = sample_with_repeats(max(BATCHES) * REPEATS, 0.0, 0)
    wrong = compare(cpu.classify(texts[:2_000]), gpu.classify(texts[:2_000]))
    speed(gpu, texts)
    memory()
    worker(options.bundle, options.messages)
    for sentence in wrong:
        print(f"gpu-check: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
