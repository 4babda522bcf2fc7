"""Prometheus metrics of the helpdesk connector."""

from prometheus_client import Counter

from triage_worker.observability.registry import process_registry


class HelpdeskMetrics:
    """The connector's metrics and their registry."""

    def __init__(self) -> None:
        self.registry = registry = process_registry()
        self.tickets = Counter(
            "triage_helpdesk_tickets",
            "Ticket events by outcome: created, updated, current, dead_letter.",
            ["outcome"],
            registry=registry,
        )
        self.calls = Counter(
            "triage_helpdesk_calls", "Calls by result: done, throttled, failed, refused.", ["result"], registry=registry
        )
        self.fields_refused = Counter(
            "triage_helpdesk_fields_refused",
            "Calls that left out custom fields of a ticket, since the helpdesk refuses them.",
            registry=registry,
        )
        # Starting from 0 makes the first count an increase for Prometheus.
        for outcome in ("created", "updated", "current", "dead_letter"):
            self.tickets.labels(outcome)
        for result in ("done", "throttled", "failed", "refused"):
            self.calls.labels(result)
