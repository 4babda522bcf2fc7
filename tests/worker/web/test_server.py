"""The server: what every answer carries, also those that no application gives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from triage_worker.web.server import listen, make_server


@asynccontextmanager
async def served(*, connections: int = 100) -> AsyncIterator[int]:
    """Serve one path, and yield the port."""

    async def answer(_: Request) -> Response:
        return PlainTextResponse("ok")

    sockets = listen("127.0.0.1", 0)
    server = make_server(Starlette(routes=[Route("/", answer)]), connections=connections, timeout_s=10)
    running = asyncio.create_task(server.serve(sockets))
    try:
        yield sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await running


@pytest.mark.parametrize(
    ("request_line", "connections", "status"),
    [("GET / HTTP/1.1", 100, 200), ("GET /no HTTP/1.1", 100, 404), ("nonsense", 100, 400), ("GET / HTTP/1.1", 0, 503)],
)
async def test_every_answer_has_the_headers_of_security(request_line: str, connections: int, status: int) -> None:
    async with served(connections=connections) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{request_line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode().lower()
        writer.close()
        await writer.wait_closed()
    head = answer.split("\r\n\r\n")[0].splitlines()
    assert f" {status} " in head[0]
    for header in ("x-content-type-options: nosniff", "x-frame-options: deny", "referrer-policy: same-origin"):
        assert head.count(header) == 1
    assert not any(line.startswith("server:") for line in head)
