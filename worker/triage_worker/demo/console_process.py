"""The demo's console, as a process of its own like the services."""

import secrets
from collections.abc import Sequence
from importlib.util import find_spec

from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.demo.embedded_broker import free_port
from triage_worker.demo.service_process import Service

NEEDED = ("jinja2", "starlette", "uvicorn", "httptools")


def is_installed() -> bool:
    """Whether the libraries of the console are there."""
    return all(find_spec(name) is not None for name in NEEDED)


def console_service(settings: Settings, services: Sequence[Service]) -> tuple[Service, str]:
    """Return the console to start, and the address by which whoever sees it signs in.

    Args:
        settings: of the demo.
        services: whose metrics it shows.
    """
    code, port = secrets.token_urlsafe(12), free_port()
    urls = ",".join(f"http://{one.settings.http_host}:{one.settings.http_port}/metrics" for one in services)
    own = settings.model_copy(update={"http_port": port, "console_metrics_urls": urls})
    service = Service("console", own, {variable("console_code"): code})
    return service, f"http://{settings.http_host}:{port}/sign-in?code={code}"
