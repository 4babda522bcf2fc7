"""Runs a real Prometheus, for tests and for the game day."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession, ClientTimeout

from tests.deploy.tools import program
from tests.kafka.broker import free_ports

ANSWER_S = 20
STOP_S = 60


@asynccontextmanager
async def prometheus(folder: Path, configuration: Mapping[str, Any]) -> AsyncIterator[ClientSession]:
    """Run Prometheus within the context; yields a client of its API.

    Args:
        folder: for its configuration, data and log; made if it is not there. Files that the configuration names may be
            in it.
        configuration: as in `prometheus.yaml`.
    """
    file = _written(folder, configuration)
    (port,) = free_ports(1)
    command = [
        program("bin/prometheus"),
        f"--config.file={file}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with ClientSession(f"http://127.0.0.1:{port}", timeout=ClientTimeout(ANSWER_S)) as session:
            yield session
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), STOP_S)


def _written(folder: Path, configuration: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "prometheus.yaml"
    file.write_text(yaml.safe_dump(configuration))
    return file
