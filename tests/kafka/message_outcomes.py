"""Collects the outputs of each message, to find messages that were lost, answered twice or reordered."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiokafka.structs import ConsumerRecord

Position = tuple[int, int]
"""Partition and offset of a message on the input topic."""


@dataclass
class MessageOutcomes:
    """The outputs of the messages, by the message's position.

    Attributes:
        answers: the kinds of a message's outputs.
        records: a message's outputs as they were read.
        ids: the ids of a message's outputs; a repeat has the same id.
        by_key: by output topic and key, the positions of the answered messages, in the order of the topic.
        dead_letters: all dead letters.
        counts: outputs by kind.
    """

    answers: dict[Position, list[str]] = field(default_factory=lambda: defaultdict(list))
    records: dict[Position, list[ConsumerRecord]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[Position, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    by_key: dict[tuple[str, bytes], list[Position]] = field(default_factory=lambda: defaultdict(list))
    dead_letters: list[ConsumerRecord] = field(default_factory=list)
    counts: "Counter[str]" = field(default_factory=Counter)

    def add(self, record: ConsumerRecord, kind: str, position: Position, output_id: bytes) -> None:
        """Add an output; those of a topic must be added in its order.

        Args:
            record: the output.
            kind: such as "accepted", or a dead letter's code.
            position: of the message that it answers.
            output_id: the same for a repeat of this output.
        """
        self.answers[position].append(kind)
        self.records[position].append(record)
        self.ids[position].add(output_id)
        self.counts[kind] += 1
        if record.key is not None:
            self.by_key[record.topic, record.key].append(position)

    def lost(self, sent: Iterable[Position]) -> list[Position]:
        """Messages without an output."""
        return [position for position in sent if position not in self.answers]

    def duplicated(self) -> list[Position]:
        """Messages with more than one output."""
        return [position for position, answers in self.answers.items() if len(answers) > 1]

    def conflicting(self) -> list[Position]:
        """Messages with several outputs that are not repeats of one."""
        return [position for position, ids in self.ids.items() if len(ids) > 1]

    def out_of_order(self) -> list[tuple[str, bytes]]:
        """Topics and keys whose outputs, repeats aside, are not in the order of their messages."""
        return [
            where for where, positions in self.by_key.items() if _without_repeats(positions) != sorted(set(positions))
        ]


def _without_repeats(positions: Sequence[Position]) -> list[Position]:
    return list(dict.fromkeys(positions))
