"""Records in, outputs out, with a model that can be told to fail and no broker."""

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka.structs import TopicPartition
from triage_models.serving.engine import Encoded
from triage_schemas.input.message import InputShape
from triage_schemas.records import IntentWriter
from triage_worker.classify import inference
from triage_worker.classify.batching import Limits
from triage_worker.classify.loaded_bundle import LoadedBundle
from triage_worker.classify.outputs import OutputWriter
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import FakeModel, Harness, Published, message, record

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


@asynccontextmanager
async def pipeline(
    model: FakeModel, threads: int = 2
) -> AsyncIterator[tuple[Harness[ClassificationProcessor], Published]]:
    events = IntentWriter(name="m", version="1", threshold=0.5, descriptions={"WISMO": "where"}, include_text=False)
    in_flight = InFlightMessages(Metrics())
    processor = ClassificationProcessor(
        LoadedBundle(model, OutputWriter(events, "out", "fallback"), Limits(threads=threads, budget=256)),
        DeadLetters("dlq"),
        InputShape(),
        in_flight,
        metrics=Metrics(),
    )
    in_flight.offsets.assign(A)
    in_flight.offsets.assign(B)
    processor.start()
    published = Published(in_flight)
    try:
        yield Harness(processor, in_flight), published
    finally:
        processor.close()
        published.close()


def texts(count: int, seed: int = 1) -> list[str]:
    generator = random.Random(seed)
    return [
        "".join(generator.choices("abcdefgh ", k=generator.randint(1, 80))) + f"#{number}" for number in range(count)
    ]


async def test_outputs_come_in_the_order_of_their_partition() -> None:
    async with pipeline(FakeModel()) as (running, published):
        lines = texts(300)
        records = {
            partition: [record(partition, offset, message(line)) for offset, line in enumerate(lines)]
            for partition in (A, B)
        }
        await running.accept(records)
        by_partition = defaultdict(list)
        for output in await published.wait(600):
            by_partition[output.record.partition].append(output.offset)
        assert by_partition == {0: list(range(300)), 1: list(range(300))}


async def test_every_message_is_answered_once_and_the_law_holds() -> None:
    async with pipeline(FakeModel()) as (running, published):
        values = [message("aa"), message("a"), b"not json", None, b"", message("  "), message("aaa")]
        await running.accept({A: [record(A, offset, value) for offset, value in enumerate(values)]})
        for output in list(await published.wait(len(values))):
            running.in_flight.acknowledge(output)
        counts = running.offsets.counts()
        assert (counts.read, counts.accepted, counts.fallback, counts.dead_letter) == (7, 1, 2, 4)
        assert counts.balanced
        assert running.offsets.to_commit() == {A: 7}


async def test_an_acknowledgement_wakes_who_waits_for_room() -> None:
    async with pipeline(FakeModel()) as (running, published):
        await running.accept({A: [record(A, 0, message("aa"))]})
        (output,) = await published.wait(1)
        waiting = asyncio.create_task(running.in_flight.acknowledged())
        await asyncio.sleep(0)
        assert not waiting.done()
        running.in_flight.acknowledge(output)
        async with asyncio.timeout(10):
            await waiting


async def test_topics_keys_and_trace_of_the_outputs() -> None:
    async with pipeline(FakeModel()) as (running, published):
        values = [message("aa"), message("a"), b"[]"]
        await running.accept({A: [record(A, offset, value, key=b"chat-1") for offset, value in enumerate(values)]})
        outputs = await published.wait(3)
        assert [output.topic for output in outputs] == ["out", "fallback", "dlq"]
        assert {output.key for output in outputs} == {b"chat-1"}
        assert all(dict(output.headers)["traceparent"] == b"00-1-2-3" for output in outputs)
        assert outputs[2].value == b"[]"
        assert dict(outputs[2].headers)["dlq.error"] == b"not_object"


def holds_poison(batch: Sequence[str]) -> bool:
    return any("poison" in text for text in batch)


async def test_a_poison_message_stands_alone_and_the_others_go_on() -> None:
    async with pipeline(FakeModel(holds_poison)) as (running, published):
        lines = texts(64)
        lines[17] = "poison"
        await running.accept({A: [record(A, offset, message(line)) for offset, line in enumerate(lines)]})
        outputs = await published.wait(64)
        assert [output.offset for output in outputs if output.outcome == "dead_letter"] == [17]
        assert outputs[17].label == "model_error"
        assert outputs[17].value == message("poison")


async def test_a_message_that_the_tokenizer_fails_on_is_put_aside_alone() -> None:
    class Chokes(FakeModel):
        def encode(self, texts: Sequence[str]) -> list[Encoded]:
            if holds_poison(texts):
                raise ValueError("cannot be encoded")
            return super().encode(texts)

    async with pipeline(Chokes()) as (running, published):
        values = [message("aa"), message("poison"), message("a")]
        await running.accept({A: [record(A, offset, value) for offset, value in enumerate(values)]})
        outputs = await published.wait(3)
        assert [output.label for output in outputs] == ["WISMO", "model_error", "low_confidence"]
        assert outputs[1].value == message("poison")


async def test_a_model_that_fails_on_everything_blames_nobody_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "RETRY", FixedDelays((0.001,)))
    tries = 0

    def down_for_a_while(batch: Sequence[str]) -> bool:
        nonlocal tries
        tries += 1
        return tries < 40

    async with pipeline(FakeModel(down_for_a_while), threads=1) as (running, published):
        await running.accept({A: [record(A, offset, message("aa")) for offset in range(8)]})
        outputs = await published.wait(8)
        assert {output.outcome for output in outputs} == {"accepted"}
        assert running.processor.down is None


async def test_outputs_that_are_no_numbers_are_a_fault_of_the_model() -> None:
    class Overflows(FakeModel):
        def infer(self, batch: Sequence[object]) -> object:  # type: ignore[override]
            outputs = super().infer(batch)  # type: ignore[arg-type]
            outputs.logits[outputs.logits[:, 1] == 7] = float("nan")
            return outputs

    async with pipeline(Overflows()) as (running, published):
        await running.accept({A: [record(A, 0, message("aabb")), record(A, 1, message("overflo"))]})
        outputs = await published.wait(2)
        assert [output.label for output in outputs] == ["WISMO", "model_error"]


def slow_until(release: asyncio.Event) -> Callable[[Sequence[str]], bool]:
    """A model's trouble: a batch with the text "slow" takes until then."""
    loop = asyncio.get_running_loop()

    def blocks(batch: Sequence[str]) -> bool:
        if "slow" in batch:
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return False

    return blocks


async def test_what_a_revoked_partition_still_gives_is_not_published() -> None:
    release = asyncio.Event()
    async with pipeline(FakeModel(slow_until(release)), threads=1) as (running, published):
        await running.accept({A: [record(A, 0, message("slow"))]})
        running.processor.pause()
        assert running.offsets.revoke([A]) == 1
        release.set()
        running.offsets.assign(A)
        running.processor.resume()
        await running.accept({A: [record(A, 0, message("aa"))]})
        outputs = await published.wait(1)
        assert [output.tracker for output in outputs] == [running.offsets[A]]


async def test_nothing_begins_while_partitions_are_handed_over_and_nothing_of_those_that_went() -> None:
    release = asyncio.Event()
    model = FakeModel(slow_until(release))
    async with pipeline(model, threads=1) as (running, published):
        await running.accept({A: [record(A, 0, message("slow"))]})
        async with asyncio.timeout(10):
            while not model.batches:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await running.accept({A: [record(A, 1, message("dropped"))]})
        running.processor.pause()
        await running.accept({A: [record(A, 2, message("gone"))], B: [record(B, 0, message("kept"))]})
        release.set()
        await published.wait(1)
        await asyncio.sleep(0.05)
        assert model.batches == [["slow"]]
        running.offsets.revoke([A])
        running.processor.resume()
        await published.wait(2)
        assert model.batches == [["slow"], ["kept"]]


async def test_a_topic_that_was_made_again_starts_new_books() -> None:
    async with pipeline(FakeModel()) as (running, published):
        await running.accept({A: [record(A, offset, message("aa")) for offset in (5, 6)]})
        await published.wait(2)
        await running.accept({A: [record(A, 0, message("aa"))]})
        outputs = await published.wait(3)
        for output in outputs:
            running.in_flight.acknowledge(output)
        assert running.offsets.to_commit() == {A: 1}
        counts = running.offsets.counts()
        assert (counts.read, counts.accepted, counts.given_back) == (3, 1, 2)


def steps(outputs: Sequence[Output], replace: Callable[[Output], Output | None]) -> list[Output]:
    listed = []
    following: Output | None = outputs[0]
    while following is not None:
        listed.append(following)
        following = replace(following)
    return listed


async def test_an_output_that_the_broker_refuses_shrinks_until_nothing_is_left() -> None:
    async with pipeline(FakeModel()) as (running, published):
        await running.accept({A: [record(A, 0, message("a"))]})
        first, whole, empty, bare = steps(await published.wait(1), DeadLetters("dlq").replacement)
        assert (first.topic, whole.topic, empty.topic, bare.topic) == ("fallback", "dlq", "dlq", "dlq")
        assert (whole.value, whole.key) == (message("a"), b"k")
        assert (empty.value, empty.key) == (b"", b"k")
        assert dict(empty.headers)["dlq.omitted_bytes"] == str(len(message("a"))).encode()
        assert (bare.value, bare.key) == (b"", None)
        assert "traceparent" not in dict(bare.headers)
        assert dict(bare.headers)["dlq.offset"] == b"0"
