"""Limits what calls may cost in any hour. The highest cost of a call is reserved before the call is made."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

WINDOW_S = 3_600.0


@dataclass(slots=True, eq=False)
class Reservation:
    """The share of the budget that one call takes.

    Attributes:
        at: when it was reserved, in seconds.
        cost: money; an upper estimate until the actual cost is known.
        call_id: names the call in a shared log; empty if the budget is not shared.
    """

    at: float
    cost: float
    call_id: str = ""


class BudgetWindow:
    """A sliding window of reservations. Callers pass the time in seconds; it must not go back.

    Args:
        calls: the most calls in a window; None for no limit.
        money: the most money in a window; None for no limit.
        window_s: the window's length, in seconds.
    """

    def __init__(self, calls: int | None = None, money: float | None = None, window_s: float = WINDOW_S) -> None:
        self._calls = calls
        self._money = money
        self._window_s = window_s
        self._reservations: deque[Reservation] = deque()

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._calls is not None or self._money is not None

    def has_room(self, cost: float, now: float) -> bool:
        """Whether a call of this cost is within the limits."""
        costs = [reservation.cost for reservation in self._reservations if reservation.at > now - self._window_s]
        if self._calls is not None and len(costs) >= self._calls:
            return False
        return self._money is None or sum(costs) + cost <= self._money

    def reserve(self, cost: float, now: float, call_id: str = "") -> Reservation | None:
        """Reserve what a call may cost; None if that is more than is left."""
        while self._reservations and self._reservations[0].at <= now - self._window_s:
            self._reservations.popleft()
        if not self.has_room(cost, now):
            return None
        reservation = Reservation(now, cost, call_id)
        self._reservations.append(reservation)
        return reservation

    def cancel(self, reservation: Reservation) -> None:
        """Take a reservation back, as if the call had never been."""
        with suppress(ValueError):  # it has left the window
            self._reservations.remove(reservation)


class Budget(Protocol):
    """Decides whether a call may be made."""

    @property
    def problem(self) -> str | None:
        """Why the budget cannot decide at present; None if it can."""
        ...

    async def reserve(self, cost: float) -> Reservation | None:
        """Reserve what a call may cost; None if that is more than is left."""
        ...

    def record_actual_cost(self, reservation: Reservation, cost: float) -> None:
        """Replace the reserved cost of a call by its actual cost."""
        ...

    def cancel(self, reservation: Reservation) -> None:
        """Take a reservation back: its call was refused or failed, and counts neither as a call nor as money."""
        ...


class LocalBudget:
    """A budget of this process alone; it ends with the process.

    Args:
        window: the limits.
        clock: a monotonic clock, in seconds.
    """

    problem = None

    def __init__(self, window: BudgetWindow, clock: Callable[[], float] = monotonic) -> None:
        self._window = window
        self._clock = clock

    async def reserve(self, cost: float) -> Reservation | None:
        """Reserve what a call may cost; None if that is more than is left."""
        return self._window.reserve(cost, self._clock())

    def record_actual_cost(self, reservation: Reservation, cost: float) -> None:
        """Replace the reserved cost of a call by its actual cost."""
        reservation.cost = cost

    def cancel(self, reservation: Reservation) -> None:
        """Take a reservation back: its call was refused or failed, and counts neither as a call nor as money."""
        self._window.cancel(reservation)
