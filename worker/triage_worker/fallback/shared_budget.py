"""One budget for all fallbacks of a group, which outlives each of them: a log of what was set aside, and what it cost.

A call may be made when its entry has come back from the log. All read the same entries in the same order, so all come
to the same answer, whoever asks; and what a process had set aside before it was killed counts for an hour.
"""

import asyncio
from collections.abc import Callable
from time import time
from typing import Protocol
from uuid import uuid4

import orjson
from pydantic import BaseModel, NonNegativeFloat, ValidationError

from triage_worker.fallback.budget import WINDOW_S, Spending, Window


class _Entry(BaseModel):
    """A call, and what was set aside for it or what it did cost."""

    call: str
    reserved: NonNegativeFloat | None = None
    cost: NonNegativeFloat | None = None


class Log(Protocol):
    """What is written here comes back by `SharedBudget.read`, in one order for all."""

    @property
    def problem(self) -> str | None:
        """What keeps it from being written or read; None when nothing does."""
        ...

    async def write(self, value: bytes) -> None:
        """Put an entry on the log, however long that takes."""
        ...

    def tell(self, value: bytes) -> None:
        """Put an entry on the log if that can be done; nobody waits for it."""
        ...


class SharedBudget:
    """A budget on a log.

    Args:
        window: what may be spent; the same for all who share the log.
        log: where it is written down.
        clock: seconds since the epoch.
    """

    def __init__(self, window: Window, log: Log, clock: Callable[[], float] = time) -> None:
        self._window = window
        self._log = log
        self._clock = clock
        self._latest = 0.0
        """When the newest entry was written. Nothing else is the same for all who share the log."""
        self._waiting: dict[str, asyncio.Future[Spending | None]] = {}
        self._open: dict[str, Spending] = {}
        """What was set aside, oldest first, until somebody says what it cost."""

    @property
    def problem(self) -> str | None:
        """What keeps it from saying whether a call may be made; None when nothing does."""
        return self._log.problem

    async def reserve(self, cost: float) -> Spending | None:
        """Set aside what a call may cost; None when that is more than is left."""
        # Who is over budget already need not say so on the log.
        if not self._window.has_room(cost, max(self._latest, self._clock())):
            return None
        name = uuid4().hex
        waiting: asyncio.Future[Spending | None] = asyncio.get_running_loop().create_future()
        self._waiting[name] = waiting
        try:
            await self._log.write(orjson.dumps({"call": name, "reserved": cost}))
            return await waiting
        finally:
            del self._waiting[name]

    def settle(self, spending: Spending, cost: float) -> None:
        """Say what a call did cost."""
        self._log.tell(orjson.dumps({"call": spending.name, "cost": cost}))

    def read(self, value: bytes | None, at: float) -> None:
        """Take in the next entry of the log, written at ``at``; what is no entry is left out."""
        try:
            entry = _Entry.model_validate_json(value or b"")
        except ValidationError:
            return
        self._latest = max(self._latest, at)
        self._forget()
        if entry.reserved is not None:
            self._enter(entry.call, entry.reserved)
        elif entry.cost is not None and entry.call in self._open:
            self._open.pop(entry.call).cost = entry.cost

    def _enter(self, name: str, reserved: float) -> None:
        if name in self._open:
            return  # written twice, since nobody knew whether the first attempt had arrived
        spending = self._window.enter(reserved, self._latest, name)
        if spending is not None:
            self._open[name] = spending
        waiting = self._waiting.get(name)
        if waiting is not None and not waiting.done():
            waiting.set_result(spending)

    def _forget(self) -> None:
        """What was set aside before the window began is in no sum any more, whatever it cost."""
        while self._open:
            name, oldest = next(iter(self._open.items()))
            if oldest.at > self._latest - WINDOW_S:
                return
            del self._open[name]
