"""Prometheus metrics of the HTTP service. Label values are bounded: routes, methods, statuses, names of keys, codes."""

from prometheus_client import CollectorRegistry, Counter, Histogram

REQUEST_S = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24)
TEXTS = [2**power for power in range(10)]
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class ServeMetrics:
    """Counts requests and texts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "triage_http_request_seconds",
            "Duration of a request, from its headers to the end of its answer.",
            ["route", "method", "status"],
            buckets=REQUEST_S,
            registry=registry,
        )
        self._texts = Counter(
            "triage_http_texts", "Texts that were answered, by the name of the key.", ["key"], registry=registry
        )
        self._request_texts = Histogram(
            "triage_http_request_texts", "Texts in a request to classify.", buckets=TEXTS, registry=registry
        )
        self._queue = Histogram(
            "triage_http_queue_seconds",
            "From a text's arrival to the start of its batch: reading, tokenizing and waiting.",
            buckets=REQUEST_S,
            registry=registry,
        )
        self._problems = Counter(
            "triage_http_problems", "Requests that were refused, by code.", ["code"], registry=registry
        )
        self._reloads = Counter(
            "triage_http_key_reloads", "Changes of the file of keys: loaded, refused.", ["outcome"], registry=registry
        )
        for outcome in ("loaded", "refused"):
            self._reloads.labels(outcome)  # from zero, so that the first one is an increase

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Time a request."""
        self._requests.labels(route, method if method in METHODS else "other", status).observe(seconds)

    def answered(self, key: str, texts: int) -> None:
        """Count the texts of a request that was answered."""
        self._texts.labels(key).inc(texts)
        self._request_texts.observe(texts)

    def waited(self, seconds: float) -> None:
        """Time how long a text waited for its batch; from any thread."""
        self._queue.observe(seconds)

    def problem(self, code: str) -> None:
        """Count a request that was refused."""
        self._problems.labels(code).inc()

    def keys_reloaded(self, outcome: str) -> None:
        """Count a change of the file of keys."""
        self._reloads.labels(outcome).inc()
