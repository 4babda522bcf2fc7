"""The demo's worker: a process of its own, as it would run anywhere."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from time import monotonic
from typing import IO

import aiohttp

from worker.errors import TriageError
from worker.settings import PREFIX, Settings, variable

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


@asynccontextmanager
async def worker_process(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a worker with these settings and no others, wait until it is ready, and stop it at the end.

    Raises:
        TriageError: it did not become ready; says what it said last.
    """
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "worker.cli",
            "worker",
            env=others | environment(settings),
            cwd=folder,  # where there is no .env
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for us, who then stop it in order
        )
        try:
            await _until_ready(settings, process, log)
            yield process
        finally:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as variables, without secrets."""
    values = settings.model_dump(
        mode="json", exclude_none=True, exclude={"sasl_password", "ssl_password", "llm_api_key"}
    )
    return {variable(name): str(value) for name, value in values.items()}


async def _until_ready(settings: Settings, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
    deadline = monotonic() + READY_TIMEOUT_S
    url = f"http://{settings.http_host}:{settings.http_port}/readyz"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while process.returncode is None and monotonic() < deadline:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as answer:
                    if answer.status == HTTPStatus.OK:
                        return
            await asyncio.sleep(0.05)
    log.seek(0)
    said = log.read().decode(errors="replace").strip().splitlines() or ["it says nothing"]
    raise TriageError(f"The demo's worker did not become ready: {said[-1].removeprefix('triage: ')}")
