"""Remembers decisions, so that a text that comes again costs no inference.

What is remembered is what the network would say again: on a CPU a decision depends on the text and the bundle, and not
on the other messages of its batch, except for the rounding of probabilities. On a GPU, rounding differs a little more.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from secrets import token_bytes
from threading import Lock
from typing import NamedTuple

from triage_models.serving.decision import Decision
from triage_models.serving.engine import Encoded

_SECRET = token_bytes(32)
"""Of this process: nobody can find out by a fingerprint which text was read, also not by trying texts."""

Decide = Callable[[Sequence[Encoded]], list[Decision]]


class Remembered(NamedTuple):
    """The decisions on a batch, and how many of them took no inference."""

    decisions: list[Decision]
    hits: int


class DecisionMemory:
    """The decisions of one bundle on the texts that it read last; may be used from several threads.

    Texts are equal if the tokenizer makes the same tokens of them. Their fingerprints are kept, not their words. A
    bundle that takes over has a memory of its own, so there is nothing to invalidate.

    Args:
        size: how many texts are remembered, about 1 kB each; of more, those not seen for longest are dropped. With 0
            nothing is remembered.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._decisions: OrderedDict[bytes, Decision] = OrderedDict()
        self._lock = Lock()

    def decide(self, batch: Sequence[Encoded], decide: Decide) -> Remembered:
        """Return the decisions on a batch; ``decide`` is called with each text that is not known, once.

        What ``decide`` raises is raised, and nothing of the batch is remembered then.
        """
        if not self._size:
            return Remembered(decide(batch), 0)
        keys = [_fingerprint(text) for text in batch]
        known = self._recall(keys)
        unknown = {key: text for key, text in zip(keys, batch, strict=True) if key not in known}
        if unknown:
            decided = dict(zip(unknown, decide(list(unknown.values())), strict=True))
            self._remember(decided)
            known |= decided
        return Remembered([known[key] for key in keys], len(batch) - len(unknown))

    def _recall(self, keys: Sequence[bytes]) -> dict[bytes, Decision]:
        found = {}
        with self._lock:
            for key in keys:
                decision = self._decisions.get(key)
                if decision is not None:
                    self._decisions.move_to_end(key)
                    found[key] = decision
        return found

    def _remember(self, decided: dict[bytes, Decision]) -> None:
        with self._lock:
            self._decisions |= decided
            while len(self._decisions) > self._size:
                self._decisions.popitem(last=False)


def _fingerprint(text: Encoded) -> bytes:
    """Return 16 bytes that differ between any two texts that may be decided differently."""
    code = blake2b(array("L", text.ids).tobytes(), digest_size=16, key=_SECRET)
    for row in (*text.further, *text.sentences):
        code.update(array("L", (len(row), *row)).tobytes())
    # The counts say where one kind of row ends; a second wish is looked for in the text itself.
    code.update(repr((len(text.ids), len(text.further), text.truncated, text.automatic, text.language)).encode())
    if text.text is not None:
        code.update(text.text.encode("utf-8", "surrogatepass"))
    return code.digest()
