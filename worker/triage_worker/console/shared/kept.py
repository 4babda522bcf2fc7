"""Keeps what is costly to compute for a while, so that a page which is loaded again costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")

KEPT_S = 30.0
MOST = 50


class Kept:
    """Results by name, each for `KEPT_S`. Whoever asks while one is computed waits for it.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._results: dict[Hashable, tuple[float, Any]] = {}
        self._computing = asyncio.Lock()

    async def get(self, name: Hashable, compute: Callable[[], Awaitable[T]]) -> T:
        """Return a result that is kept, or compute it."""
        async with self._computing:
            at, result = self._results.get(name, (float("-inf"), None))
            if self._clock() - at >= KEPT_S:
                result = await compute()
                if len(self._results) >= MOST:
                    self._results.clear()
                self._results[name] = self._clock(), result
            return cast("T", result)
