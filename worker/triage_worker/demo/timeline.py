"""The timeline of one conversation: its messages, the decisions about them, and the changes of its tickets."""

from collections.abc import Iterator
from typing import NamedTuple

from triage_schemas.events import IntentEvent

from triage_worker.demo.downstream_results import (
    DownstreamResults,
    FallbackDecision,
    PublishedIntent,
    TicketChange,
    conversation_of,
)
from triage_worker.demo.worker_results import SourceOffset, WorkerResults
from triage_worker.router.intent_parser import facts_of
from triage_worker.routing.routes import Routes


class Step(NamedTuple):
    """One step of a timeline.

    Attributes:
        at: seconds since the conversation's first message.
        actor: who acts: message, model, fallback or router.
        text: what happened.
    """

    at: float
    actor: str
    text: str


def most_eventful(downstream: DownstreamResults) -> str | None:
    """The conversation with most to show: an escalation, an LLM's decision, many changes; None without tickets."""
    return max(downstream.changes, key=lambda conversation: _eventfulness(downstream, conversation), default=None)


def _eventfulness(downstream: DownstreamResults, conversation: str) -> tuple[bool, bool, int]:
    changes = downstream.changes[conversation].values()
    return (
        any(change.event.event == "escalated" for change in changes),
        any(intent.event.decided_by == "llm" for intent in downstream.intents[conversation].values()),
        len(changes),
    )


def timeline(conversation: str, worker: WorkerResults, downstream: DownstreamResults, routes: Routes) -> list[Step]:
    """The steps of a conversation, in order of time.

    Args:
        conversation: its id.
        worker: has the messages and the worker's outcomes.
        downstream: has the other events.
        routes: the rules of the router.
    """
    requests = {offset for offset, one in downstream.requests.items() if conversation_of(one.event) == conversation}
    intents = downstream.intents[conversation]
    # Both are in the order of their topic, and the router files a conversation's intents in that order.
    filed = zip(intents.values(), downstream.changes[conversation].values(), strict=False)
    steps = [step for offset in {*requests, *intents} for step in _decision_steps(offset, worker, downstream)]
    steps += [_ticket_step(intent, change, routes) for intent, change in filed]
    begin = min(step.at for step in steps)
    return [step._replace(at=step.at - begin) for step in sorted(steps, key=lambda step: step.at)]


def _decision_steps(offset: SourceOffset, worker: WorkerResults, downstream: DownstreamResults) -> Iterator[Step]:
    text, at = worker.messages[offset]
    yield Step(at, "message", f"“{text}”")
    outcome = worker.outcomes[offset]
    intent = f"{outcome.intent} {outcome.confidence:.3f}"
    if outcome.kind == "accepted":
        yield Step(outcome.at, "model", f"{intent}, accepted")
        return
    yield Step(outcome.at, "model", f"{intent}, {(outcome.reason or '').replace('_', ' ')}: sent to the fallback")
    decision = downstream.decisions.get(offset)
    if decision is not None:
        yield Step(decision.at, "fallback", describe(decision))


def describe(decision: FallbackDecision) -> str:
    """Describe a decision of the fallback in a few words."""
    event = decision.event
    if isinstance(event, IntentEvent):
        return f"{event.model.name} decides: {event.intent} {event.confidence:.3f}"
    return f"undecided ({event.review_reason.replace('_', ' ')}): sent to review"


def _ticket_step(intent: PublishedIntent, change: TicketChange, routes: Routes) -> Step:
    rule, ticket = routes.route(facts_of(intent.event)).rule, change.event
    reason = "no rule matches" if rule is None else f"rule “{rule}”"
    result = f"{ticket.ticket_id} {ticket.event}: queue {ticket.queue}, priority {ticket.priority}"
    return Step(change.at, "router", f"{reason}: {result}")
