"""Finds the message that makes the model fail, and distinguishes it from a model that fails on everything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Fault:
    """A message on which the model failed twice by itself, while it works on another message."""

    reason: str


class ModelDownError(Exception):
    """The model fails on a text that is known to be good: no message is at fault."""


def isolate(
    run: Callable[[Sequence[Item]], Sequence[Result]],
    items: Sequence[Item],
    healthy: Callable[[], bool],
    what: str = "the model",
) -> list[Result | Fault]:
    """Run items together; if that fails, halve the batch until the items at fault are found.

    Args:
        run: returns one result for each item, or raises.
        items: what to run.
        healthy: returns whether ``run`` works on an item that is known to be good.
        what: what runs, for the reason of a fault.

    Returns:
        A result or a `Fault` for each item, in order.

    Raises:
        ModelDownError: ``run`` fails even on the item that is known to be good.
    """
    try:
        return list(run(items))
    except Exception as error:
        if len(items) > 1:
            middle = len(items) // 2
            return [*isolate(run, items[:middle], healthy, what), *isolate(run, items[middle:], healthy, what)]
        if not healthy():
            raise ModelDownError(_sentence(error, what)) from error
    try:
        return list(run(items))  # the first failure may have been a transient one of the model
    except Exception as error:
        return [Fault(_sentence(error, what))]


def _sentence(error: Exception, what: str) -> str:
    """Name the kind of error only: its message can contain the customer's text."""
    return f"{what} fails on it: {type(error).__name__}"
