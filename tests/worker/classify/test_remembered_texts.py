"""Texts that come again are answered without the model, and only by the bundle that decided on them."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytest
from triage_models import DEFAULT_BUNDLE, Classifier
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.inference import inference_threads
from triage_worker.inference.decision_memory import DecisionMemory
from triage_worker.resilience.backoff import FixedDelays

from tests.worker.classify.harness import A, classification_harness, loaded_bundle
from tests.worker.fakes import FakeModel, ProcessorHarness, message, record


async def outcomes(harness: ProcessorHarness[ClassificationProcessor], *texts: str) -> list[str]:
    """Process texts, wait for their outputs, and return the outcome of each."""
    before = len(harness.outputs)
    values = enumerate(texts, start=before)
    await harness.process({A: [record(A, offset, message(text)) for offset, text in values]})
    outputs = await harness.wait_for_outputs(before + len(texts))
    return [output.outcome for output in outputs[before:]]


async def test_a_text_that_comes_again_is_answered_without_the_model_and_counted() -> None:
    model = FakeModel()
    async with classification_harness(loaded_bundle(model, remembered=10)) as harness:
        first = await outcomes(harness, "aa", "a", "aa")
        assert await outcomes(harness, "aa", "a", "aaa") == [*first[:2], "fallback"]
        assert sorted(text for batch in model.batches for text in batch) == ["a", "aa", "aaa"]
        registry = harness.processor.metrics.registry
        assert registry.get_sample_value("triage_decisions_remembered_total", {"serves": "*"}) == 3
        assert registry.get_sample_value("triage_messages_decided_total", {"serves": "*", "outcome": "accepted"}) == 3


async def test_another_bundle_decides_anew() -> None:
    old, new = FakeModel(), FakeModel()
    async with classification_harness(loaded_bundle(old, remembered=10)) as harness:
        await outcomes(harness, "aa")
        harness.processor.use(loaded_bundle(new, "2", remembered=10))
        await outcomes(harness, "aa")
        assert (old.batches, new.batches) == ([["aa"]], [["aa"]])


async def test_whether_the_model_works_is_never_answered_from_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference_threads, "RETRY", FixedDelays((0.001,)))
    broken = False

    def fails(batch: Sequence[str]) -> bool:
        return broken

    async with classification_harness(loaded_bundle(FakeModel(fails), remembered=10)) as harness:
        # If this were remembered as the text that is known to work, the next message would become a dead letter.
        await outcomes(harness, inference_threads.KNOWN_GOOD)
        broken = True
        waiting = asyncio.create_task(outcomes(harness, "aa"))
        async with asyncio.timeout(10):
            while harness.processor.down is None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        broken = False
        assert await waiting == ["accepted"]


SENTENCES = ["where is my parcel", "It came broken!", "please cancel it", "Gutschein geht nicht", "hi", "merci :)"]


def approximately(value: Any) -> Any:
    """Make a decision's fields comparable: numbers to within rounding, all else exactly."""
    if isinstance(value, float):
        return pytest.approx(value, abs=1e-4)
    if isinstance(value, dict):
        return {key: approximately(one) for key, one in value.items()}
    return tuple(map(approximately, value)) if isinstance(value, tuple) else value


def test_the_shipped_bundle_says_the_same_with_and_without_a_memory() -> None:
    classifier = Classifier.open(DEFAULT_BUNDLE, device="cpu")
    generator = random.Random(4)
    texts = [" ".join(generator.choices(SENTENCES, k=generator.randint(1, 8))) for _ in range(60)]

    def decide(batch: Sequence[Encoded]) -> list[Decision]:
        return classifier.decide(batch, classifier.infer(batch))

    memory, hits = DecisionMemory(100), 0
    for start in range(0, 240, 7):
        batch = classifier.encode([texts[number % 60] for number in range(start, start + 7)])
        decided = memory.decide(batch, decide)
        hits += decided.hits
        alone = [decision for one in batch for decision in decide([one])]
        for remembered, computed in zip(decided.decisions, alone, strict=True):
            # Sums of floating-point numbers are rounded differently in batches of another shape.
            assert asdict(remembered) == approximately(asdict(computed))
    assert hits > 100
