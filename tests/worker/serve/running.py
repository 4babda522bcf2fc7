"""A running `triage serve` in a process of its own, on a free port, with the shipped bundle."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from triage_worker.demo.embedded_broker import free_port
from triage_worker.serve.keys import KeyEntry, add_key, digest

START_S = 120.0
"""On a machine that is busy with other tests."""

KEYS = {
    "caller": "key-of-a-caller",
    "slow": "key-with-a-rate",
    "reader": "key-without-classify",
    "expired": "key-of-the-past",
}


def write_keys(path: Path) -> None:
    """Write a file with the `KEYS`; their entries have the names of the keys."""
    more: dict[str, dict[str, Any]] = {
        "caller": {},
        "slow": {"rate": 0.5, "burst": 2},
        "reader": {"rights": ["intents", "metrics"]},
        "expired": {"expires": "2020-01-01T00:00:00Z"},
    }
    for name, key in KEYS.items():
        add_key(path, KeyEntry.model_validate({"name": name, "hash": digest(key), **more[name]}))


@dataclass(frozen=True)
class Running:
    """The address of a service, its process, and the log that it writes."""

    port: int
    process: asyncio.subprocess.Process
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ready(self) -> None:
        """Wait until it can answer."""
        async with asyncio.timeout(START_S), aiohttp.ClientSession() as session:
            while True:
                assert self.process.returncode is None, self.log.read_text()
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)

    async def exchange(self, sent: bytes) -> bytes:
        """Send bytes on a connection, and return all that comes back until the service closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(sent)
            return await asyncio.wait_for(reader.read(), START_S)
        except ConnectionError:  # it was closed before all was sent
            return b""
        finally:
            writer.close()


@asynccontextmanager
async def running(folder: Path, **settings: object) -> AsyncIterator[Running]:
    """Start a service with these settings, and end it afterwards."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
    environment |= {f"TRIAGE_{name.upper()}": str(value) for name, value in ({"threads": 1} | settings).items()}
    port, log = free_port(), folder / "serve.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "triage_worker", "serve", "--http-port", str(port)),
            env=environment,
            stderr=file,
            cwd=folder,
        )
    service = Running(port, process, log)
    try:
        await service.ready()
        yield service
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
