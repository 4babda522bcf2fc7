"""One budget for all replicas of the fallback, stored in a log of reservations and actual costs.

A call may be made once its reservation has been read back from the log. All replicas read the same entries in the same
order, so they all reach the same decision. The log outlives them: what a replica had reserved before it was killed
counts as spent for an hour.
"""

import asyncio
from collections.abc import Callable
from time import time
from typing import Protocol
from uuid import uuid4

import orjson
from pydantic import BaseModel, NonNegativeFloat, ValidationError

from triage_worker.fallback.budget import WINDOW_S, BudgetWindow, Reservation


class _Entry(BaseModel):
    """A log entry: a call, and the cost reserved for it or its actual cost.

    ``counted`` is false if the call was refused or failed. An earlier version reads such an entry as a cost of 0.
    """

    call: str
    reserved: NonNegativeFloat | None = None
    cost: NonNegativeFloat | None = None
    counted: bool = True


class BudgetLog(Protocol):
    """A log whose entries come back through `SharedBudget.apply`, in the same order for every replica."""

    @property
    def problem(self) -> str | None:
        """Why the log cannot be written or read at present; None if it can."""
        ...

    async def append(self, entry: bytes) -> None:
        """Append an entry, and retry until it is stored."""
        ...

    def append_in_background(self, entry: bytes) -> None:
        """Append an entry without waiting; it may be lost."""
        ...


class SharedBudget:
    """A budget that several processes share through a log.

    Args:
        window: the limits; the same for all processes.
        log: stores the entries.
        clock: seconds since the epoch.
    """

    def __init__(self, window: BudgetWindow, log: BudgetLog, clock: Callable[[], float] = time) -> None:
        self._window = window
        self._log = log
        self._clock = clock
        self._latest = 0.0
        """The time of the newest entry, by the log. It is the only clock that all processes agree on."""
        self._waiting: dict[str, asyncio.Future[Reservation | None]] = {}
        self._open: dict[str, Reservation] = {}
        """Reservations whose actual cost is not known yet, by call, oldest first."""

    @property
    def problem(self) -> str | None:
        """Why the budget cannot decide at present; None if it can."""
        return self._log.problem

    async def reserve(self, cost: float) -> Reservation | None:
        """Reserve what a call may cost; None if that is more than is left."""
        # A call that is over budget already needs no entry in the log.
        if not self._window.has_room(cost, max(self._latest, self._clock())):
            return None
        call_id = uuid4().hex
        waiting: asyncio.Future[Reservation | None] = asyncio.get_running_loop().create_future()
        self._waiting[call_id] = waiting
        try:
            await self._log.append(orjson.dumps({"call": call_id, "reserved": cost}))
            return await waiting
        finally:
            del self._waiting[call_id]

    def record_actual_cost(self, reservation: Reservation, cost: float) -> None:
        """Replace the reserved cost of a call by its actual cost, for all processes."""
        self._log.append_in_background(orjson.dumps({"call": reservation.call_id, "cost": cost}))

    def cancel(self, reservation: Reservation) -> None:
        """Take a reservation back, for all processes: its call counts neither as a call nor as money."""
        self._log.append_in_background(orjson.dumps({"call": reservation.call_id, "cost": 0.0, "counted": False}))

    def apply(self, entry: bytes | None, at: float) -> None:
        """Apply the next entry of the log, which was stored at ``at``; an entry that is not valid is skipped."""
        try:
            parsed = _Entry.model_validate_json(entry or b"")
        except ValidationError:
            return
        self._latest = max(self._latest, at)
        self._drop_expired()
        if parsed.reserved is not None:
            self._apply_reservation(parsed.call, parsed.reserved)
        elif parsed.cost is not None and parsed.call in self._open:
            reservation = self._open.pop(parsed.call)
            reservation.cost = parsed.cost
            if not parsed.counted:
                self._window.cancel(reservation)

    def _apply_reservation(self, call_id: str, reserved: float) -> None:
        if call_id in self._open:
            return  # stored twice: the writer retried without knowing that the first attempt had arrived
        reservation = self._window.reserve(reserved, self._latest, call_id)
        if reservation is not None:
            self._open[call_id] = reservation
        waiting = self._waiting.get(call_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reservation)

    def _drop_expired(self) -> None:
        """Forget open reservations that are older than the window; they no longer count, whatever the calls cost."""
        while self._open:
            call_id, oldest = next(iter(self._open.items()))
            if oldest.at > self._latest - WINDOW_S:
                return
            del self._open[call_id]
