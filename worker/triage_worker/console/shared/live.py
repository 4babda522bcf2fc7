"""What the services' metrics say: the account of messages, lag, latency, money, and what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

from triage_worker.console.shared.scraping import Look, ServiceMetrics

SKIPPED = "skipped"


@dataclass(frozen=True)
class WorkerAccount:
    """The conservation law, by the counters of all workers since they started.

    Attributes:
        read: messages read.
        outcomes: answered messages by outcome.
        in_flight: messages that are read and not answered.
        returned: messages that went back, since their partition moved.
    """

    read: int
    outcomes: dict[str, int]
    in_flight: int
    returned: int

    @property
    def difference(self) -> int:
        """Messages that are not accounted for; 0 unless something is lost. Counters are read one after the other."""
        return self.read - sum(self.outcomes.values()) - self.in_flight - self.returned


@dataclass(frozen=True)
class Lag:
    """How much of a topic waits; ``seconds`` is the age of the oldest message, None if no service says."""

    topic: str
    messages: int
    seconds: float | None


def worker_account(look: Look) -> WorkerAccount | None:
    """Return the account of all workers; None if no worker's metrics are there."""
    workers = [service for service in look.services if service.is_worker]
    if not workers:
        return None
    outcomes: dict[str, int] = {}
    for worker in workers:
        for labels, value in worker.values("triage_messages_answered_total"):
            outcomes[labels["outcome"]] = outcomes.get(labels["outcome"], 0) + int(value)
    return WorkerAccount(
        sum(int(worker.total("triage_messages_read_total") or 0) for worker in workers),
        outcomes,
        sum(int(worker.total("triage_in_flight_messages") or 0) for worker in workers),
        sum(int(worker.total("triage_messages_given_back_total") or 0) for worker in workers),
    )


def lags(look: Look) -> list[Lag]:
    """Return the lag of every topic that a service reads; of several workers the sum, and the oldest message."""
    messages: dict[str, float] = {}
    seconds: dict[str, float] = {}
    for service in look.services:
        for labels, value in service.values("triage_lag_messages"):
            messages[labels["topic"]] = messages.get(labels["topic"], 0.0) + value
        for labels, value in service.values("triage_lag_seconds"):
            seconds[labels["topic"]] = max(seconds.get(labels["topic"], 0.0), value)
    return [Lag(topic, int(count), seconds.get(topic)) for topic, count in sorted(messages.items())]


def latency(looks: Sequence[Look], share: float) -> float | None:
    """Return the seconds within which this share of the worker's messages was answered in the last minutes.

    Within a bucket of the histogram, times are taken to be spread evenly. None if no message was answered.
    """
    if not looks:
        return None
    now, before = _buckets(looks[-1]), _buckets(looks[0]) if len(looks) > 1 else {}
    counts = sorted((limit, max(0.0, count - before.get(limit, 0.0))) for limit, count in now.items())
    total = counts[-1][1] if counts else 0.0
    if not total:
        return None
    below, under = 0.0, 0.0
    for limit, count in counts:
        if count >= share * total:
            if limit == float("inf"):
                return below
            return below + (limit - below) * (share * total - under) / max(count - under, 1e-9)
        below, under = limit, count
    return below


def _buckets(look: Look) -> dict[float, float]:
    found: dict[float, float] = {}
    for service in look.services:
        if service.is_worker:
            for labels, value in service.values("triage_latency_seconds_bucket"):
                found[float(labels["le"])] = found.get(float(labels["le"]), 0.0) + value
    return found


@dataclass(frozen=True)
class Llm:
    """What the LLM costs: since the fallback services started, and an hour at the rate of the last minutes."""

    calls: int
    failed: int
    money: float
    money_per_hour: float | None
    breaker_open: bool


def llm(looks: Sequence[Look]) -> Llm | None:
    """Return what the LLM costs; None if no fallback's metrics are there."""
    if not looks:
        return None
    services = [one for one in looks[-1].services if one.total("triage_llm_calls_total") is not None]
    if not services:
        return None
    money = _sum(services, "triage_llm_money_total")
    seconds = looks[-1].at - looks[0].at
    before = _sum(looks[0].services, "triage_llm_money_total")
    return Llm(
        int(_sum(services, "triage_llm_calls_total")),
        int(sum(one.total("triage_llm_calls_total", result="unavailable") or 0 for one in services)),
        money,
        max(0.0, money - before) / seconds * 3600 if seconds > 30 else None,
        any((one.total("triage_llm_breaker", state="open") or 0) > 0 for one in services),
    )


def _sum(services: Sequence[ServiceMetrics], name: str) -> float:
    return sum(one.total(name) or 0.0 for one in services)
