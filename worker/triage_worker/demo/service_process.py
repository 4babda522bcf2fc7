"""Runs the demo's services, each in a process of its own, as in production."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from time import monotonic
from typing import IO

import aiohttp
from pydantic import SecretStr

from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import PREFIX, variable

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Service:
    """A service to start.

    Attributes:
        name: the name of its command.
        settings: its settings; each service needs an ``http_port`` of its own.
        secrets: secret settings, by the names of their variables.
        only_changed: give it no settings that are the defaults here: another version of Triage may not know them.
    """

    name: str
    settings: Settings
    secrets: Mapping[str, str] = field(default_factory=dict)
    only_changed: bool = False


@asynccontextmanager
async def running(*services: Service) -> AsyncIterator[list[asyncio.subprocess.Process]]:
    """Run services as long as the context is open. They get these settings and nothing from the environment.

    Yields:
        The processes, once all services are ready.

    Raises:
        TriageError: a service did not become ready; has the last line that it printed.
    """
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(_process(service)) for service in services]
        processes = [process for process, _ in started]
        try:
            for service, (process, log) in zip(services, started, strict=True):
                await _wait_until_ready(service, process, log)
            yield processes
        finally:
            await asyncio.gather(*map(_stop, processes))


@asynccontextmanager
async def _process(service: Service) -> AsyncIterator[tuple[asyncio.subprocess.Process, IO[bytes]]]:
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "triage_worker",
            service.name,
            env={**inherited, **environment(service.settings, only_changed=service.only_changed), **service.secrets},
            cwd=folder,  # a folder without a .env file
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C must reach only the demo, which then stops the services in order
        )
        try:
            yield process, log
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Stop a process with SIGTERM; kill it if that takes too long, or if Ctrl-C is pressed again."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    await process.wait()


def environment(settings: Settings, *, only_changed: bool = False) -> dict[str, str]:
    """The settings as environment variables, without secrets; perhaps only those that are not the defaults."""
    values = settings.model_dump(
        mode="json", exclude_none=True, exclude_defaults=only_changed, exclude=set(_secrets(settings))
    )
    return {variable(name): str(value) for name, value in values.items()}


def secret_environment(settings: Settings) -> dict[str, str]:
    """The secret settings as environment variables, for a service that logs in where this process does."""
    return {variable(name): value.get_secret_value() for name, value in _secrets(settings).items()}


def _secrets(settings: Settings) -> dict[str, SecretStr]:
    return {name: value for name, value in settings if isinstance(value, SecretStr)}


async def _wait_until_ready(service: Service, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
    deadline = monotonic() + READY_TIMEOUT_S
    url = f"http://{service.settings.http_host}:{service.settings.http_port}/readyz"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while process.returncode is None and monotonic() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as response:
                    if response.status == HTTPStatus.OK:
                        return
            await asyncio.sleep(0.05)
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines() or ["it printed nothing"]
    raise TriageError(f"The demo's {service.name} did not become ready: {lines[-1].removeprefix('triage: ')}")
