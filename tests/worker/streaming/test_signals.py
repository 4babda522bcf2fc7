"""Steps that a stop ends, and what SIGTERM does."""

import asyncio
import os
import signal

import pytest
from triage_worker.streaming import signals
from triage_worker.streaming.signals import StoppedError, stop_on_signals, unless_stopped


class Step:
    """A step that waits until it is released, and cleans up."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.cleaned_up = False

    async def run(self) -> str:
        try:
            await self.release.wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned_up = True
        return "done"


async def test_a_step_returns_its_value_if_the_service_is_not_stopped() -> None:
    step = Step()
    step.release.set()
    assert await unless_stopped(asyncio.Event(), step.run()) == "done"


async def test_an_error_of_a_step_is_raised() -> None:
    async def fails() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await unless_stopped(asyncio.Event(), fails())


async def test_a_stop_cancels_the_step_and_waits_for_its_end() -> None:
    stop, step = asyncio.Event(), Step()
    running = asyncio.create_task(unless_stopped(stop, step.run()))
    await asyncio.sleep(0.001)
    stop.set()
    with pytest.raises(StoppedError):
        await running
    assert step.cleaned_up


async def test_a_cancellation_cancels_the_step_and_waits_for_its_end() -> None:
    step = Step()
    running = asyncio.create_task(unless_stopped(asyncio.Event(), step.run()))
    await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert step.cleaned_up


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_service_and_a_second_one_exits_immediately(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    exit_codes: list[int] = []
    monkeypatch.setattr(os, "_exit", exit_codes.append)
    stop = stop_on_signals()
    try:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
        assert exit_codes == []
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.01)
        assert exit_codes == [128 + number]
    finally:
        for handled in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(handled)


async def test_a_step_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "CANCEL_AGAIN_S", 0.01)
    swallowed = 0

    async def goes_on() -> None:
        nonlocal swallowed
        while swallowed < 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
        await asyncio.sleep(60)

    stop = asyncio.Event()
    running = asyncio.create_task(unless_stopped(stop, goes_on()))
    await asyncio.sleep(0)
    stop.set()
    with pytest.raises(StoppedError):
        await asyncio.wait_for(running, 10)
    assert swallowed == 2
