"""The process of a stopped service ends in time, whatever hangs."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from triage_worker.streaming import process_end
from triage_worker.streaming.process_end import ProcessEnd

ROOT = Path(__file__).parents[3]
WAIT_S = 10.0

SERVICE = """
import asyncio, sys, threading, time
from triage_worker.streaming import process_end
from triage_worker.streaming.signals import stop_on_signals

process_end.this_process._limit_s = 0.3

async def serve():
    stop = stop_on_signals()
    print("ready", flush=True)
    {before}
    await stop.wait()
    {after}
    return 3

sys.exit(process_end.run(serve()))
"""
THREAD = "threading.Thread(target=time.sleep, args=(600,)).start()"


class Ends:
    """Records when a process would have ended, and with which code."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self._started = time.monotonic()
        self.after_s = 0.0

    def __call__(self, code: int) -> None:
        self.codes.append(code)
        self.after_s = time.monotonic() - self._started

    def wait(self) -> None:
        """Wait for the end."""
        deadline = time.monotonic() + WAIT_S
        while not self.codes:
            assert time.monotonic() < deadline, "the process does not end"
            time.sleep(0.005)


def test_a_process_ends_when_the_time_since_its_signal_is_up() -> None:
    ends = Ends()
    end = ProcessEnd(limit_s=0.1, close_s=60, leave=ends)
    with end.enabled():
        end.stopped()
    end.code = 1
    ends.wait()
    assert ends.codes == [1]
    assert ends.after_s >= 0.1


def test_a_process_that_was_not_stopped_or_is_not_a_services_own_goes_on() -> None:
    ends = Ends()
    end = ProcessEnd(limit_s=0, close_s=0, leave=ends)
    with end.enabled():
        end.closing()
    end.stopped()
    end.leave_if_stopped()
    time.sleep(0.05)
    assert ends.codes == []


def test_messages_in_flight_have_more_time_until_they_are_finished() -> None:
    ends = Ends()
    end = ProcessEnd(limit_s=0.5, close_s=0.05, leave=ends)
    with end.enabled():
        end.stopped()
    end.finishing(60)
    time.sleep(0.6)
    assert ends.codes == []
    end.closing()
    ends.wait()
    assert ends.after_s < 30


def test_what_is_closed_early_has_the_rest_of_the_time() -> None:
    ends = Ends()
    end = ProcessEnd(limit_s=0.2, close_s=0, leave=ends)
    with end.enabled():
        end.stopped()
    end.finishing(60)
    end.closing()
    ends.wait()
    assert ends.after_s >= 0.2


def test_what_hangs_has_less_time_than_what_can_be_closed() -> None:
    ends = Ends()
    end = ProcessEnd(limit_s=0, close_s=60, close_soon_s=0.05, leave=ends)
    with end.enabled():
        end.stopped()
    end.finishing(60)
    end.closing(soon=True)
    ends.wait()
    assert ends.after_s < 30


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("pass", "pass", 3),
        ("pass", "time.sleep(600)", 0),
        ("pass", "await asyncio.to_thread(time.sleep, 600)", 0),
        ("asyncio.ensure_future(asyncio.to_thread(time.sleep, 600)); await asyncio.sleep(0.01)", "pass", 0),
        (THREAD, "pass", 3),
    ],
    ids=["nothing hangs", "the event loop hangs", "a step hangs", "a thread of the loop hangs", "a thread hangs"],
)
def test_a_service_ends_after_a_signal(before: str, after: str, code: int) -> None:
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE.format(before=before, after=after)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert service.stdout is not None
    try:
        assert service.stdout.readline() == b"ready\n"
        time.sleep(0.05)
        service.send_signal(signal.SIGTERM)
        assert service.wait(WAIT_S) == code
    finally:
        service.kill()
        service.wait()
        service.stdout.close()


def test_a_service_has_five_seconds_in_all() -> None:
    """What `docs/operations.md` promises, with a second for a machine that is busy."""
    assert process_end.LIMIT_S <= 4.0
