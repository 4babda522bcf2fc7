"""What may be spent in any hour, in calls and in money. What a call may cost is set aside before it is made."""

from collections import deque
from dataclasses import dataclass

WINDOW_S = 3_600.0


@dataclass(slots=True, eq=False)
class Spending:
    """One call: when it was made, and its cost, which is an upper estimate until it is known."""

    at: float
    cost: float


class Budget:
    """Times are in seconds of one monotonic clock, given by the caller.

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

    def reserve(self, cost: float, now: float) -> Spending | None:
        """Set aside what a call may cost; None when that is more than is left."""
        while self._spent and self._spent[0].at <= now - self._window_s:
            self._spent.popleft()
        if self._calls is not None and len(self._spent) >= self._calls:
            return None
        if self._money is not None and sum(spending.cost for spending in self._spent) + cost > self._money:
            return None
        spending = Spending(now, cost)
        self._spent.append(spending)
        return spending
