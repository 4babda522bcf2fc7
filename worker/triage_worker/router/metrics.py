"""Prometheus metrics of the router. The rules and fixed words bound the values of their labels."""

from prometheus_client import Counter, Gauge, Histogram

from triage_worker.observability.registry import process_registry
from triage_worker.routing.routes_file import SHOWN_DIGITS


class RouterMetrics:
    """The router's metrics and their registry."""

    def __init__(self) -> None:
        self.registry = registry = process_registry()
        self.intents = Counter(
            "triage_router_intents",
            "Records read, by outcome: filed, repeat, dead_letter, forgotten.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("filed", "repeat", "dead_letter", "forgotten"):
            self.intents.labels(outcome)  # starting from 0 makes the first count an increase for Prometheus
        self.routed = Counter(
            "triage_router_routed",
            "Intents added to a ticket, by the queue and priority of the rule.",
            ["queue", "priority"],
            registry=registry,
        )
        self.ticket_events = Counter(
            "triage_router_ticket_events",
            "Ticket events: opened, updated, escalated, closed.",
            ["event"],
            registry=registry,
        )
        self.tags_left_out = Counter(
            "triage_router_tags_left_out",
            "Tags of rules and further wishes that a ticket did not get, since it has the most that it can have.",
            registry=registry,
        )
        self.alerts = Counter(
            "triage_router_alerts", "Surge alerts by event: started, ended.", ["event"], registry=registry
        )
        self.tickets_known = Gauge(
            "triage_router_conversations", "Conversations in the table when it was last recovered.", registry=registry
        )
        self.rules_problem = Gauge(
            "triage_router_rules_refused",
            "1 while the rules file is not valid and the last good rules are used.",
            registry=registry,
        )
        self._digest = ""
        self._rules = Gauge(
            "triage_router_rules_info",
            "1 for the rules in force, by the first 12 digits of their file's SHA-256.",
            ["digest"],
            registry=registry,
        )
        self.batch_s = Histogram(
            "triage_router_batch_seconds",
            "From the start of a batch of records to the acknowledgement of its outputs.",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )

    def rules_in_force(self, digest: str) -> None:
        """Name the rules in force by the digest of their file's text."""
        if digest[:SHOWN_DIGITS] != self._digest:
            self._rules.clear()
            self._digest = digest[:SHOWN_DIGITS]
            self._rules.labels(self._digest).set(1)
