"""Runs the HTTP service, from its start to its end."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from ipaddress import ip_address

from triage_models.serving.classifier import Classifier
from triage_models.serving.mail.message import reader

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.loaded_bundle import LoadedBundle, limits, show_in_metrics
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.serving_bundles import ServingBundles
from triage_worker.inference.serving_watches import Opened, ServingWatches
from triage_worker.inference.text_source import TextSource
from triage_worker.observability.http import readiness, serving
from triage_worker.observability.metrics import Metrics
from triage_worker.resilience import file_descriptors
from triage_worker.serve.access import Access
from triage_worker.serve.app import make_app
from triage_worker.serve.endpoints import Endpoints
from triage_worker.serve.key_file import KeyFile
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.serve.results import ResultWriter
from triage_worker.serve.state import ServiceState
from triage_worker.serve.text_classifier import TextClassifier
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped
from triage_worker.web.server import HttpServer, listen, make_server

log = logging.getLogger(__name__)

LOCALHOST = "127.0.0.1"
STILL_ACCEPTING_S = 1.0
"""After a signal, /readyz says "stopping", and new requests are answered for so long: load balancers notice later."""


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError, ModelError: the service cannot start; says what to change.
    """
    return asyncio.run(_run(settings))


def address(settings: Settings) -> str:
    """Return the address to bind: without keys, that of this machine only.

    Raises:
        ConfigError: another address is set, and there are no keys.
    """
    host = settings.http_host
    if settings.serve_keys is not None or host == "localhost" or _is_loopback(host):
        return host
    if settings.source("http_host") != "default":
        raise ConfigError(
            f"TRIAGE_HTTP_HOST={host} lets other machines connect, and there are no keys: set TRIAGE_SERVE_KEYS "
            "(`triage serve key NAME` makes one), or TRIAGE_HTTP_HOST=127.0.0.1."
        )
    return LOCALHOST


async def _run(settings: Settings) -> int:
    if settings.http_port == 0:
        raise ConfigError("TRIAGE_HTTP_PORT is 0, and the API needs a port: set another one.")
    file_descriptors.raise_limit()
    stop = stop_on_signals()
    metrics = Metrics()
    serve_metrics = ServeMetrics(metrics.registry)
    state = ServiceState(stop)
    keys = None if settings.serve_keys is None else KeyFile(settings.serve_keys, serve_metrics)
    server = _make_server(settings, keys, state, metrics, serve_metrics)
    host = address(settings)
    sockets = listen(host, settings.http_port)
    if keys is None:
        log.warning("There are no keys (TRIAGE_SERVE_KEYS), so only this machine can connect", extra={"host": host})
    async with _probes(settings, state, metrics), AsyncExitStack() as stack:
        answering = asyncio.create_task(server.serve(sockets), name="http")
        stack.push_async_callback(_finish, server, answering)
        try:
            opening = _open(settings, metrics, serve_metrics, stack)
            classifier = await unless_stopped(stop, opening)
        except StoppedError:
            log.info("Stopped before the start was complete")
            return 0
        tasks = [asyncio.create_task(classifier.run(), name="classifier")]
        if keys is not None:
            tasks.append(asyncio.create_task(keys.run(), name="keys"))
        stack.push_async_callback(_cancel, tasks)
        state.classifier = classifier
        log.info("Ready", extra={"host": host, "port": settings.http_port})
        await _until_stopped(stop, [answering, *tasks])
        await asyncio.sleep(STILL_ACCEPTING_S)
        await _finish(server, answering)
    log.info("Stopped")
    return 0


def _make_server(
    settings: Settings, keys: KeyFile | None, state: ServiceState, metrics: Metrics, serve_metrics: ServeMetrics
) -> HttpServer:
    """Make the server with its application; it is not started."""
    access = Access(None if keys is None else keys.current)
    app = make_app(
        Endpoints(settings, access, state, serve_metrics, metrics.registry),
        serve_metrics,
        settings.serve_cors_origins.split(",") if settings.serve_cors_origins else (),
        with_metrics=not settings.serve_probe_port,
    )
    return make_server(app, connections=settings.serve_max_connections, timeout_s=settings.serve_timeout_s)


def _probes(settings: Settings, state: ServiceState, metrics: Metrics) -> AbstractAsyncContextManager[None]:
    """Serve probes and metrics on a port of their own, if there is one; the API's port has the probes anyway."""
    if not settings.serve_probe_port:
        readiness(state.not_ready, metrics.registry)
    return serving(
        settings.http_host,
        settings.serve_probe_port,
        alive=state.not_alive,
        ready=state.not_ready,
        registry=metrics.registry,
    )


async def _until_stopped(stop: asyncio.Event, tasks: Sequence["asyncio.Task[None]"]) -> None:
    """Wait for a signal; raises the error of a task that fails before."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for ended in done:
        ended.result()


async def _open(
    settings: Settings, metrics: Metrics, serve_metrics: ServeMetrics, stack: AsyncExitStack
) -> TextClassifier:
    """Open the bundles, and begin to watch their folders."""
    watches = ServingWatches(settings, {"": settings.bundle}, BundleMetrics(metrics.registry), Classifier.open)
    # The first classifiers have no name here, which would keep them in memory after others have replaced them.
    classifier = TextClassifier(
        ServingBundles(*_load(settings, metrics, await asyncio.to_thread(watches.open))),
        TextSource(MessageLanguages.open(detect=settings.detect_language), reader(clean_email=settings.clean_email)),
        most_waiting=settings.max_in_flight,
        metrics=metrics,
        serve_metrics=serve_metrics,
    )
    watches.start(lambda opened: classifier.use(*_load(settings, metrics, opened)))
    for watch in watches.watches:
        stack.callback(watch.close)

    def check_now() -> None:
        for watch in watches.watches:
            watch.check_now()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, check_now)
    return classifier


def _load(settings: Settings, metrics: Metrics, opened: Sequence[Opened]) -> list[LoadedBundle]:
    """Put classifiers to use; the metrics name them as those that decide from now on."""
    loaded = []
    for serves, classifier in opened:
        show_in_metrics(metrics, classifier, serves)
        writer = ResultWriter(classifier.bundle, settings.entity_extractor())
        languages = frozenset(classifier.bundle.manifest.languages or ())
        loaded.append(LoadedBundle(classifier, writer, limits(settings, classifier), languages, serves))
    return loaded


async def _finish(server: HttpServer, answering: "asyncio.Task[None]") -> None:
    """Let the server answer what it has, and end."""
    server.should_exit = True
    await asyncio.wait([answering])


async def _cancel(tasks: Sequence["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
