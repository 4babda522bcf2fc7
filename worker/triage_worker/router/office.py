"""What the desk and the watch have in common: where to send what, by which rules, and who counts."""

from collections.abc import Callable
from dataclasses import dataclass
from time import time

from triage_worker.router.metrics import RouterMetrics
from triage_worker.router.records import Sender
from triage_worker.router.topics import RouterTopics
from triage_worker.routing.routes import Routes


@dataclass(frozen=True, slots=True)
class Office:
    """Attributes:
    topics: where to send what.
    send: sends records.
    routes: gives the rules in force.
    metrics: where to count.
    clock: seconds since the epoch.
    """

    topics: RouterTopics
    send: Sender
    routes: Callable[[], Routes]
    metrics: RouterMetrics
    clock: Callable[[], float] = time
