"""The demo's results, checks, timeline and summary, made from events alone."""

import io
from typing import Any

from aiokafka import ConsumerRecord
from rich.console import Console
from triage_schemas.events import Event, FallbackEvent, IntentEvent, ModelRef, ReviewEvent, SourceRef
from triage_worker.config.settings import Settings
from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.summary import print_checks, print_summary
from triage_worker.demo.timeline import Step, most_eventful, timeline
from triage_worker.demo.topic_recorder import add_record
from triage_worker.demo.worker_results import WorkerResults
from triage_worker.router.conversation import Conversation, apply_message
from triage_worker.router.intent_parser import ParsedIntent, parse_intent
from triage_worker.routing.routes_file import DEFAULT_ROUTES, load

from tests.worker.fallback.events import event as fallback_event
from tests.worker.router.fakes import intent_record
from tests.worker.router.intents import intent_event

SETTINGS = Settings()
ROUTES = load(DEFAULT_ROUTES)
INPUT = SETTINGS.input_topic


class Scene:
    """Adds records to the results, each a second after the one before it."""

    def __init__(self) -> None:
        self.worker, self.downstream = WorkerResults(), DownstreamResults()
        self._conversations: dict[str, Conversation] = {}
        self._now = 0

    def see(self, topic: str, value: bytes, *, offset: int = 0, headers: Any = ()) -> None:
        self._now += 1
        record = ConsumerRecord(topic, 0, offset, self._now * 1000, 0, None, value, None, 0, 0, tuple(headers))
        add_record(SETTINGS, record, self.worker, self.downstream)

    def message(self, offset: int, text: str) -> None:
        self.see(INPUT, b'{"text": "%s"}' % text.encode(), offset=offset)

    def intent(self, offset: int, intent: str, *, by: str = "model", conversation: str = "c-1") -> None:
        self.see(SETTINGS.output_topic, (event := self._intent(offset, intent, by, conversation)).write())
        self.file(event)

    def file(self, event: IntentEvent) -> None:
        """As the router does."""
        parsed = parse_intent(intent_record(0, event))
        assert isinstance(parsed, ParsedIntent)
        known = self._conversations.get(parsed.message.conversation_id)
        route = ROUTES.route(parsed.facts)
        for state in apply_message(
            known, parsed.message, route, close_after_s=ROUTES.close_after, partition=0, now=0.0
        ):
            self._conversations[state.conversation_id] = state
            self.see(SETTINGS.tickets_topic, state.event().write())

    def refuse(self, offset: int, text: str) -> FallbackEvent:
        event = fallback_event(text, offset, source=SourceRef(topic=INPUT, partition=0, offset=offset))
        self.see(SETTINGS.fallback_topic, event.write())
        return event

    def leave(self, event: FallbackEvent) -> None:
        fields: dict[str, Any] = {name: getattr(event, name) for name in event.model_fields_set}
        self.see(SETTINGS.review_topic, ReviewEvent(**fields, review_reason="none_of_these").write())

    def checks(self) -> list[str]:
        checks = [self.worker.check(), *self.downstream.checks(self.worker.counts["accepted"])]
        return [str(check) for check in checks]

    def _intent(self, offset: int, intent: str, by: str, conversation: str) -> IntentEvent:
        source = SourceRef(topic=INPUT, partition=0, offset=offset)
        event = intent_event(offset, intent=intent, conversation_id=conversation, decided_by=by)
        return event.model_copy(update={"source": source, "model": ModelRef(name=f"a {by}", version="1")})


def conversation() -> Scene:
    """One message accepted, one decided by the LLM and one that a person must decide; then a second conversation."""
    scene = Scene()
    scene.message(0, "where is it")
    scene.intent(0, "WISMO")
    scene.message(1, "broken")
    scene.refuse(1, "broken")
    scene.intent(1, "DAMAGED_ITEM", by="llm")
    scene.message(2, "hm")
    scene.leave(scene.refuse(2, "hm"))
    scene.message(3, "other")
    scene.intent(3, "OTHER", conversation="c-2")
    return scene


def test_every_message_and_every_decision_is_accounted_for() -> None:
    assert conversation().checks() == [
        "read 4 = accepted 2 + fallback 2 + dead letters 0",
        "fallback 2 = decided 1 + for a person 1 (none of these 1)",
        "accepted 2 + decided 1 = filed 3 in 2 tickets",
    ]


def test_what_is_missing_or_repeated_fails_the_check() -> None:
    scene = Scene()
    scene.message(0, "a")
    refused = scene.refuse(0, "a")
    assert scene.checks()[1] == "fallback 1 ≠ decided 0 + for a person 0"
    scene.leave(refused)
    scene.leave(refused)
    assert scene.checks()[1].endswith("(1 decided twice)")
    scene.see(SETTINGS.output_topic, intent_event(1).write())
    assert scene.checks()[2] == "accepted 1 + decided 0 ≠ filed 0 in 0 tickets"
    console = Console(file=io.StringIO())
    assert not print_checks(console, scene.downstream.checks(1))


def test_a_second_ticket_of_a_conversation_fails_the_check() -> None:
    scene = conversation()
    (ticket,) = (ticket for ticket in scene.downstream.tickets() if ticket.conversation_id == "c-2")
    again: Event = ticket.model_copy(update={"ticket_id": "t-2"})
    scene.see(SETTINGS.tickets_topic, again.write())
    scene.see(SETTINGS.tickets_topic, ticket.write())  # a repeat changes nothing
    assert scene.checks()[2] == "accepted 2 + decided 1 ≠ filed 4 in 3 tickets (1 duplicate tickets)"


def test_another_services_dead_letter_is_no_outcome_of_the_worker() -> None:
    scene = Scene()
    for topic in (SETTINGS.fallback_topic, INPUT):
        headers = {"dlq.topic": topic, "dlq.partition": "0", "dlq.offset": "0", "dlq.error": "not_json"}
        scene.see(SETTINGS.dead_letter_topic, b"{", headers=[(name, text.encode()) for name, text in headers.items()])
    assert scene.worker.counts == {"dead letter": 1}


def test_the_timeline_of_a_conversation() -> None:
    scene = conversation()
    assert most_eventful(scene.downstream) == "c-1"
    steps = timeline("c-1", scene.worker, scene.downstream, ROUTES)
    ticket = next(iter(scene.downstream.tickets())).ticket_id
    assert steps == [
        Step(0.0, "message", "“where is it”"),
        Step(1.0, "model", "WISMO 0.970, accepted"),
        Step(
            2.0, "router", f"rule “where is my order, asked on chat”: {ticket} opened: queue delivery, priority normal"
        ),
        Step(3.0, "message", "“broken”"),
        Step(4.0, "model", "OTHER 0.400, low confidence: sent to the fallback"),
        Step(5.0, "fallback", "a llm decides: DAMAGED_ITEM 0.970"),
        Step(6.0, "router", f"rule “broken, wrong or missing goods”: {ticket} escalated: queue claims, priority high"),
        Step(7.0, "message", "“hm”"),
        Step(8.0, "model", "OTHER 0.400, low confidence: sent to the fallback"),
        Step(9.0, "fallback", "undecided (none of these): sent to review"),
    ]


def test_the_summary() -> None:
    stream = io.StringIO()
    scene = conversation()
    print_summary(Console(file=stream, width=110), scene.worker, scene.downstream, ROUTES)
    printed = stream.getvalue()
    for words in (
        "The longest ticket of each queue",
        "WISMO → DAMAGED_ITEM",
        "“broken”",
        "Timeline of conversation c-1",
    ):
        assert words in printed


def test_with_nothing_to_show_nothing_is_shown() -> None:
    stream = io.StringIO()
    print_summary(Console(file=stream), WorkerResults(), DownstreamResults(), ROUTES)
    assert stream.getvalue().split() == []
