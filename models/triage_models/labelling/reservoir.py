"""Draws items at random from a stream of unknown length, in constant memory."""

import random
from typing import Generic, TypeVar

T = TypeVar("T")


class Reservoir(Generic[T]):
    """A uniform sample without replacement of all items that were added (Vitter's algorithm R).

    Args:
        size: how many items it holds, at most.
        seed: seed of the draw.

    Attributes:
        seen: how many items were added.
    """

    def __init__(self, size: int, seed: int) -> None:
        self.seen = 0
        self._size = size
        self._items: list[T] = []
        self._random = random.Random(seed)

    def add(self, item: T) -> None:
        """Add an item; it takes the place of another one once the reservoir is full."""
        self.seen += 1
        if len(self._items) < self._size:
            self._items.append(item)
            return
        place = self._random.randrange(self.seen)
        if place < self._size:
            self._items[place] = item

    def shuffled(self) -> list[T]:
        """Return the sample in random order, so that each beginning of it is a uniform sample, too."""
        items = list(self._items)
        self._random.shuffle(items)
        return items
