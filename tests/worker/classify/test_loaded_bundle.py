"""A bundle replaces another one while messages are in flight: each message is processed by one of them."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from triage_models.bundle.store import BundleStore
from triage_models.serving.classifier import Classifier
from triage_models.serving.engine import Encoded, Outputs
from triage_schemas.messages.message import CustomerMessage
from triage_worker.classify import service
from triage_worker.classify.loading import load_for_serving
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.config.settings import Settings
from triage_worker.inference import inference_threads
from triage_worker.inference.loaded_bundle import LoadedBundle
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.tracking.output import Output

from tests.models.fake_bundles import variant
from tests.worker.classify.harness import A, classification_harness, loaded_bundle
from tests.worker.fakes import FakeModel, ProcessorHarness, message, record


class GatedModel(FakeModel):
    """A model with tokens of its own, which no other model accepts, and a gate before inference, which may be closed.

    Args:
        name: one character, which begins the tokens of each text.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        return [Encoded([ord(self.name), *row.ids], row.truncated) for row in super().encode(texts)]

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        self.entered.set()
        self.gate.wait()
        assert {row.ids[0] for row in batch} == {ord(self.name)}, "tokens of another bundle"
        if self.broken:
            raise RuntimeError("this model is broken")
        return super().infer([Encoded(row.ids[1:], row.truncated) for row in batch])


def harness_of(model: FakeModel, version: str, *, threads: int = 1) -> ProcessorHarness[ClassificationProcessor]:
    return classification_harness(bundle_of(model, version, threads=threads))


def bundle_of(model: FakeModel, version: str, *, threads: int = 1) -> LoadedBundle:
    return loaded_bundle(model, version, threads=threads, budget=64)


def versions(outputs: Sequence[Output]) -> list[str]:
    """Return the bundle version of each output."""
    return [orjson.loads(output.value or b"")["model"]["version"] for output in outputs]


async def test_the_old_bundle_finishes_what_it_encoded_and_the_new_one_takes_later_messages() -> None:
    old, new = GatedModel("a"), GatedModel("b")
    old.gate.clear()
    async with harness_of(old, "old") as harness:
        await harness.process({A: [record(A, offset, message("aa" * offset)) for offset in range(1, 40)]})
        await asyncio.to_thread(old.entered.wait)
        harness.processor.use(bundle_of(new, "new"))
        await harness.process({A: [record(A, offset, message("aa" * offset)) for offset in range(40, 60)]})
        old.gate.set()
        outputs = await harness.wait_for_outputs(59)
        assert versions(outputs) == ["old"] * 39 + ["new"] * 20
        assert [output.offset for output in outputs] == list(range(1, 60))
        assert not any(output.outcome == "dead_letter" for output in outputs)


async def test_the_new_bundle_may_answer_before_the_old_one_has_finished() -> None:
    """This needs two threads. Outputs are still published in the order of their messages."""
    old, new = GatedModel("a"), GatedModel("b")
    old.gate.clear()
    async with harness_of(old, "old", threads=2) as harness:
        await harness.process({A: [record(A, 0, message("aa"))]})
        await asyncio.to_thread(old.entered.wait)
        harness.processor.use(bundle_of(new, "new"))
        await harness.process({A: [record(A, 1, message("aa"))]})
        await asyncio.to_thread(new.entered.wait)
        old.gate.set()
        assert versions(await harness.wait_for_outputs(2)) == ["old", "new"]


async def test_the_old_bundle_is_released_after_its_last_batch() -> None:
    old: GatedModel | None = GatedModel("a")
    reference = weakref.ref(old)
    async with harness_of(old, "old") as harness:  # type: ignore[arg-type]
        del old
        await harness.process({A: [record(A, 0, message("aa"))]})
        await harness.wait_for_outputs(1)
        harness.processor.use(bundle_of(GatedModel("b"), "new"))
        while reference() is not None:  # its threads release it shortly after the output
            gc.collect()
            await asyncio.sleep(0.001)


async def test_the_next_bundle_takes_over_the_messages_of_one_that_fails_on_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inference_threads, "RETRY", FixedDelays((3_600.0,)))
    old = GatedModel("a")
    old.broken = True
    async with harness_of(old, "old") as harness:
        await harness.process({A: [record(A, offset, message("aa" * offset)) for offset in range(1, 20)]})
        await asyncio.to_thread(old.entered.wait)
        harness.processor.use(bundle_of(GatedModel("b"), "new"))
        outputs = await harness.wait_for_outputs(19)
        assert set(versions(outputs)) == {"new"}
        assert {output.outcome for output in outputs} == {"accepted"}
        assert harness.processor.down is None


async def test_a_batch_belongs_to_one_bundle_however_often_bundles_change() -> None:
    models = [GatedModel(chr(ord("a") + number)) for number in range(8)]
    async with harness_of(models[0], "0") as harness:
        for round_ in range(30):
            harness.processor.use(bundle_of(models[round_ % 8], str(round_ % 8)))
            first = 10 * round_
            await harness.process({A: [record(A, first + number, message("aa" * number)) for number in range(1, 11)]})
        outputs = await harness.wait_for_outputs(300)
        assert versions(outputs) == [str(round_ % 8) for round_ in range(30) for _ in range(10)]
        assert [output.outcome for output in outputs] == ["accepted"] * 300


TEXTS = ["where is my parcel", "the lamp came broken, what now?", "i want my money back for both of them please"] * 5


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The shipped bundle, and a variant that reads 12 tokens at most, accepts nothing, and has labels of its own."""
    folder = tmp_path_factory.mktemp("bundles")
    first = variant(folder / "a", "A")
    shipped = Classifier.open(first, device="cpu", threads=1).bundle.manifest
    return first, variant(
        folder / "b",
        "B",
        labels=tuple(f"B_{label}" for label in shipped.labels),
        descriptions={f"B_{label}": text for label, text in shipped.descriptions.items()},
        max_length=12,
        thresholds=shipped.thresholds.model_copy(update={"confidence": 1.0}),
    )


async def test_real_bundles_replace_one_another(bundles: tuple[Path, Path]) -> None:
    settings = Settings()
    first, second = (Classifier.open(path, device="cpu", threads=2) for path in bundles)
    expected = {
        name: dict(zip(TEXTS, classifier.classify(TEXTS), strict=True))
        for name, classifier in (("A", first), ("B", second))
    }
    metrics = Metrics()
    async with classification_harness(load_for_serving(settings, first, metrics)) as harness:
        offset = 0
        for classifier in (first, second, first, second):
            harness.processor.use(load_for_serving(settings, classifier, metrics))
            await harness.process({A: [record(A, offset + at, message(text)) for at, text in enumerate(TEXTS)]})
            offset += len(TEXTS)
        outputs = await harness.wait_for_outputs(offset)
    assert versions(outputs) == [version for version in "ABAB" for _ in TEXTS]
    for output, text in zip(outputs, TEXTS * 4, strict=True):
        event: dict[str, Any] = orjson.loads(output.value or b"")
        decision = expected[event["model"]["version"]][text]
        assert (event["intent"], event["truncated"]) == (decision.intent, decision.truncated)
        assert event["confidence"] == pytest.approx(decision.confidence, abs=0.02)
        assert event["threshold"] == (1.0 if event["model"]["version"] == "B" else first.bundle.threshold)
        assert event["intent"].startswith("B_") == (event["model"]["version"] == "B")
        assert all(label.startswith("B_") == (event["model"]["version"] == "B") for label in event.get("labels", []))
    info = {"name": "ecommerce", "version": "B", "device": "cpu", "serves": "*"}
    assert metrics.registry.get_sample_value("triage_model_info", info) == 1
    assert metrics.registry.get_sample_value("triage_model_info", info | {"version": "A"}) is None


async def test_the_worker_releases_its_first_bundle(
    bundles: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[weakref.ref[Classifier]] = []
    really_open = Classifier.open

    def opens(*arguments: Any, **options: Any) -> Classifier:
        classifier = really_open(*arguments, **options)
        opened.append(weakref.ref(classifier))
        return classifier

    monkeypatch.setattr(Classifier, "open", opens)
    store = BundleStore(tmp_path / "store")
    store.promote(bundles[0], why="the first")
    metrics = Metrics()
    settings = Settings(bundle=store.root, bundle_poll_s=0.01)
    async with service._open_components(settings, metrics):
        (first,) = opened
        store.promote(bundles[1], why="the second")
        while first() is not None:
            gc.collect()
            await asyncio.sleep(0.01)
    about = {"name": "ecommerce", "version": "B", "device": "cpu", "serves": "*"}
    assert metrics.registry.get_sample_value("triage_model_info", about) == 1


def test_a_message_that_no_customer_wrote_is_encoded_as_such() -> None:
    read = [CustomerMessage("aa", "1"), CustomerMessage("aa", "2", automatic=True)]
    assert [row.automatic for row in loaded_bundle(FakeModel()).encode(read)] == [False, True]
