"""Metrics of LLM calls, which the fallback exports besides those of every service."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from triage_worker.fallback.answer import CAUSES, Cause
from triage_worker.fallback.circuit_breaker import State

CALL_BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
STATES: tuple[State, ...] = ("closed", "half_open", "open")
RESULTS = ("answered", "refused", "unavailable")


class LlmMetrics:
    """Counts calls, unusable answers, tokens, money and cache hits, and shows the circuit breaker's state.

    Args:
        registry: where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "triage_llm_calls",
            "Calls by result: answered, refused, unavailable.",
            ["result"],
            registry=registry,
        )
        for result in RESULTS:
            self._calls.labels(result)  # starts at zero, so that the first call is an increase
        self._unusable = Counter(
            "triage_llm_unusable", "Answers that could not be used, by cause.", ["cause"], registry=registry
        )
        for cause in CAUSES:
            self._unusable.labels(cause)
        self._seconds = Histogram(
            "triage_llm_call_seconds", "Duration of a call.", buckets=CALL_BUCKETS_S, registry=registry
        )
        self._tokens = Counter("triage_llm_tokens", "Tokens by direction: in, out.", ["direction"], registry=registry)
        self._money = Counter(
            "triage_llm_money", "Money spent, at TRIAGE_LLM_PRICE_INPUT and _OUTPUT.", registry=registry
        )
        self._cached = Counter("triage_llm_cached", "Messages answered from the cache.", registry=registry)
        self._breaker = Gauge("triage_llm_breaker", "1 for the breaker's state.", ["state"], registry=registry)

    def export_state(self, read: Callable[[], State]) -> None:
        """Export the circuit breaker's state, which is read whenever the metrics are."""
        for state in STATES:
            self._breaker.labels(state).set_function(_is_in(read, state))

    def record_call(self, result: str, seconds: float) -> None:
        """Count a call and its duration, by its result: one of `RESULTS`."""
        self._calls.labels(result).inc()
        self._seconds.observe(seconds)

    def record_unusable(self, cause: Cause) -> None:
        """Count an answer that cannot be used."""
        self._unusable.labels(cause).inc()

    def record_usage(self, input_tokens: int, output_tokens: int, money: float) -> None:
        """Count the tokens and the money that an answer is billed by."""
        self._tokens.labels("in").inc(input_tokens)
        self._tokens.labels("out").inc(output_tokens)
        self._money.inc(money)

    def record_cache_hit(self) -> None:
        """Count a message that needed no call."""
        self._cached.inc()


def _is_in(read: Callable[[], State], state: State) -> Callable[[], float]:
    return lambda: float(read() == state)
