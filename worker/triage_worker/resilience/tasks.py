"""Small helpers around asyncio tasks."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

POLL_S = 0.005


async def wait_until(condition: Callable[[], bool]) -> None:
    """Check a condition every few milliseconds until it holds; for shutdown and rebalances, not for the hot path."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


async def run_together(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until one of them fails, which ends the others; raises its error as it is."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            if not task.cancelling():  # a second cancellation would interrupt a task that is closing its connections
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
