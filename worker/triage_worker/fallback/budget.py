"""What may be spent in any hour, in calls and in money. What a call may cost is set aside before it is made."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

WINDOW_S = 3_600.0


@dataclass(slots=True, eq=False)
class Spending:
    """One call: when it was made, its cost, which is an upper estimate until it is known, and its name on a log."""

    at: float
    cost: float
    name: str = ""


class Window:
    """What was set aside within the last hour. Times are in seconds, given by the caller, and do not go back.

    Args:
        calls: most calls in a window; None for no limit.
        money: most money in a window; None for no limit.
        window_s: the window's length.
    """

    def __init__(self, calls: int | None = None, money: float | None = None, window_s: float = WINDOW_S) -> None:
        self._calls = calls
        self._money = money
        self._window_s = window_s
        self._spent: deque[Spending] = deque()

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self._calls is not None or self._money is not None

    def has_room(self, cost: float, now: float) -> bool:
        """Whether a call of this cost may be made."""
        costs = [spending.cost for spending in self._spent if spending.at > now - self._window_s]
        if self._calls is not None and len(costs) >= self._calls:
            return False
        return self._money is None or sum(costs) + cost <= self._money

    def enter(self, cost: float, now: float, name: str = "") -> Spending | None:
        """Set aside what a call may cost; None when that is more than is left."""
        while self._spent and self._spent[0].at <= now - self._window_s:
            self._spent.popleft()
        if not self.has_room(cost, now):
            return None
        spending = Spending(now, cost, name)
        self._spent.append(spending)
        return spending


class Budget(Protocol):
    """Who says whether a call may be made."""

    @property
    def problem(self) -> str | None:
        """What keeps it from saying so; None when nothing does."""
        ...

    async def reserve(self, cost: float) -> Spending | None:
        """Set aside what a call may cost; None when that is more than is left."""
        ...

    def settle(self, spending: Spending, cost: float) -> None:
        """Say what a call did cost."""
        ...


class OwnBudget:
    """A budget that nobody shares and that ends with the process.

    Args:
        window: what may be spent.
        clock: seconds that only rise.
    """

    problem = None

    def __init__(self, window: Window, clock: Callable[[], float] = monotonic) -> None:
        self._window = window
        self._clock = clock

    async def reserve(self, cost: float) -> Spending | None:
        """Set aside what a call may cost; None when that is more than is left."""
        return self._window.enter(cost, self._clock())

    def settle(self, spending: Spending, cost: float) -> None:
        """Say what a call did cost."""
        spending.cost = cost
