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
    """A gauge that is 1 for the loaded model, with its name as labels; and for each of several, with further labels.

    It has no sample until a model is loaded, which an alert watches. The client library's own `Info` would export a 1
    without labels until then.
    """

    def __init__(self, name: str, documentation: str, registry: CollectorRegistry, *further: str) -> None:
        self._gauge = Gauge(name, documentation, ["name", "version", "device", *further], registry=registry)
        self._set: dict[tuple[str, ...], tuple[str, ...]] = {}

    def set(self, name: str, version: str, device: str, *further: str) -> None:
        """Set the loaded model; it replaces the one with the same values of the further labels."""
        if further in self._set:
            self._gauge.remove(*self._set[further])
        self._set[further] = (name, version, device, *further)
        self._gauge.labels(*self._set[further]).set(1)
