"""Which messages were counted: a bit for each offset of the input, so that an output that is sent twice counts once."""

import sqlite3
from dataclasses import dataclass

BLOCK = 8_192
"""Offsets in one row: a row has 1 KiB."""

MOST_BLOCKS = 4_096
"""Blocks in memory, of which each partition and stage uses one or two at a time."""

BlockKey = tuple[str, int, str, int]
"""Topic, partition, stage, and the offset divided by `BLOCK`."""

SAVE = """
INSERT INTO counted (topic, partition, stage, block, bits, seen_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET bits = excluded.bits, seen_at = excluded.seen_at
"""


@dataclass
class _Block:
    bits: bytearray
    seen_at: int
    changed: bool = False


class CountedMessages:
    """The messages that each stage has answered. One writer uses it, within the transactions of the projections."""

    def __init__(self) -> None:
        self._blocks: dict[BlockKey, _Block] = {}

    def add(self, connection: sqlite3.Connection, place: tuple[str, int, int], stage: str, at: int) -> bool:
        """Count a message; returns False if this stage's answer to it was counted before.

        Args:
            connection: of the transaction.
            place: topic, partition and offset of the message.
            stage: who answered.
            at: when, in milliseconds since the epoch.
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
        block.seen_at = max(block.seen_at, at)
        block.changed = True
        return True

    def flush(self, connection: sqlite3.Connection) -> None:
        """Write the blocks that changed."""
        changed = [(key, block) for key, block in self._blocks.items() if block.changed]
        connection.executemany(SAVE, [(*key, bytes(block.bits), block.seen_at) for key, block in changed])
        for _, block in changed:
            block.changed = False
        if len(self._blocks) > MOST_BLOCKS:
            self._blocks.clear()

    def forget(self) -> None:
        """Drop what is in memory, after a transaction was rolled back or rows were deleted."""
        self._blocks.clear()

    def _load(self, connection: sqlite3.Connection, key: BlockKey) -> _Block:
        where = "topic = ? AND partition = ? AND stage = ? AND block = ?"
        row = connection.execute(f"SELECT bits, seen_at FROM counted WHERE {where}", key).fetchone()
        block = _Block(bytearray(BLOCK // 8), 0) if row is None else _Block(bytearray(row[0]), row[1])
        self._blocks[key] = block
        return block


def distinct(bits: bytes) -> int:
    """Return how many messages of a block were counted."""
    return int.from_bytes(bits, "little").bit_count()
