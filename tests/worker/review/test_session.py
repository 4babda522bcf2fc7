"""A review session that cannot start: its person can leave, and a signal ends it."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console
from triage_worker.config.settings import Settings
from triage_worker.review import session


@pytest.fixture
def silent() -> Iterator[Settings]:
    """A broker that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Settings(bootstrap_servers=f"127.0.0.1:{server.getsockname()[1]}")


def first_key(press: Callable[[], str]) -> Callable[[], str]:
    """Return what reads a first key, and then waits for a second one, which never comes."""
    keys = iter([press])

    def read_key() -> str:
        pressed = next(keys, None)
        if pressed is None:
            threading.Event().wait()
            raise AssertionError
        return pressed()

    return read_key


def send_sigterm() -> str:
    """Send a signal; the key means nothing."""
    os.kill(os.getpid(), signal.SIGTERM)
    return "x"


@pytest.mark.parametrize("press", [lambda: "q", lambda: "\x03", send_sigterm])
def test_a_session_ends_while_the_broker_does_not_answer(silent: Settings, press: Callable[[], str]) -> None:
    """Without it, the session would go on until the broker counts as unreachable, which is an error."""
    counts = session.run(silent, first_key(press), Console(quiet=True), "OOS")
    assert (counts.read, counts.accepted) == (0, 0)
