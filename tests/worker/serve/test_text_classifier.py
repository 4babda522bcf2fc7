"""Requests share batches, keep the order of their texts, and leave nothing behind when they are given up."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded, Outputs
from triage_schemas.messages.message import CustomerMessage
from triage_worker.inference.batching import Limits
from triage_worker.inference.loaded_bundle import LoadedBundle
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.text_source import TextSource
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.tasks import wait_until
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.serve.pending import PendingText
from triage_worker.serve.results import TextResult
from triage_worker.serve.text_classifier import QueueFullError, TextClassifier

from tests.worker.fakes import FakeModel


class GatedModel(FakeModel):
    """A model with a gate before inference, which may be closed."""

    def __init__(self, fails: Callable[[Sequence[str]], bool] = lambda texts: False) -> None:
        super().__init__(fails)
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        self.entered.set()
        self.gate.wait()
        return super().infer(batch)


class EchoWriter:
    """Writes each text as its own result."""

    def output(self, decoded: PendingText, decision: Decision) -> TextResult:
        return TextResult(decoded, decoded.message.text.encode(), "accepted" if decision.accepted else "fallback")


@asynccontextmanager
async def classifier(model: FakeModel, most_waiting: int = 100, budget: int = 256) -> AsyncIterator[TextClassifier]:
    metrics = Metrics()
    bundle = LoadedBundle(model, EchoWriter(), Limits(threads=1, budget=budget))
    made = TextClassifier(
        ServingBundles(bundle),
        TextSource(MessageLanguages(None)),
        most_waiting=most_waiting,
        metrics=metrics,
        serve_metrics=ServeMetrics(metrics.registry),
    )
    test = asyncio.current_task()
    running = asyncio.create_task(made.run())
    running.add_done_callback(lambda ended: test.cancel() if test and not ended.cancelled() else None)
    try:
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def messages(*texts: str) -> list[CustomerMessage]:
    return [CustomerMessage(text, "") for text in texts]


async def test_results_have_the_order_of_the_texts_whatever_the_batches() -> None:
    texts = ["a" * length for length in (30, 1, 7, 60, 3, 3, 50)]
    async with classifier(FakeModel(), budget=64) as serving:
        assert await serving.classify(messages(*texts)) == [text.encode() for text in texts]


async def test_requests_that_wait_while_a_batch_runs_share_the_next_batch() -> None:
    model = GatedModel()
    model.gate.clear()
    async with classifier(model) as serving:
        first = asyncio.create_task(serving.classify(messages("first")))
        await asyncio.to_thread(model.entered.wait)
        others = [asyncio.create_task(serving.classify(messages(f"text {number}"))) for number in range(8)]
        default = serving.inference.bundles.default
        await wait_until(lambda: len(serving.inference._waiting._queues.get(default, ())) == 8)
        model.gate.set()
        assert await asyncio.gather(first, *others) == [[b"first"], *([f"text {n}".encode()] for n in range(8))]
    assert [len(batch) for batch in model.batches] == [1, 8]


async def test_blank_texts_are_answered_without_the_model() -> None:
    model = FakeModel()
    async with classifier(model) as serving:
        blank, text, empty = await serving.classify(messages("  ", "aa", ""))
        assert text == b"aa"
        assert b'"no_text"' in blank
        assert b'"intent":null' in empty
        assert len(await serving.classify(messages(" "))) == 1
    assert model.batches == [["aa"]]


async def test_a_text_that_the_model_fails_on_does_not_harm_the_others() -> None:
    async with classifier(FakeModel(lambda texts: "bad" in texts)) as serving:
        good, bad, other = await serving.classify(messages("good", "bad", "other"))
    assert (good, other) == (b"good", b"other")
    assert b'"model_error"' in bad


async def test_a_full_queue_takes_no_more_and_says_when_to_come_back() -> None:
    model = GatedModel()
    model.gate.clear()
    async with classifier(model, most_waiting=10) as serving:
        waiting = [asyncio.create_task(serving.classify(messages(*["aa"] * 5))) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError) as caught:
            await serving.classify(messages("aa"))
        assert caught.value.seconds > 0
        model.gate.set()
        await asyncio.gather(*waiting)
        assert await serving.classify(messages("aa")) == [b"aa"]


async def test_a_request_larger_than_the_queue_is_taken_by_an_empty_one() -> None:
    async with classifier(FakeModel(), most_waiting=2) as serving:
        assert len(await serving.classify(messages(*["aa"] * 5))) == 5


async def test_texts_of_a_request_that_is_given_up_are_not_run() -> None:
    model = GatedModel()
    model.gate.clear()
    async with classifier(model, most_waiting=4) as serving:
        first = asyncio.create_task(serving.classify(messages("first")))
        await asyncio.to_thread(model.entered.wait)
        given_up = asyncio.create_task(serving.classify(messages("x", "y", "z")))
        await asyncio.sleep(0.05)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        last = asyncio.create_task(serving.classify(messages("a", "e", "i")))  # there is room for them
        await asyncio.sleep(0.05)
        model.gate.set()
        assert await last == [b"a", b"e", b"i"]
        await first
    assert sorted(text for batch in model.batches for text in batch) == ["a", "e", "first", "i"]
