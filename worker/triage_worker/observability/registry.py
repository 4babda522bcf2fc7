"""Where a service's metrics are kept."""

from prometheus_client import CollectorRegistry, Gauge, GCCollector, PlatformCollector, ProcessCollector


def process_registry() -> CollectorRegistry:
    """A registry of its own, so that two services in one process do not mix, with the process's own figures in it."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class ModelInfo:
    """1 for the model that is at work, with its name; no sample before there is one, which is what an alert looks for.

    The client's own `Info` exports a 1 without labels until then.
    """

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(name, documentation, ["name", "version", "device"], registry=registry)

    def set(self, name: str, version: str, device: str) -> None:
        """Another model takes over."""
        self._gauge.clear()
        self._gauge.labels(name, version, device).set(1)
