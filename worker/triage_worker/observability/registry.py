"""Creates the Prometheus registry of a service."""

from prometheus_client import CollectorRegistry, Gauge, GCCollector, PlatformCollector, ProcessCollector


def process_registry() -> CollectorRegistry:
    """Create a registry with the metrics of the process, so that two services in one process do not mix."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


class ModelInfo:
    """A gauge that is 1 for the loaded model, with its name as labels.

    It has no sample until a model is loaded, which an alert watches. The client library's own `Info` would export a 1
    without labels until then.
    """

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry) -> None:
        self._gauge = Gauge(name, documentation, ["name", "version", "device"], registry=registry)

    def set(self, name: str, version: str, device: str) -> None:
        """Set the loaded model."""
        self._gauge.clear()
        self._gauge.labels(name, version, device).set(1)
