"""Messages that wait for the model, and how they become batches. Not safe for several threads by itself."""

from collections import deque
from collections.abc import Iterable
from itertools import count

from triage_worker.inference.batching import cut, wave
from triage_worker.inference.loaded_bundle import EncodedMessage, LoadedBundle


class WaitingMessages:
    """A queue for each bundle, since no batch mixes two; the bundle of the oldest message is the next one."""

    def __init__(self) -> None:
        self._queues: dict[LoadedBundle, deque[tuple[int, EncodedMessage]]] = {}
        self._numbers = count()

    def __bool__(self) -> bool:
        """Whether any message waits."""
        return bool(self._queues)

    def extend(self, messages: Iterable[EncodedMessage]) -> None:
        """Add messages, in the order they were read."""
        for message in messages:
            self._queues.setdefault(message.bundle, deque()).append((next(self._numbers), message))

    def clear(self) -> None:
        """Drop all messages."""
        self._queues.clear()

    def cut_wave(self) -> list[list[EncodedMessage]]:
        """Take the oldest messages of the bundle whose turn it is, and return them as batches."""
        bundle, queue = min(self._queues.items(), key=lambda item: item[1][0][0])
        size = wave((message.tokens.tokens for _, message in queue), bundle.limits)
        messages = [queue.popleft()[1] for _ in range(size)]
        if not queue:
            del self._queues[bundle]  # a bundle that was replaced must leave memory
        batches = cut([message.tokens.tokens for message in messages], bundle.limits)
        return [[messages[position] for position in batch] for batch in batches]
