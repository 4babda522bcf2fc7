"""Finding the one message that makes the model fail, without blaming messages for a model that fails on all."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fault:
    """A message that the model fails on, alone and twice, while it works on another."""

    reason: str


class ModelDownError(Exception):
    """The model fails on what it should know well: no message is at fault."""


def isolate(
    run: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item], healthy: Callable[[], bool]
) -> list[Result | Fault]:
    """Run items together; where that fails, halve them until those at fault stand alone.

    Args:
        run: gives one result an item, or raises.
        items: what to run.
        healthy: whether ``run`` works on an item that is known to be good.

    Returns:
        A result or a `Fault` for each item, in order.

    Raises:
        ModelDownError: nothing works, not even the item known to be good.
    """
    try:
        return list(run(items))
    except Exception as error:
        if len(items) > 1:
            middle = len(items) // 2
            return [*isolate(run, items[:middle], healthy), *isolate(run, items[middle:], healthy)]
        if not healthy():
            raise ModelDownError(_sentence(error)) from error
    try:
        return list(run(items))  # it may have been the model after all, for a moment
    except Exception as error:
        return [Fault(_sentence(error))]


def _sentence(error: Exception) -> str:
    """The kind of error only: its message can carry the customer's text."""
    return f"the model fails on it: {type(error).__name__}"
