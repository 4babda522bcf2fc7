"""The way of one conversation through the topics, step by step. Plain values in and out."""

from collections.abc import Iterator
from typing import NamedTuple

from triage_schemas.events import IntentEvent

from triage_worker.demo.cases import Cases, Change, Intent, Verdict, conversation_of
from triage_worker.demo.tally import Place, Tally
from triage_worker.router.intent_parser import facts_of
from triage_worker.routing.routes import Routes


class Step(NamedTuple):
    """What happened; ``at`` in seconds since the conversation's first message."""

    at: float
    what: str
    told: str


def richest(cases: Cases) -> str | None:
    """The conversation with most to show: an escalation, an LLM's verdict, many changes; None if there is no ticket."""
    return max(cases.changes, key=lambda conversation: _riches(cases, conversation), default=None)


def _riches(cases: Cases, conversation: str) -> tuple[bool, bool, int]:
    changes = cases.changes[conversation].values()
    return (
        any(change.event.event == "escalated" for change in changes),
        any(intent.event.decided_by == "llm" for intent in cases.intents[conversation].values()),
        len(changes),
    )


def steps(conversation: str, tally: Tally, cases: Cases, routes: Routes) -> list[Step]:
    """Its messages, what was decided about each, and the tickets' changes, by time.

    Args:
        conversation: which.
        tally: has the messages.
        cases: has the rest.
        routes: the rules that the router goes by.
    """
    refused = {place for place, asked in cases.asked.items() if conversation_of(asked.event) == conversation}
    intents = cases.intents[conversation]
    # Both in the order of the topics: the router takes a conversation's intents as they come.
    filed = zip(intents.values(), cases.changes[conversation].values(), strict=False)
    found = [step for place in {*refused, *intents} for step in _decisions(place, tally, cases)]
    found += [_filed(intent, change, routes) for intent, change in filed]
    begin = min(step.at for step in found)
    return [step._replace(at=step.at - begin) for step in sorted(found, key=lambda step: step.at)]


def _decisions(place: Place, tally: Tally, cases: Cases) -> Iterator[Step]:
    text, at = tally.messages[place]
    yield Step(at, "message", f"“{text}”")
    answer = tally.answers[place]
    sure = f"{answer.intent} {answer.confidence:.3f}"
    if answer.kind == "accepted":
        yield Step(answer.at, "model", f"{sure}, accepted")
        return
    yield Step(answer.at, "model", f"{sure}, {(answer.reason or '').replace('_', ' ')}: on to the fallback")
    verdict = cases.verdicts.get(place)
    if verdict is not None:
        yield Step(verdict.at, "fallback", told(verdict))


def told(verdict: Verdict) -> str:
    """Who decided what, in a few words."""
    event = verdict.event
    if isinstance(event, IntentEvent):
        return f"{event.model.name} decides: {event.intent} {event.confidence:.3f}"
    return f"undecided ({event.review_reason.replace('_', ' ')}): on to a person"


def _filed(intent: Intent, change: Change, routes: Routes) -> Step:
    rule, ticket = routes.route(facts_of(intent.event)).rule, change.event
    why = "no rule fires" if rule is None else f"rule “{rule}”"
    what = f"{ticket.ticket_id} {ticket.event}: queue {ticket.queue}, priority {ticket.priority}"
    return Step(change.at, "router", f"{why}: {what}")
