"""What the ticket service and the surge service share."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time

from triage_schemas.encoding import JSON, EventEncoding

from triage_worker.kafka.event_reader import WITHOUT_REGISTRY, EventReader
from triage_worker.router.interfaces import Sender
from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.topics import RouterTopics
from triage_worker.routing.routes import Routes


@dataclass(frozen=True, slots=True)
class RouterContext:
    """The topics, rules, metrics and clock of the router, and its producer.

    Attributes:
        topics: the names of the topics.
        send: sends records.
        routes: returns the rules in force.
        metrics: where events are counted.
        clock: seconds since the epoch.
        reader: reads intent events.
        encoding: writes ticket events and alerts.
    """

    topics: RouterTopics
    send: Sender
    routes: Callable[[], Routes]
    metrics: RouterMetrics
    clock: Callable[[], float] = time
    reader: EventReader = WITHOUT_REGISTRY
    encoding: EventEncoding = JSON
