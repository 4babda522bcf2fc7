"""When to ask again."""

import random
from collections.abc import Callable

TRIES = 5
"""Calls for one message that may fail before a person decides it."""

FIRST_S = 0.5
LONGEST_S = 8.0


def pause_s(failures: int, spread: Callable[[], float] = random.random) -> float:
    """How long to wait after so many failures, never in step with others.

    Args:
        failures: calls that failed so far, 1 or more.
        spread: gives a number from 0 to 1.
    """
    return min(LONGEST_S, FIRST_S * 2.0 ** (failures - 1)) * spread()
