"""What the helpdesk connector counts, for Prometheus."""

from prometheus_client import Counter

from triage_worker.observability.registry import process_registry


class HelpdeskMetrics:
    """One registry with everything in it."""

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
        # From nought, so that the first one is an increase.
        for outcome in ("created", "updated", "current", "dead_letter"):
            self.tickets.labels(outcome)
        for result in ("done", "throttled", "failed", "refused"):
            self.calls.labels(result)
