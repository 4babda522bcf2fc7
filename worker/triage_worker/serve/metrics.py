"""Prometheus metrics of the HTTP service, besides those of all requests. Names of keys are bounded."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from triage_worker.web.metrics import REQUEST_S, HttpMetrics

TEXTS = [2**power for power in range(10)]


class ServeMetrics(HttpMetrics):
    """Counts requests and texts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)
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
        self._reloads = Counter(
            "triage_http_key_reloads", "Changes of the file of keys: loaded, refused.", ["outcome"], registry=registry
        )
        for outcome in ("loaded", "refused"):
            self._reloads.labels(outcome)  # from zero, so that the first one is an increase

    def answered(self, key: str, texts: int) -> None:
        """Count the texts of a request that was answered."""
        self._texts.labels(key).inc(texts)
        self._request_texts.observe(texts)

    def waited(self, seconds: float) -> None:
        """Time how long a text waited for its batch; from any thread."""
        self._queue.observe(seconds)

    def keys_reloaded(self, outcome: str) -> None:
        """Count a change of the file of keys."""
        self._reloads.labels(outcome).inc()
