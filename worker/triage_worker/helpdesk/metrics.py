"""Prometheus metrics of the helpdesk connector."""

from typing import Literal, get_args

from prometheus_client import Counter

from triage_worker.observability.registry import process_registry

Outcome = Literal["created", "updated", "current", "left_alone", "missing", "no_ticket", "dead_letter"]
"""What became of a ticket event."""


class HelpdeskMetrics:
    """The connector's metrics and their registry."""

    def __init__(self) -> None:
        self.registry = registry = process_registry()
        self.tickets = Counter(
            "triage_helpdesk_tickets",
            f"Ticket events by outcome: {', '.join(get_args(Outcome))}.",
            ["outcome"],
            registry=registry,
        )
        self.calls = Counter(
            "triage_helpdesk_calls",
            "Calls by result: done, throttled, conflict, failed, refused.",
            ["result"],
            registry=registry,
        )
        self.fields_refused = Counter(
            "triage_helpdesk_fields_refused",
            "Calls that left out custom fields of a ticket, since the helpdesk refuses them.",
            registry=registry,
        )
        self.left_alone = Counter(
            "triage_helpdesk_left_alone",
            "Values that were not written on customers' tickets, since a person decided them otherwise.",
            ["field"],
            registry=registry,
        )
        self.labels = Counter(
            "triage_helpdesk_labels",
            "Agents' changes by what came of them: taught, or why not.",
            ["outcome"],
            registry=registry,
        )
        # Starting from 0 makes the first count an increase for Prometheus.
        for outcome in get_args(Outcome):
            self.tickets.labels(outcome)
        for result in ("done", "throttled", "conflict", "failed", "refused"):
            self.calls.labels(result)
