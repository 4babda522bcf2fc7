"""Runs the console: reads the topics, serves the pages, until it is told to stop."""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.console.app import make_app
from triage_worker.console.shared.acts import Acts, Publisher
from triage_worker.console.shared.parts import ConsoleParts
from triage_worker.console.shared.readiness import ConsoleReadiness
from triage_worker.console.shared.review_queue import ReviewQueue
from triage_worker.console.shared.scraping import Scraper
from triage_worker.console.shared.templates_environment import Templates
from triage_worker.console.shared.trials import Trials
from triage_worker.console.signing_in.sessions import Sessions
from triage_worker.console.signing_in.users import Users
from triage_worker.console.state.database import Database
from triage_worker.console.state.projections import all_projections
from triage_worker.console.state.reader import StateReader
from triage_worker.kafka import topics
from triage_worker.kafka.event_schemas import EventSchemas, written_channels
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.observability.http import readiness as readiness_metric
from triage_worker.observability.http import serving
from triage_worker.observability.registry import process_registry
from triage_worker.resilience import file_descriptors
from triage_worker.streaming import process_end
from triage_worker.streaming.review_outputs import OutputBuilder
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped
from triage_worker.web.server import HttpServer, listen, make_server

if TYPE_CHECKING:
    from triage_worker.console.signing_in.oidc import Issuer

log = logging.getLogger(__name__)

LOCAL = ("127.0.0.1", "localhost", "::1")
CONNECTIONS = 512
REQUEST_TIMEOUT_S = 10.0
OUT_OF_SCOPE = "OOS"
"""The label of messages that have none of the intents, as `triage review` writes it unless told otherwise."""


def run(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code.

    Raises:
        TriageError: the service cannot start; says what to change.
    """
    return process_end.run(_run(with_sign_in(settings)))


def with_sign_in(settings: Settings) -> Settings:
    """Return settings by which somebody can sign in: without people and an issuer, by a code, from this machine only.

    Raises:
        ConfigError: other machines could connect, and would need only the code.
    """
    if settings.console_signs_in and settings.console_code is None:
        return settings
    if settings.http_host not in LOCAL:
        if settings.source("http_host") != "default" or settings.console_signs_in:
            raise ConfigError(
                f"TRIAGE_HTTP_HOST={settings.http_host} lets other machines connect, and people would sign in by a "
                "code: set TRIAGE_CONSOLE_USERS (`triage console user NAME` makes the file) or "
                "TRIAGE_CONSOLE_OIDC_ISSUER, or TRIAGE_HTTP_HOST=127.0.0.1; unset TRIAGE_CONSOLE_CODE where people are "
                "set."
            )
        settings = settings.changed({"http_host": LOCAL[0]}, "default")
    if settings.console_code is None:
        settings = settings.changed({"console_code": SecretStr(secrets.token_urlsafe(18))}, "default")
    return settings


async def _run(settings: Settings) -> int:
    if settings.http_port == 0:
        raise ConfigError("TRIAGE_HTTP_PORT is 0, and the console needs a port: set another one.")
    file_descriptors.raise_limit()
    stop = stop_on_signals()
    needed = required_operations("console")
    try:
        await unless_stopped(stop, topics.require(settings, needed))
        encoding = await unless_stopped(stop, EventSchemas(settings).encoding(written_channels(needed)))
    except StoppedError:
        log.info("Stopped before the start was complete")
        return 0
    outputs = OutputBuilder.from_settings(settings, OUT_OF_SCOPE, encoding)
    async with AsyncExitStack() as stack:
        console, tasks = _open(settings, outputs, stop, stack)
        await _serve(settings, console, tasks, stop, stack)
    log.info("Stopped")
    return 0


def _open(
    settings: Settings, outputs: OutputBuilder, stop: asyncio.Event, stack: AsyncExitStack
) -> "tuple[ConsoleParts, list[asyncio.Task[None]]]":
    """Make the parts of the console, and start those that run."""
    database = Database(settings.console_state)
    stack.callback(database.close)
    projections = all_projections(settings)
    people = StateReader(settings, database, projections.people, prunes=True)
    traffic = StateReader(settings, database, projections.traffic, forget=projections.counted.forget, gathers=True)
    publisher = Publisher(settings)
    stack.push_async_callback(publisher.close)
    urls = settings.console_metrics_urls.split(",") if settings.console_metrics_urls else ()
    scraper, trials = Scraper(urls), Trials(settings)
    stack.callback(trials.close)
    acts = Acts(publisher, settings.acts_topic)
    console = ConsoleParts(
        settings=settings,
        database=database,
        people=people,
        acts=acts,
        queue=ReviewQueue(settings, database, people, acts, outputs),
        sessions=Sessions(database, secure=(settings.console_url or "").startswith("https:")),
        users=None if settings.console_users is None else Users(settings.console_users),
        issuer=_issuer(settings),
        templates=Templates(),
        readiness=ConsoleReadiness(stop, (people, traffic)),
        scraper=scraper,
        trials=trials,
    )
    running = (("people", people.run()), ("traffic", traffic.run()), ("scraper", scraper.run()))
    tasks = [asyncio.create_task(work, name=name) for name, work in running]
    stack.push_async_callback(_cancel, tasks)
    return console, tasks


def _issuer(settings: Settings) -> "Issuer | None":
    if settings.console_oidc_issuer is None:
        return None
    from triage_worker.console.signing_in import oidc  # noqa: PLC0415 (authlib is only needed with an issuer)

    return oidc.Issuer(settings)


async def _serve(
    settings: Settings,
    console: ConsoleParts,
    tasks: "Sequence[asyncio.Task[None]]",
    stop: asyncio.Event,
    stack: AsyncExitStack,
) -> None:
    registry = process_registry()
    console.readiness.export(registry)
    await stack.enter_async_context(_probes(settings, console, registry))
    server = make_server(make_app(console, registry), connections=CONNECTIONS, timeout_s=REQUEST_TIMEOUT_S)
    answering = asyncio.create_task(server.serve(listen(settings.http_host, settings.http_port)), name="http")
    stack.push_async_callback(_finish, server, answering)
    if settings.http_host not in LOCAL and not (settings.console_url or "").startswith("https:"):
        log.warning("Cookies are not bound to https: set TRIAGE_CONSOLE_URL to the address by which people come")
    log.info("The console is at %s", address(settings))
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopping, answering, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for ended in done:
        ended.result()
    await _finish(server, answering)


def _probes(
    settings: Settings, console: ConsoleParts, registry: CollectorRegistry
) -> AbstractAsyncContextManager[None]:
    """Serve probes and metrics on a port of their own, if there is one; the pages' port has the probes anyway."""
    ready = console.readiness
    if not settings.console_probe_port:
        readiness_metric(ready.not_ready, registry)
    port = settings.console_probe_port
    return serving(settings.http_host, port, alive=ready.not_alive, ready=ready.not_ready, registry=registry)


def address(settings: Settings) -> str:
    """Return where people find the console; with the code, if they sign in by it."""
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    url = settings.console_url or f"http://{host}:{settings.http_port}"
    code = settings.console_code
    return url if code is None else f"{url}/sign-in?code={code.get_secret_value()}"


async def _finish(server: HttpServer, answering: "asyncio.Task[None]") -> None:
    """Let the server answer what it has, and end."""
    server.should_exit = True
    await asyncio.wait([answering])


async def _cancel(tasks: "Sequence[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
