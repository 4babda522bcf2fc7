"""The settings of the demo's services."""

from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port


def demo_settings(settings: Settings, servers: str) -> Settings:
    """Default settings, except for the model and the broker, so that a user's own settings do not interfere.

    Args:
        settings: the user's settings; bundle, device and threads are taken from them.
        servers: the bootstrap servers of the embedded broker.
    """
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    changed = {
        "bootstrap_servers": servers,
        "bundle": settings.bundle.resolved(),
        "device": settings.device,
        "threads": settings.threads,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
        "idempotence": False,  # the embedded broker knows only a later form of the request for a producer's id
        "fetch_max_wait_ms": 10,  # the embedded broker does not look for new messages while it holds a fetch
        "session_timeout_ms": 6_000,  # the embedded broker delays a first join for half of it
    }
    return Settings(**(defaults | changed))
