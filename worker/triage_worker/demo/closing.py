"""What the demo ends with: some tickets, one message that the model would not vouch for, one path, and the sums."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from triage_schemas.events import IntentEvent, TicketEvent

from triage_worker.demo.cases import Cases
from triage_worker.demo.law import Law
from triage_worker.demo.path import richest, steps, told
from triage_worker.demo.tally import Place, Tally
from triage_worker.routing.routes import PRIORITIES, Routes

TITLE = "[bold]{}[/bold]"


def close(console: Console, tally: Tally, cases: Cases, routes: Routes) -> None:
    """Print what is to be seen besides the sums."""
    shown = _of_each_queue(cases.tickets())
    if shown:
        console.print("\n" + TITLE.format("Tickets, the longest of each queue"))
        console.print(_table(shown))
    asked = _surest(cases)
    if asked is not None:
        console.print("\n" + TITLE.format("A message that the model would not vouch for"))
        _answered(console, asked, tally, cases)
    conversation = richest(cases)
    if conversation is not None:
        console.print("\n" + TITLE.format(f"The path of conversation {escape(conversation)}"))
        for step in steps(conversation, tally, cases, routes):
            console.print(f"{step.at:8.2f} s  {step.what:<9} {escape(step.told)}", soft_wrap=True)
    console.print()


def sums(console: Console, laws: Iterable[Law]) -> bool:
    """Print the sums; whether all hold."""
    broken = False
    for law in laws:
        console.print(TITLE.format(escape(str(law))), soft_wrap=True)
        broken |= not law.holds
    if broken:
        console.print("[red]A conservation law does not hold: something was lost, or answered twice.[/red]")
    return not broken


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


def _of_each_queue(tickets: Iterable[TicketEvent]) -> list[TicketEvent]:
    """The ticket with most messages of each queue, the most urgent first."""
    longest: dict[str, TicketEvent] = {}
    for ticket in tickets:
        if ticket.queue not in longest or ticket.messages > longest[ticket.queue].messages:
            longest[ticket.queue] = ticket
    return sorted(longest.values(), key=lambda ticket: PRIORITIES.index(ticket.priority), reverse=True)


def _surest(cases: Cases) -> Place | None:
    """The message that the fallback was surest of; if it decided none, one that it left to a person."""

    def sure(place: Place) -> float:
        event = cases.verdicts[place].event
        return event.confidence if isinstance(event, IntentEvent) else -1.0

    return max(cases.verdicts.keys() & cases.asked.keys(), key=sure, default=None)


def _answered(console: Console, place: Place, tally: Tally, cases: Cases) -> None:
    asked = cases.asked[place].event
    console.print(f"  “{escape(asked.text)}”", soft_wrap=True)
    console.print(
        f"  the model: {asked.intent} {asked.confidence:.3f}, {asked.reason.replace('_', ' ')}", soft_wrap=True
    )
    console.print(f"  the fallback: {escape(told(cases.verdicts[place]))}", soft_wrap=True)
