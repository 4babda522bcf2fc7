"""A person decides: keys, what is shown, and what an answer becomes."""

import asyncio
import io

import pytest
from aiokafka.structs import TopicPartition
from rich.console import Console
from triage_schemas.events import IntentEvent, LabelEvent, ReviewEvent
from triage_worker.observability.metrics import Metrics
from triage_worker.review.keys import Labelled, Later, NoneOfThese, Verdict, key_of, verdict_of
from triage_worker.review.outputs import Writer
from triage_worker.review.person import Person, show_on, tell_on
from triage_worker.streaming.async_processor import AsyncDecisionProcessor, PendingEvent
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.in_flight import InFlightMessages
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import Harness, Published, record
from tests.worker.fallback.events import LABELS, event

A = TopicPartition("customer.intents.review", 0)
WRITER = Writer("out", "review", "labels", "OOS", include_text=False, clock=lambda: 1e9)


def review(text: str = "hm", offset: int = 0) -> ReviewEvent:
    asked = event(text, offset)
    known = {name: getattr(asked, name) for name in asked.model_fields_set}
    return ReviewEvent(**known, review_reason="unsure")


@pytest.mark.parametrize(
    ("key", "verdict"),
    [
        ("1", Labelled("WISMO")),
        ("4", Labelled("OTHER")),
        ("5", None),
        ("0", NoneOfThese()),
        ("-", Later()),
        ("x", None),
        ("", None),
        ("\x1b[A", None),
    ],
)
def test_what_keys_mean(key: str, verdict: Verdict | None) -> None:
    assert verdict_of(key, list(LABELS)) == verdict


def test_many_labels_have_keys_of_their_own_and_none_is_a_command() -> None:
    keys = key_of([f"label {number}" for number in range(60)])
    assert len(set(keys.values())) == len(keys) == 34
    assert not {"q", "0", "-"} & set(keys.values())


def answered(verdict: Verdict) -> tuple[Output, PendingEvent[ReviewEvent]]:
    read = record(A, 7, review("hm", 1042).write(), key=b"chat-1")
    question = PendingEvent(PartitionTracker[Output](A), read, review("hm", 1042))
    return WRITER.output(question, verdict), question


def test_a_label_is_an_intent_to_act_on_and_a_row_to_learn_from() -> None:
    output, _ = answered(Labelled("CANCEL_ORDER"))
    assert output.companion is not None
    intent, label = IntentEvent.read(output.value or b""), LabelEvent.read(output.companion.value)
    assert (intent.intent, intent.confidence, intent.decided_by) == ("CANCEL_ORDER", 1.0, "human")
    assert (label.label, label.decided_by, label.text, label.model) == ("CANCEL_ORDER", "human", "hm", None)
    assert intent.text is None
    assert (output.topic, output.companion.topic) == ("out", "labels")
    assert dict(output.headers)["ce_id"] == b"triage.intent:customer.messages:0:1042"
    assert output.key == output.companion.key == b"chat-1"


def test_none_of_these_is_a_row_to_learn_from_only() -> None:
    output, _ = answered(NoneOfThese())
    assert (output.topic, output.companion) == ("labels", None)
    assert LabelEvent.read(output.value or b"").label == "OOS"


def test_later_is_the_same_record_at_the_end_of_the_queue() -> None:
    output, question = answered(Later())
    assert (output.topic, output.key, output.value) == ("review", b"chat-1", question.record.value)
    assert list(output.headers) == list(question.record.headers)


async def test_one_key_a_message_in_their_order_and_no_key_answers_unseen() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100)
    leaving = asyncio.Event()
    seen: asyncio.Queue[str] = asyncio.Queue()

    def show(shown: ReviewEvent) -> None:
        show_on(console)(shown)
        seen.put_nowait(shown.text)

    person = Person(show, tell_on(console), leaving)
    in_flight = InFlightMessages(Metrics())
    in_flight.offsets.assign(A)
    processor = AsyncDecisionProcessor(ReviewEvent, person, WRITER.output, DeadLetters("dlq"), in_flight, concurrency=1)
    running, published = Harness(processor, in_flight), Published(in_flight)
    ended = processor.start()
    person.press("1")  # nothing is shown yet
    await running.accept({A: [record(A, number, review(text).write()) for number, text in enumerate("ab\x1bc")]})
    assert await seen.get() == "a"
    await asyncio.sleep(0)
    person.press("z")
    await asyncio.sleep(0)
    person.press("2")
    person.press("2")  # held down too long
    assert await seen.get() == "b"
    await asyncio.sleep(0)
    person.press("0")
    outputs = await published.wait(2)
    assert [output.label for output in outputs] == ["RETURN_REQUEST", "none_of_these"]
    person.press("Q")
    assert leaving.is_set()
    processor.close()
    published.close()
    await asyncio.gather(ended, return_exceptions=True)
    assert "→ RETURN_REQUEST" in screen.getvalue()
    assert "\x1b" not in screen.getvalue()


def test_what_is_shown() -> None:
    screen = io.StringIO()
    show_on(Console(file=screen, width=100))(review("[bold]where[/bold]\x1b[2J is\tit"))
    shown = screen.getvalue()
    assert "[bold]where[/bold] [2J is it" in shown
    assert "OTHER 0.40, WISMO 0.30, CANCEL_ORDER 0.20" in shown
    assert "low_confidence" in shown
    assert all(f" {key}  {label}" in shown for label, key in key_of(list(LABELS)).items())
