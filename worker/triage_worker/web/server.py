"""The HTTP server: uvicorn with httptools, within limits of time and size that uvicorn leaves to a proxy.

By `python -m tests.bench.http_servers`, which answers at once, it takes 0.2 ms of CPU time a request, granian 0.3 ms
and uvicorn with h11 0.4 ms. granian also runs the application in processes of its own, and calls its server within
another program's event loop experimental; here, event loop and inference threads are in one process.
"""

import asyncio
import errno
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from triage_worker.config.errors import ConfigError

BACKLOG = 2_048
KEEP_ALIVE_S = 75
"""Longer than load balancers keep idle connections, which is 60 s for most: they must be the ones who close them."""

LARGEST_HEAD = 65_536
"""Bytes of a request's headers."""

UPGRADE = re.compile(rb"(\r\n)upgrade(?=[ \t]*:)", re.IGNORECASE)
"""Java's client offers HTTP/2 with its first request, and httptools drops the body of one that does. HTTP/1.1 lets a
server ignore the offer."""

FINISH_S = 3.0
"""Requests in flight have so long to be answered at the end."""

HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
"""Of every answer, also of those that uvicorn gives by itself, as to more connections than are allowed."""


class LimitedProtocol(HttpToolsProtocol):
    """A connection whose requests must arrive in time, with headers of a limited size."""

    message_timeout_s = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for the first request."""
        super().connection_made(transport)
        self._chunk_bytes = 0
        self._head_bytes: int | None = 0
        self._timer: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse data, and refuse a request whose headers do not end."""
        self._chunk_bytes = len(data)
        if self._head_bytes is not None:
            data = UPGRADE.sub(rb"\1x-upgrade", data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self.send_400_response("The headers of the request are too large.")
                return
        answered = self.cycle is None or self.cycle.response_complete
        if answered and self._timer is None and self.timeout_keep_alive_task is None:
            self._wait()  # empty lines between requests, say, must not keep a connection open for ever

    def on_message_begin(self) -> None:
        """Start waiting for the rest of a request."""
        super().on_message_begin()
        self._head_bytes = -self._chunk_bytes  # other requests may be in the same chunk
        self._wait()

    def on_headers_complete(self) -> None:
        """Take note that the headers have ended."""
        self._head_bytes = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take note that the request is complete."""
        self._arrived()
        super().on_message_complete()

    def _wait(self) -> None:
        self._arrived()
        self._timer = self.loop.call_later(self.message_timeout_s, self._too_slow)

    def _arrived(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


class HttpServer(uvicorn.Server):
    """uvicorn on a socket of ours; the service handles the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def make_server(app: ASGIApp, *, connections: int, timeout_s: float, finish_s: float = FINISH_S) -> HttpServer:
    """Make a server that is not started.

    Args:
        app: answers requests.
        connections: most connections at once; further ones get 503.
        timeout_s: longest time to receive a request. Its body has so long by itself, with an answer that says so; the
            connection is closed a second later.
        finish_s: requests in flight have so long to be answered at the end.
    """
    protocol: Callable[..., Any] = type("Protocol", (LimitedProtocol,), {"message_timeout_s": timeout_s + 1.0})
    config = uvicorn.Config(
        app,
        http=protocol,  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=list(HEADERS.items()),
        backlog=BACKLOG,
        limit_concurrency=connections,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(finish_s),
    )
    return HttpServer(config)


def listen(host: str, port: int) -> list[socket.socket]:
    """Bind the API's port; "::" is every address, IPv4 included, and a name can have several.

    Raises:
        ConfigError: the port cannot be bound.
    """
    bound: list[socket.socket] = []
    try:
        if host == "::" and socket.has_dualstack_ipv6():
            return [socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)]
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            with _ipv6_may_be_missing(family, bound):
                bound.append(socket.create_server(address[:2], family=family, backlog=BACKLOG))
    except OSError as error:
        for one in bound:
            one.close()
        raise ConfigError(f"{host}:{port} cannot be listened on ({error.strerror}): {_advice(error)}.") from error
    return bound


@contextmanager
def _ipv6_may_be_missing(family: int, bound: list[socket.socket]) -> Iterator[None]:
    """`localhost` often names an IPv6 address in containers that have no IPv6."""
    if family == socket.AF_INET6:
        with suppress(OSError):
            yield
    else:
        yield


def _advice(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "set TRIAGE_HTTP_HOST to an address of this machine"
    if error.errno == errno.EACCES:
        return "set TRIAGE_HTTP_PORT to a port above 1023"
    return "set TRIAGE_HTTP_PORT to a free port"
