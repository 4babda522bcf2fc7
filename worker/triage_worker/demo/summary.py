"""Prints the demo's summary: some tickets, one decision of the fallback, one timeline, and the accounting checks."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from triage_schemas.events import IntentEvent, TicketEvent

from triage_worker.demo.accounting_check import AccountingCheck
from triage_worker.demo.downstream_results import DownstreamResults
from triage_worker.demo.timeline import describe, most_eventful, timeline
from triage_worker.demo.worker_results import SourceOffset, WorkerResults
from triage_worker.routing.routes import PRIORITIES, Routes

TITLE = "[bold]{}[/bold]"


def print_summary(console: Console, worker: WorkerResults, downstream: DownstreamResults, routes: Routes) -> None:
    """Print tickets, one decision of the fallback, and the timeline of one conversation; leaves out what there is not.

    Args:
        console: where to print.
        worker: the worker's results.
        downstream: the other results.
        routes: the rules of the router.
    """
    tickets = _longest_of_each_queue(downstream.tickets())
    if tickets:
        console.print("\n" + TITLE.format("The longest ticket of each queue"))
        console.print(_table(tickets))
    chosen = _surest_decision(downstream)
    if chosen is not None:
        console.print("\n" + TITLE.format("A message that the model did not accept"))
        _print_decision(console, chosen, downstream)
    conversation = most_eventful(downstream)
    if conversation is not None:
        console.print("\n" + TITLE.format(f"Timeline of conversation {escape(conversation)}"))
        for step in timeline(conversation, worker, downstream, routes):
            console.print(f"{step.at:8.2f} s  {step.actor:<9} {escape(step.text)}", soft_wrap=True)
    console.print()


def print_checks(console: Console, checks: Iterable[AccountingCheck]) -> bool:
    """Print the accounting checks.

    Returns:
        Whether all of them pass.
    """
    failed = False
    for check in checks:
        console.print(TITLE.format(escape(str(check))), soft_wrap=True)
        failed |= not check.passes
    if failed:
        console.print("[red]The counts do not add up: a message was lost, or answered twice.[/red]")
    return not failed


def _table(tickets: Iterable[TicketEvent]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="")
    for name in ("ticket", "conversation", "queue", "priority", "intents"):
        table.add_column(name, no_wrap=name != "intents")
    table.add_column("messages", justify="right")
    for ticket in tickets:
        intents = " → ".join(ticket.intents)
        row = (ticket.ticket_id, ticket.conversation_id, ticket.queue, ticket.priority, intents, str(ticket.messages))
        table.add_row(*map(escape, row))
    return table


def _longest_of_each_queue(tickets: Iterable[TicketEvent]) -> list[TicketEvent]:
    """The ticket with most messages of each queue, the most urgent first."""
    longest: dict[str, TicketEvent] = {}
    for ticket in tickets:
        if ticket.queue not in longest or ticket.messages > longest[ticket.queue].messages:
            longest[ticket.queue] = ticket
    return sorted(longest.values(), key=lambda ticket: PRIORITIES.index(ticket.priority), reverse=True)


def _surest_decision(downstream: DownstreamResults) -> SourceOffset | None:
    """The message that the fallback decided with the highest confidence; if it decided none, one left to a person."""

    def confidence(offset: SourceOffset) -> float:
        event = downstream.decisions[offset].event
        return event.confidence if isinstance(event, IntentEvent) else -1.0

    return max(downstream.decisions.keys() & downstream.requests.keys(), key=confidence, default=None)


def _print_decision(console: Console, offset: SourceOffset, downstream: DownstreamResults) -> None:
    event = downstream.requests[offset].event
    reason = event.reason.replace("_", " ")
    console.print(f"  “{escape(event.text)}”", soft_wrap=True)
    console.print(f"  the model: {event.intent} {event.confidence:.3f}, {reason}", soft_wrap=True)
    console.print(f"  the fallback: {escape(describe(downstream.decisions[offset]))}", soft_wrap=True)
