"""Coroutines that run together, and waits for conditions."""

import asyncio

import pytest
from triage_worker.resilience.tasks import run_together, wait_until


class Connection:
    """Takes some time to close."""

    def __init__(self) -> None:
        self.closed = False

    async def use(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            self.closed = True


async def fails() -> None:
    await asyncio.sleep(0.001)
    raise RuntimeError("a bug")


async def test_an_error_of_one_coroutine_ends_the_others_and_is_raised() -> None:
    connection = Connection()
    with pytest.raises(RuntimeError, match="a bug"):
        await run_together(connection.use(), fails())
    assert connection.closed


async def test_a_cancellation_lets_the_others_close_their_connections() -> None:
    connections = [Connection(), Connection()]
    running = asyncio.create_task(run_together(*(connection.use() for connection in connections)))
    await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert all(connection.closed for connection in connections)


async def test_a_coroutine_that_fails_while_it_is_cancelled_does_not_interrupt_the_others() -> None:
    async def fails_when_cancelled() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("a bug")

    connection = Connection()
    running = asyncio.create_task(run_together(fails_when_cancelled(), connection.use()))
    await asyncio.sleep(0.001)
    running.cancel()
    await asyncio.wait([running])
    assert connection.closed


async def test_wait_until_checks_the_condition_until_it_holds() -> None:
    values = iter([False, False, True])
    await wait_until(lambda: next(values))
    assert next(values, None) is None
