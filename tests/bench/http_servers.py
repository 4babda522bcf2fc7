"""Compares HTTP servers under the same application: ``pip install granian; python -m tests.bench.http_servers``.

The application parses a request of texts and answers at once, so what is measured is the server and Starlette. CPU time
of the server's processes for each request is printed, since other work on the machine changes it little.
"""

import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from triage_worker.bench.process_usage import cpu_seconds
from triage_worker.demo.embedded_broker import free_port

NAME = "tests.bench.http_servers:app"
SERVERS = {
    "uvicorn, httptools": ["uvicorn", NAME, "--http", "httptools", "--no-access-log", "--log-level", "warning"],
    "uvicorn, h11": ["uvicorn", NAME, "--http", "h11", "--no-access-log", "--log-level", "warning"],
    "granian": ["granian", NAME, "--interface", "asgi", "--loop", "asyncio", "--no-log"],
}
CONNECTIONS = 8
RESULT = {"intent": "WISMO", "confidence": 0.97, "scores": {"WISMO": 0.9, "RETURN_REQUEST": 0.1}}


async def classify(request: Request) -> Response:
    """Answer as many results as there are texts."""
    texts = orjson.loads(await request.body())["texts"]
    return Response(orjson.dumps({"results": [RESULT for _ in texts]}), media_type="application/json")


app = Starlette(routes=[Route("/", classify, methods=["POST"])])


def processes(pid: int) -> Iterator[int]:
    """Yield a process and its children."""
    yield pid
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout
    yield from map(int, found.split())


def cpu_s(pid: int) -> float:
    """CPU time of a process and its children, in seconds."""
    return sum(cpu_seconds(one) or 0.0 for one in processes(pid))


async def microseconds(port: int, pid: int, requests: int, texts: int) -> float:
    """CPU time of the server for each request."""
    body = orjson.dumps({"texts": ["where is my parcel, i wait for it since a week"] * texts})
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:

        async def post() -> None:
            async with session.post("/", data=body) as response:
                assert response.status == 200
                await response.read()

        for _ in range(600):
            try:
                await post()
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        started, left = cpu_s(pid), iter(range(requests))

        async def ask() -> None:
            for _ in left:
                await post()

        await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
        return 1e6 * (cpu_s(pid) - started) / requests


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=2_000)
    given = parser.parse_args()
    for name, command in SERVERS.items():
        port = free_port()
        process = subprocess.Popen([sys.executable, "-m", *command, "--port", str(port)], env=os.environ)
        try:
            took = [asyncio.run(microseconds(port, process.pid, given.requests, texts)) for texts in (1, 32)]
        finally:
            process.terminate()
            process.wait()
        print(
            f"{name:20} {took[0]:5.0f} µs of CPU time for a request of 1 text, {took[1]:5.0f} for one of 32", flush=True
        )


if __name__ == "__main__":
    main()
