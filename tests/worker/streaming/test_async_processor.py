"""Fallback events in, intents and reviews out, in order, without a broker."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import orjson
from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_schemas.events import FallbackEvent, IntentEvent, LabelEvent, ModelRef, ReviewEvent
from triage_worker.fallback.llm_decider import Decided, Undecided
from triage_worker.fallback.outputs import OutputBuilder
from triage_worker.observability.metrics import Metrics
from triage_worker.streaming.async_processor import AsyncDecisionProcessor, Decider
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import Harness, Published, record
from tests.worker.fallback.events import event

A = TopicPartition("customer.intents.fallback", 0)
OUTPUTS = OutputBuilder(
    ModelRef(name="llm", version="prompt-1"), "out", "review", "labels", 0.6, include_text=False, clock=lambda: 1e9
)


class FakeDecider:
    """Decides by a function, when it is let."""

    def __init__(self, decide: Callable[[FallbackEvent], Decided | Undecided]) -> None:
        self._decide = decide
        self.gates: dict[str, asyncio.Event] = {}
        self.at_once = 0
        self.most_at_once = 0
        self.begun = asyncio.Event()
        self._decided: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.down: str | None = None

    async def decide(self, event: FallbackEvent) -> Decided | Undecided:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.begun.set()
        await (self.gates[event.text].wait() if event.text in self.gates else asyncio.sleep(0))
        self.at_once -= 1
        self._decided[event.text].set()
        return self._decide(event)

    async def decided_on(self, text: str) -> None:
        await self._decided[text].wait()


def by_text(event: FallbackEvent) -> Decided | Undecided:
    return Undecided("unsure") if "?" in event.text else Decided("WISMO", 0.9)


@asynccontextmanager
async def fallback(
    decider: Decider[FallbackEvent, Decided | Undecided], concurrency: int = 4
) -> AsyncIterator[tuple[Harness[AsyncDecisionProcessor[FallbackEvent, Decided | Undecided]], Published]]:
    running = harness(decider, concurrency)
    ended = running.processor.start()
    published = Published(running.in_flight)
    try:
        yield running, published
    finally:
        running.processor.close()
        published.close()
        await asyncio.gather(ended, return_exceptions=True)


def harness(
    decider: Decider[FallbackEvent, Decided | Undecided], concurrency: int
) -> Harness[AsyncDecisionProcessor[FallbackEvent, Decided | Undecided]]:
    in_flight = InFlightMessages(Metrics())
    in_flight.offsets.assign(A)
    processor = AsyncDecisionProcessor(
        FallbackEvent, decider, OUTPUTS.build, DeadLetters("dlq"), in_flight, concurrency=concurrency
    )
    return Harness(processor, in_flight)


def records(*texts: str | None) -> list[ConsumerRecord]:
    return [
        record(A, offset, None if text is None else event(text, offset).write()) for offset, text in enumerate(texts)
    ]


async def test_each_message_is_an_intent_or_a_review_in_the_order_it_was_read() -> None:
    decider = FakeDecider(by_text)
    decider.gates["slow"] = asyncio.Event()
    async with fallback(decider) as (running, published):
        await running.accept({A: records("slow", "b?", "c", None)})
        await decider.decided_on("c")
        assert published.outputs == []
        decider.gates["slow"].set()
        outputs = await published.wait(4)
        assert [output.topic for output in outputs] == ["out", "review", "out", "dlq"]
        assert [output.offset for output in outputs] == [0, 1, 2, 3]
        for output in list(outputs):
            running.in_flight.acknowledge(output)
        counts = running.offsets.counts()
        assert (counts.read, counts.accepted, counts.review, counts.dead_letter) == (4, 2, 1, 1)
        assert counts.balanced
        assert running.offsets.to_commit() == {A: 4}


async def test_no_more_are_asked_about_at_once_than_allowed() -> None:
    decider = FakeDecider(by_text)
    async with fallback(decider, concurrency=3) as (running, published):
        await running.accept({A: records(*map(str, range(50)))})
        await published.wait(50)
        assert decider.most_at_once == 3


async def one(text: str, verdict: Decided | Undecided) -> Output:
    async with fallback(FakeDecider(lambda _: verdict)) as (running, published):
        await running.accept({A: [record(A, 0, event(text, 1042).write(), key=b"chat-1")]})
        return (await published.wait(1))[0]


async def test_an_intent_comes_with_its_label_and_both_name_the_customers_message() -> None:
    output = await one("it never came", Decided("WISMO", 0.9))
    assert output.companion is not None
    intent = IntentEvent.read(output.value or b"")
    label = LabelEvent.read(output.companion.value)
    assert (intent.intent, intent.confidence, intent.decided_by, intent.threshold) == ("WISMO", 0.9, "llm", 0.6)
    assert (intent.message_id, intent.conversation_id, intent.metadata) == ("m-1042", "c-1", {"tier": "gold"})
    assert intent.model == label.model == ModelRef(name="llm", version="prompt-1")
    assert "text" not in orjson.loads(output.value or b"")
    assert (label.text, label.label, label.decided_by) == ("it never came", "WISMO", "llm")
    assert (output.key, output.companion.key, output.companion.topic) == (b"chat-1", b"chat-1", "labels")
    headers, label_headers = dict(output.headers), dict(output.companion.headers)
    assert headers["ce_id"] == b"triage.intent:customer.messages:0:1042"
    assert label_headers["ce_id"] == b"triage.label:customer.messages:0:1042"
    assert headers["traceparent"] == label_headers["traceparent"] == b"00-1-2-3"


async def test_a_review_carries_all_that_was_known_and_why() -> None:
    output = await one("hm", Undecided("none_of_these"))
    review = ReviewEvent.read(output.value or b"")
    asked = event("hm", 1042)
    assert review.review_reason == "none_of_these"
    assert {name: getattr(review, name) for name in asked.model_fields_set} == {
        name: getattr(asked, name) for name in asked.model_fields_set
    }
    assert output.companion is None
    assert dict(output.headers)["ce_id"] == b"triage.intent.review:customer.messages:0:1042"


async def test_what_is_no_fallback_event_is_a_dead_letter_that_does_not_repeat_it() -> None:
    bad = orjson.dumps(orjson.loads(event("secret words").write()) | {"confidence": "secret words"})
    async with fallback(FakeDecider(by_text)) as (running, published):
        await running.accept({A: [record(A, 0, b"secret words"), record(A, 1, bad), record(A, 2, b"")]})
        for output in await published.wait(3):
            headers = dict(output.headers)
            assert headers["dlq.error"] == b"bad_event"
            assert b"secret" not in (headers["dlq.message"] or b"")
        assert published.outputs[1].value == bad


async def test_when_held_what_waits_is_dropped_and_what_is_asked_goes_on() -> None:
    decider = FakeDecider(by_text)
    decider.gates["first"] = asyncio.Event()
    async with fallback(decider, concurrency=1) as (running, published):
        await running.accept({A: records("first", "second")})
        await decider.begun.wait()
        running.processor.pause()
        assert not running.processor.idle
        decider.gates["first"].set()
        await published.wait(1)
        assert running.processor.idle
        assert running.offsets.revoke([A]) == 2
        running.offsets.assign(A)
        running.processor.resume()
        await running.accept({A: records("first", "second")})
        outputs = await published.wait(3)
        assert [output.offset for output in outputs] == [0, 0, 1]


async def test_what_is_asked_for_a_lost_partition_is_not_published() -> None:
    decider = FakeDecider(by_text)
    decider.gates["lost"] = asyncio.Event()
    async with fallback(decider, concurrency=1) as (running, published):
        await running.accept({A: records("lost")})
        await decider.begun.wait()
        running.offsets.revoke([A])
        running.offsets.assign(A)
        decider.gates["lost"].set()
        await running.accept({A: records("mine")})
        outputs = await published.wait(1)
        assert [output.tracker for output in outputs] == [running.offsets[A]]


async def test_a_judge_that_breaks_ends_the_service_instead_of_losing_a_message() -> None:
    def broken(_: FallbackEvent) -> Decided:
        raise RuntimeError("a bug")

    running = harness(FakeDecider(broken), concurrency=2)
    ended = running.processor.start()
    await running.accept({A: records("a")})
    await asyncio.wait([ended])
    assert isinstance(ended.exception(), ExceptionGroup)
    assert running.offsets[A].committable == 0


async def test_a_label_that_the_broker_refuses_does_not_cost_the_intent() -> None:
    output = await one("it never came", Decided("WISMO", 0.9))
    letters = DeadLetters("dlq")
    alone = letters.replacement(output)
    assert alone is not None
    assert (alone.topic, alone.value, alone.companion) == ("out", output.value, None)
    letter = letters.replacement(alone)
    assert letter is not None
    assert letter.topic == "dlq"
