"""Measures the cost of a bundle reload, and of a shadow bundle: ``python -m tests.bench.bundles``.

It prints CPU time and memory, which other load on the machine changes little.
"""

import os
import random
import time
from types import SimpleNamespace
from typing import Any

from prometheus_client import CollectorRegistry
from triage_models import DEFAULT_BUNDLE
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import open_tokenizer
from triage_worker.bench.process_usage import resident_mib
from triage_worker.classify.shadow import Shadow
from triage_worker.inference.bundle_metrics import BundleMetrics

ROUNDS = 10


def memory_mib() -> float:
    """Resident memory of this process, in MiB."""
    return resident_mib(os.getpid()) or 0.0


def reloads() -> None:
    """Measure reloads of the shipped bundle."""
    print(f"libraries alone: {memory_mib():.0f} MiB")
    current = Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=2)
    print(f"one bundle: {memory_mib():.0f} MiB")
    both, after, seconds, blocked = [], [], [], []
    for _ in range(ROUNDS):
        started = time.process_time()
        opened = Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=2)
        seconds.append(time.process_time() - started)
        both.append(memory_mib())
        started = time.thread_time()
        open_tokenizer(DEFAULT_BUNDLE / "tokenizer.json", 64)
        blocked.append(time.thread_time() - started)
        current = opened
        del opened
        after.append(memory_mib())
    assert current.device == "cpu"
    print(
        f"two bundles, {ROUNDS} reloads: {min(both):.0f} to {max(both):.0f} MiB; without the old one: {after[-1]:.0f}"
    )
    print(f"opened and verified in {1e3 * min(seconds):.0f} ms of CPU time")
    print(f"of which the tokenizer holds the interpreter lock: {1e3 * min(blocked):.0f} ms")


def offers(messages: int = 200_000, batch: int = 20) -> None:
    """Measure what an inference thread spends on the shadow, with the queue emptied after each batch."""
    classifier: Any = SimpleNamespace(bundle=SimpleNamespace(name="n", version="v"), device="cpu")
    shadow = Shadow(1.0, BundleMetrics(CollectorRegistry()))
    shadow.use(classifier)
    decided = Classifier.open(DEFAULT_BUNDLE, device="cpu", threads=1).classify(["where is my parcel"])[0]
    texts = [SimpleNamespace(text=str(random.random())) for _ in range(batch)]
    own = SimpleNamespace(serves=("*",))
    encoded: list[Any] = [SimpleNamespace(decoded=SimpleNamespace(message=text), bundle=own) for text in texts]
    started = time.thread_time()
    for _ in range(messages // batch):
        shadow.offer(encoded, [decided] * batch)
        shadow._waiting.clear()
    print(f"offered to a shadow: {1e6 * (time.thread_time() - started) / messages:.1f} µs a message")


if __name__ == "__main__":
    reloads()
    offers()
