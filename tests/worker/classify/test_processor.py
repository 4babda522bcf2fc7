"""The classification processor with a fake model: outputs in order, dead letters, pauses and revocations."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest
from triage_models.serving.engine import Encoded
from triage_models.serving.mail.message import Message, as_written
from triage_worker.classify.processor import ClassificationProcessor
from triage_worker.inference import inference_threads
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.resilience.backoff import FixedDelays
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.output import Output

from tests.worker.classify.harness import A, B, classification_harness, loaded_bundle
from tests.worker.fakes import FakeModel, ProcessorHarness, message, record
from tests.worker.message_counts import is_balanced


def harness_of(model: FakeModel, threads: int = 2) -> ProcessorHarness[ClassificationProcessor]:
    return classification_harness(loaded_bundle(model, threads=threads))


def texts(count: int, seed: int = 1) -> list[str]:
    """Make different texts of random lengths."""
    generator = random.Random(seed)
    return [
        "".join(generator.choices("abcdefgh ", k=generator.randint(1, 80))) + f"#{number}" for number in range(count)
    ]


async def test_outputs_come_in_the_order_of_each_partition() -> None:
    async with harness_of(FakeModel()) as harness:
        lines = texts(300)
        records = {
            partition: [record(partition, offset, message(line)) for offset, line in enumerate(lines)]
            for partition in (A, B)
        }
        await harness.process(records)
        by_partition = defaultdict(list)
        for output in await harness.wait_for_outputs(600):
            by_partition[output.record.partition].append(output.offset)
        assert by_partition == {0: list(range(300)), 1: list(range(300))}


async def test_every_message_is_answered_once_and_the_counts_are_balanced() -> None:
    async with harness_of(FakeModel()) as harness:
        values = [message("aa"), message("a"), b"not json", None, b"", message("  "), message("aaa")]
        await harness.process({A: [record(A, offset, value) for offset, value in enumerate(values)]})
        for output in list(await harness.wait_for_outputs(len(values))):
            harness.in_flight.acknowledge(output)
        counts = harness.offsets.counts()
        assert (counts.read, counts.accepted, counts.fallback, counts.dead_letter) == (7, 1, 2, 4)
        assert is_balanced(counts)
        assert harness.offsets.to_commit() == {A: 7}


async def test_an_acknowledgement_wakes_the_consumer_that_waits_for_it() -> None:
    async with harness_of(FakeModel()) as harness:
        await harness.process({A: [record(A, 0, message("aa"))]})
        (output,) = await harness.wait_for_outputs(1)
        waiting = asyncio.create_task(harness.in_flight.acknowledged())
        await asyncio.sleep(0)
        assert not waiting.done()
        harness.in_flight.acknowledge(output)
        async with asyncio.timeout(10):
            await waiting


async def test_outputs_have_the_topic_of_their_outcome_and_the_key_and_trace_of_their_message() -> None:
    async with harness_of(FakeModel()) as harness:
        values = [message("aa"), message("a"), b"[]"]
        await harness.process({A: [record(A, offset, value, key=b"chat-1") for offset, value in enumerate(values)]})
        outputs = await harness.wait_for_outputs(3)
        assert [output.topic for output in outputs] == ["out", "fallback", "dlq"]
        assert {output.key for output in outputs} == {b"chat-1"}
        assert all(dict(output.headers)["traceparent"] == b"00-1-2-3" for output in outputs)
        assert outputs[2].value == b"[]"
        assert dict(outputs[2].headers)["dlq.error"] == b"not_object"


def contains_poison(batch: Sequence[str]) -> bool:
    return any("poison" in text for text in batch)


async def test_only_the_message_that_the_model_fails_on_becomes_a_dead_letter() -> None:
    async with harness_of(FakeModel(contains_poison)) as harness:
        lines = texts(64)
        lines[17] = "poison"
        await harness.process({A: [record(A, offset, message(line)) for offset, line in enumerate(lines)]})
        outputs = await harness.wait_for_outputs(64)
        assert [output.offset for output in outputs if output.outcome == "dead_letter"] == [17]
        assert outputs[17].label == "model_error"
        assert outputs[17].value == message("poison")


async def test_only_the_message_that_the_tokenizer_fails_on_becomes_a_dead_letter() -> None:
    class FailingTokenizer(FakeModel):
        def encode(self, texts: Sequence[str]) -> list[Encoded]:
            if contains_poison(texts):
                raise ValueError("cannot be encoded")
            return super().encode(texts)

    async with harness_of(FailingTokenizer()) as harness:
        values = [message("aa"), message("poison"), message("a")]
        await harness.process({A: [record(A, offset, value) for offset, value in enumerate(values)]})
        outputs = await harness.wait_for_outputs(3)
        assert [output.label for output in outputs] == ["WISMO", "model_error", "low_confidence"]
        assert outputs[1].value == message("poison")


async def test_only_the_message_that_cannot_be_read_becomes_a_dead_letter() -> None:
    def read(text: str) -> Message:
        if "poison" in text:
            raise RecursionError
        return as_written(text)

    async with classification_harness(loaded_bundle(FakeModel()), read=read) as harness:
        values = [message("aa"), message("poison"), message("a")]
        await harness.process({A: [record(A, offset, value) for offset, value in enumerate(values)]})
        outputs = await harness.wait_for_outputs(3)
        assert [output.label for output in outputs] == ["WISMO", "model_error", "low_confidence"]
        assert outputs[1].value == message("poison")


async def test_a_model_that_fails_on_everything_makes_no_dead_letter_and_recovers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inference_threads, "RETRY", FixedDelays((0.001,)))
    tries = 0

    def down_for_a_while(batch: Sequence[str]) -> bool:
        nonlocal tries
        tries += 1
        return tries < 40

    async with harness_of(FakeModel(down_for_a_while), threads=1) as harness:
        await harness.process({A: [record(A, offset, message("aa")) for offset in range(8)]})
        outputs = await harness.wait_for_outputs(8)
        assert {output.outcome for output in outputs} == {"accepted"}
        assert harness.processor.down is None


async def test_outputs_that_are_not_finite_are_a_fault_of_the_message() -> None:
    class OverflowingModel(FakeModel):
        def infer(self, batch: Sequence[object]) -> object:  # type: ignore[override]
            outputs = super().infer(batch)  # type: ignore[arg-type]
            outputs.logits[outputs.logits[:, 1] == 7] = float("nan")
            return outputs

    async with harness_of(OverflowingModel()) as harness:
        await harness.process({A: [record(A, 0, message("aabb")), record(A, 1, message("overflo"))]})
        outputs = await harness.wait_for_outputs(2)
        assert [output.label for output in outputs] == ["WISMO", "model_error"]


def slow_until(release: asyncio.Event) -> Callable[[Sequence[str]], bool]:
    """Make a function that never fails, but takes until the event for a batch with the text "slow"."""
    loop = asyncio.get_running_loop()

    def blocks(batch: Sequence[str]) -> bool:
        if "slow" in batch:
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return False

    return blocks


async def test_outputs_of_a_revoked_partition_are_not_published() -> None:
    release = asyncio.Event()
    async with harness_of(FakeModel(slow_until(release)), threads=1) as harness:
        await harness.process({A: [record(A, 0, message("slow"))]})
        harness.processor.pause()
        assert harness.offsets.revoke([A]) == 1
        release.set()
        harness.offsets.assign(A)
        harness.processor.resume()
        await harness.process({A: [record(A, 0, message("aa"))]})
        outputs = await harness.wait_for_outputs(1)
        assert [output.tracker for output in outputs] == [harness.offsets[A]]


async def test_a_pause_starts_no_batch_and_messages_of_revoked_partitions_are_dropped() -> None:
    release = asyncio.Event()
    model = FakeModel(slow_until(release))
    async with harness_of(model, threads=1) as harness:
        await harness.process({A: [record(A, 0, message("slow"))]})
        async with asyncio.timeout(10):
            while not model.batches:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        await harness.process({A: [record(A, 1, message("dropped"))]})
        harness.processor.pause()
        await harness.process({A: [record(A, 2, message("revoked"))], B: [record(B, 0, message("assigned"))]})
        release.set()
        await harness.wait_for_outputs(1)
        await asyncio.sleep(0.05)
        assert model.batches == [["slow"]]
        harness.offsets.revoke([A])
        harness.processor.resume()
        await harness.wait_for_outputs(2)
        assert model.batches == [["slow"], ["assigned"]]


async def test_a_topic_that_was_created_again_is_tracked_anew() -> None:
    async with harness_of(FakeModel()) as harness:
        await harness.process({A: [record(A, offset, message("aa")) for offset in (5, 6)]})
        await harness.wait_for_outputs(2)
        await harness.process({A: [record(A, 0, message("aa"))]})
        outputs = await harness.wait_for_outputs(3)
        for output in outputs:
            harness.in_flight.acknowledge(output)
        assert harness.offsets.to_commit() == {A: 1}
        counts = harness.offsets.counts()
        assert (counts.read, counts.accepted, counts.returned) == (3, 1, 2)


def replacements(output: Output, replace: Callable[[Output], Output | None]) -> list[Output]:
    """Return an output and all its replacements, in order."""
    found = []
    following: Output | None = output
    while following is not None:
        found.append(following)
        following = replace(following)
    return found


async def test_a_refused_output_is_replaced_by_smaller_ones_until_none_is_left() -> None:
    async with harness_of(FakeModel()) as harness:
        await harness.process({A: [record(A, 0, message("a"))]})
        (output,) = await harness.wait_for_outputs(1)
        event, complete, empty, bare = replacements(output, DeadLetters(DeadLetterTopic("dlq")).replacement)
        assert (event.topic, complete.topic, empty.topic, bare.topic) == ("fallback", "dlq", "dlq", "dlq")
        assert (complete.value, complete.key) == (message("a"), b"k")
        assert (empty.value, empty.key) == (b"", b"k")
        assert dict(empty.headers)["dlq.omitted_bytes"] == str(len(message("a"))).encode()
        assert (bare.value, bare.key) == (b"", None)
        assert "traceparent" not in dict(bare.headers)
        assert dict(bare.headers)["dlq.offset"] == b"0"
