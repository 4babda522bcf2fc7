"""The processor of messages that wait for a decision, shown with the fallback's events and outputs."""

import asyncio
from collections import defaultdict
from collections.abc import Callable

import orjson
from aiokafka.structs import ConsumerRecord
from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ModelRef, ReviewEvent
from triage_worker.fallback.llm_decider import Decided, Undecided
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.streaming.async_processor import NotAvailableError
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record
from tests.worker.fallback.events import event
from tests.worker.fallback.harness import PARTITION, Decision, fallback_harness
from tests.worker.message_counts import is_balanced


class FakeDecider:
    """Decides by a function; a text with a gate waits until its gate is set."""

    def __init__(self, decide: Callable[[FallbackEvent], Decision]) -> None:
        self._decide = decide
        self.gates: dict[str, asyncio.Event] = {}
        self._pending = 0
        self.most_pending = 0
        self.started = asyncio.Event()
        self._decided: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.down: str | None = None
        self.is_available = asyncio.Event()
        self.is_available.set()
        self.not_now = False

    async def available(self) -> None:
        await self.is_available.wait()

    async def decide(self, event: FallbackEvent) -> Decision:
        self._pending += 1
        self.most_pending = max(self.most_pending, self._pending)
        self.started.set()
        await (self.gates[event.text].wait() if event.text in self.gates else asyncio.sleep(0))
        self._pending -= 1
        self._decided[event.text].set()
        if self.not_now:
            raise NotAvailableError
        return self._decide(event)

    async def wait_until_decided(self, text: str) -> None:
        await self._decided[text].wait()


def by_text(event: FallbackEvent) -> Decision:
    return Undecided("unsure") if "?" in event.text else Decided("WISMO", 0.9)


def records(*texts: str | None) -> list[ConsumerRecord]:
    """Make a record for each text; None makes a null value."""
    return [
        record(PARTITION, offset, None if text is None else event(text, offset).write())
        for offset, text in enumerate(texts)
    ]


async def test_each_message_becomes_an_intent_or_a_review_in_the_order_it_was_read() -> None:
    decider = FakeDecider(by_text)
    decider.gates["slow"] = asyncio.Event()
    async with fallback_harness(decider) as harness:
        await harness.process({PARTITION: records("slow", "b?", "c", None)})
        await decider.wait_until_decided("c")
        assert harness.outputs == []
        decider.gates["slow"].set()
        outputs = await harness.wait_for_outputs(4)
        assert [output.topic for output in outputs] == ["out", "review", "out", "dlq"]
        assert [output.offset for output in outputs] == [0, 1, 2, 3]
        for output in list(outputs):
            harness.in_flight.acknowledge(output)
        counts = harness.offsets.counts()
        assert (counts.read, counts.accepted, counts.review, counts.dead_letter) == (4, 2, 1, 1)
        assert is_balanced(counts)
        assert harness.offsets.to_commit() == {PARTITION: 4}


async def test_no_more_decisions_are_pending_than_the_concurrency_allows() -> None:
    decider = FakeDecider(by_text)
    async with fallback_harness(decider, concurrency=3) as harness:
        await harness.process({PARTITION: records(*map(str, range(50)))})
        await harness.wait_for_outputs(50)
        assert decider.most_pending == 3


async def output_of(text: str, decision: Decision) -> Output:
    """Return the output of a message that gets a decision."""
    async with fallback_harness(FakeDecider(lambda _: decision)) as harness:
        await harness.process({PARTITION: [record(PARTITION, 0, event(text, 1042).write(), key=b"chat-1")]})
        return (await harness.wait_for_outputs(1))[0]


async def test_an_intent_has_a_label_as_its_companion_and_both_name_the_customers_message() -> None:
    output = await output_of("it never came", Decided("WISMO", 0.9))
    assert output.companion is not None
    intent = IntentEvent.read(output.value or b"")
    label = LabelEvent.read(output.companion.value)
    assert (intent.intent, intent.confidence, intent.decided_by, intent.threshold) == ("WISMO", 0.9, "llm", 0.6)
    assert (intent.message_id, intent.conversation_id, intent.metadata) == ("m-1042", "c-1", {"tier": "gold"})
    assert intent.model == label.model == ModelRef(name="llm", version="prompt-2")
    assert "text" not in orjson.loads(output.value or b"")
    assert (label.text, label.label, label.decided_by) == ("it never came", "WISMO", "llm")
    assert (output.key, output.companion.key, output.companion.topic) == (b"chat-1", b"chat-1", "labels")
    headers, label_headers = dict(output.headers), dict(output.companion.headers)
    assert headers["ce_id"] == b"triage.intent:customer.messages:0:1042"
    assert label_headers["ce_id"] == b"triage.label:customer.messages:0:1042"
    assert headers["traceparent"] == label_headers["traceparent"] == b"00-1-2-3"


async def test_a_review_has_all_fields_of_the_event_and_the_reason() -> None:
    output = await output_of("hm", Undecided("none_of_these"))
    review = ReviewEvent.read(output.value or b"")
    asked = event("hm", 1042)
    assert review.review_reason == "none_of_these"
    assert {name: getattr(review, name) for name in asked.model_fields_set} == {
        name: getattr(asked, name) for name in asked.model_fields_set
    }
    assert output.companion is None
    assert dict(output.headers)["ce_id"] == b"triage.intent.review:customer.messages:0:1042"


async def test_the_reason_of_a_dead_letter_does_not_quote_the_message() -> None:
    bad = orjson.dumps(orjson.loads(event("secret words").write()) | {"confidence": "secret words"})
    async with fallback_harness(FakeDecider(by_text)) as harness:
        values = [b"secret words", bad, b""]
        await harness.process({PARTITION: [record(PARTITION, offset, value) for offset, value in enumerate(values)]})
        for output in await harness.wait_for_outputs(3):
            headers = dict(output.headers)
            assert headers["dlq.error"] == b"bad_event"
            assert b"secret" not in (headers["dlq.message"] or b"")
        assert harness.outputs[1].value == bad


async def test_a_pause_drops_queued_messages_and_lets_pending_decisions_finish() -> None:
    decider = FakeDecider(by_text)
    decider.gates["first"] = asyncio.Event()
    async with fallback_harness(decider, concurrency=1) as harness:
        await harness.process({PARTITION: records("first", "second")})
        await decider.started.wait()
        harness.processor.pause()
        assert not harness.processor.idle
        decider.gates["first"].set()
        await harness.wait_for_outputs(1)
        assert harness.processor.idle
        assert harness.offsets.revoke([PARTITION]) == 2
        harness.offsets.assign(PARTITION)
        harness.processor.resume()
        await harness.process({PARTITION: records("first", "second")})
        outputs = await harness.wait_for_outputs(3)
        assert [output.offset for output in outputs] == [0, 0, 1]


async def test_an_event_that_cannot_be_decided_at_present_waits_and_keeps_its_place() -> None:
    decider = FakeDecider(by_text)
    async with fallback_harness(decider, concurrency=2) as harness:
        decider.is_available.clear()
        await harness.process({PARTITION: records("a", "b", "c", "d")})
        await asyncio.sleep(0.02)
        assert decider.most_pending == 0, "nothing is decided before the decider is available"
        decider.not_now = True
        decider.is_available.set()
        await decider.wait_until_decided("a")
        decider.is_available.clear()
        await asyncio.sleep(0.02)
        assert (harness.processor.idle, harness.processor.longest_run_s, harness.outputs) == (True, 0.0, [])
        decider.not_now = False
        decider.is_available.set()
        outputs = await harness.wait_for_outputs(4)
        assert [output.offset for output in outputs] == [0, 1, 2, 3]


async def test_an_event_that_waited_is_decided_before_later_ones() -> None:
    order: list[str] = []

    def decide(event: FallbackEvent) -> Decision:
        order.append(event.text)
        return by_text(event)

    decider = FakeDecider(decide)
    decider.not_now = True
    decider.gates["a"] = asyncio.Event()
    async with fallback_harness(decider, concurrency=1) as harness:
        await harness.process({PARTITION: records("a", "b", "c")})
        await decider.started.wait()
        decider.is_available.clear()
        decider.gates["a"].set()
        await decider.wait_until_decided("a")
        decider.not_now = False
        decider.is_available.set()
        await harness.wait_for_outputs(3)
        assert order == ["a", "b", "c"]


async def test_an_event_that_cannot_be_decided_is_dropped_while_paused() -> None:
    decider = FakeDecider(by_text)
    decider.gates["a"] = asyncio.Event()
    async with fallback_harness(decider, concurrency=1) as harness:
        await harness.process({PARTITION: records("a", "b")})
        await decider.started.wait()
        harness.processor.pause()
        decider.not_now = True
        decider.gates["a"].set()
        await decider.wait_until_decided("a")
        await asyncio.sleep(0.02)
        assert harness.processor.idle
        assert harness.offsets.revoke([PARTITION]) == 2
        harness.offsets.assign(PARTITION)
        decider.not_now = False
        harness.processor.resume()
        await harness.process({PARTITION: records("a", "b")})
        outputs = await harness.wait_for_outputs(2)
        assert [output.offset for output in outputs] == [0, 1]


async def test_a_decision_for_a_revoked_partition_is_not_published() -> None:
    decider = FakeDecider(by_text)
    decider.gates["revoked"] = asyncio.Event()
    async with fallback_harness(decider, concurrency=1) as harness:
        await harness.process({PARTITION: records("revoked")})
        await decider.started.wait()
        harness.offsets.revoke([PARTITION])
        harness.offsets.assign(PARTITION)
        decider.gates["revoked"].set()
        await harness.process({PARTITION: records("assigned again")})
        outputs = await harness.wait_for_outputs(1)
        assert [output.tracker for output in outputs] == [harness.offsets[PARTITION]]


async def test_a_decider_that_fails_ends_the_processor_and_no_message_is_lost() -> None:
    def broken(_: FallbackEvent) -> Decided:
        raise RuntimeError("a bug")

    async with fallback_harness(FakeDecider(broken), concurrency=2) as harness:
        await harness.process({PARTITION: records("a")})
        await asyncio.wait([harness.failed])
        assert isinstance(harness.failed.exception(), ExceptionGroup)
        assert harness.offsets[PARTITION].committable == 0


async def test_a_label_that_the_broker_refuses_is_left_out_and_the_intent_is_published() -> None:
    output = await output_of("it never came", Decided("WISMO", 0.9))
    dead_letters = DeadLetters(DeadLetterTopic("dlq"))
    alone = dead_letters.replacement(output)
    assert alone is not None
    assert (alone.topic, alone.value, alone.companion) == ("out", output.value, None)
    dead_letter = dead_letters.replacement(alone)
    assert dead_letter is not None
    assert dead_letter.topic == "dlq"
