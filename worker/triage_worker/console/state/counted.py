"""Which messages were counted: a bit for each offset of the input, so that an output that is sent twice counts once."""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

BLOCK = 8_192
"""Offsets in one row: a row has 1 KiB of bits."""

MOST_BLOCKS = 4_096
"""Blocks in memory, of which each partition and stage uses one or two at a time."""

OUTCOMES = ("accepted", "refused", "dead_letter")
"""Outcomes that a block counts one by one; all others are together."""

BlockKey = tuple[str, int, str, int]
"""Topic, partition, stage, and the offset divided by `BLOCK`."""

SAVE = "INSERT OR REPLACE INTO counted VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SAVE_BITS = "INSERT OR REPLACE INTO counted_bits VALUES (?, ?, ?, ?, ?)"
LOAD = (
    "SELECT bits, accepted, refused, dead_letter, other, seen_at FROM counted "
    "JOIN counted_bits USING (topic, partition, stage, block) "
    "WHERE topic = ? AND partition = ? AND stage = ? AND block = ?"
)


@dataclass
class _Block:
    bits: bytearray
    seen_at: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    changed: bool = False

    def row(self, block: int) -> tuple[int, ...]:
        """Return its numbers, as columns."""
        number = int.from_bytes(self.bits, "little")
        first, last = (number & -number).bit_length() - 1, number.bit_length() - 1
        counts = [self.outcomes[name] for name in (*OUTCOMES, "other")]
        return number.bit_count(), *counts, block * BLOCK + first, block * BLOCK + last, self.seen_at


class CountedMessages:
    """The messages that each stage has answered. One writer uses it, within the transactions of the projections."""

    def __init__(self) -> None:
        self._blocks: dict[BlockKey, _Block] = {}

    def add(
        self, connection: sqlite3.Connection, place: tuple[str, int, int], stage: str, at: int, outcome: str
    ) -> bool:
        """Count a message; returns False if this stage's answer to it was counted before.

        Args:
            connection: of the transaction.
            place: topic, partition and offset of the message.
            stage: who answered.
            at: when, in milliseconds since the epoch.
            outcome: what the answer was.
        """
        topic, partition, offset = place
        key = topic, partition, stage, offset // BLOCK
        block = self._blocks.get(key)
        if block is None:
            block = self._load(connection, key)
        byte, bit = divmod(offset % BLOCK, 8)
        mask = 1 << bit
        if block.bits[byte] & mask:
            return False
        block.bits[byte] |= mask
        block.outcomes[outcome if outcome in OUTCOMES else "other"] += 1
        block.seen_at = max(block.seen_at, at)
        block.changed = True
        return True

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the blocks that changed."""
        changed = [(key, block) for key, block in self._blocks.items() if block.changed]
        connection.executemany(SAVE, [(*key, *block.row(key[3])) for key, block in changed])
        connection.executemany(SAVE_BITS, [(*key, bytes(block.bits)) for key, block in changed])
        for _, block in changed:
            block.changed = False
        if len(self._blocks) > MOST_BLOCKS:
            self._blocks.clear()

    def forget(self) -> None:
        """Drop what is in memory, after a transaction was rolled back or rows were deleted."""
        self._blocks.clear()

    def _load(self, connection: sqlite3.Connection, key: BlockKey) -> _Block:
        row = connection.execute(LOAD, key).fetchone()
        if row is None:
            block = _Block(bytearray(BLOCK // 8))
        else:
            counts = {name: row[name] for name in (*OUTCOMES, "other")}
            block = _Block(bytearray(row["bits"]), row["seen_at"], Counter(counts))
        self._blocks[key] = block
        return block
