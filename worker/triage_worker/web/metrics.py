"""Prometheus metrics of HTTP requests. Label values are bounded: routes, methods, statuses, codes."""

from prometheus_client import CollectorRegistry, Counter, Histogram

REQUEST_S = (0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24)
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class HttpMetrics:
    """Times requests and counts those that were refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Histogram(
            "triage_http_request_seconds",
            "Duration of a request, from its headers to the end of its answer.",
            ["route", "method", "status"],
            buckets=REQUEST_S,
            registry=registry,
        )
        self._problems = Counter(
            "triage_http_problems", "Requests that were refused, by code.", ["code"], registry=registry
        )

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Time a request."""
        self._requests.labels(route, method if method in METHODS else "other", status).observe(seconds)

    def problem(self, code: str) -> None:
        """Count a request that was refused."""
        self._problems.labels(code).inc()
