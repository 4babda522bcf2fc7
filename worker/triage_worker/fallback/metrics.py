"""What the fallback counts besides what every service counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from triage_worker.fallback.breaker import Breaker

CALL_S = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)
STATES = ("closed", "half_open", "open")


class LlmMetrics:
    """Calls, tokens, money and the breaker. Labels are bounded: results are a handful of words."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "triage_llm_calls",
            "Calls by result: answered, refused, unavailable.",
            ["result"],
            registry=registry,
        )
        for result in ("answered", "refused", "unavailable"):
            self._calls.labels(result)  # from nought, so that the first one is an increase
        self._seconds = Histogram("triage_llm_call_seconds", "Duration of a call.", buckets=CALL_S, registry=registry)
        self._tokens = Counter("triage_llm_tokens", "Tokens by direction: in, out.", ["direction"], registry=registry)
        self._money = Counter(
            "triage_llm_money", "Money spent, at TRIAGE_LLM_PRICE_INPUT and _OUTPUT.", registry=registry
        )
        self._cached = Counter("triage_llm_cached", "Messages answered from the cache.", registry=registry)
        self._breaker = Gauge("triage_llm_breaker", "1 for the breaker's state.", ["state"], registry=registry)

    def watch(self, breaker: Breaker) -> None:
        """Where to ask for the breaker's state whenever the metrics are read."""
        for state in STATES:
            self._breaker.labels(state).set_function(_is(breaker, state))

    def called(self, result: str, seconds: float) -> None:
        """Count a call."""
        self._calls.labels(result).inc()
        self._seconds.observe(seconds)

    def billed(self, tokens_in: int, tokens_out: int, money: float) -> None:
        """Count what an answer is billed by."""
        self._tokens.labels("in").inc(tokens_in)
        self._tokens.labels("out").inc(tokens_out)
        self._money.inc(money)

    def cached(self) -> None:
        """Count a message that needed no call."""
        self._cached.inc()


def _is(breaker: Breaker, state: str) -> Callable[[], float]:
    return lambda: float(breaker.state == state)
