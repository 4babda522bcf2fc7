"""What became of every message, by what is on the outputs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aiokafka.structs import ConsumerRecord

Place = tuple[int, int]
"""Partition and offset of a message on the input topic."""


@dataclass
class Account:
    """What became of the messages: by where they were read, the answers that were found, in the topics' order."""

    answers: dict[Place, list[str]] = field(default_factory=lambda: defaultdict(list))
    records: dict[Place, list[ConsumerRecord]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[Place, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    by_key: dict[tuple[str, bytes], list[Place]] = field(default_factory=lambda: defaultdict(list))
    dead_letters: list[ConsumerRecord] = field(default_factory=list)
    counts: "Counter[str]" = field(default_factory=Counter)

    def enter(self, record: ConsumerRecord, kind: str, place: Place, identity: bytes) -> None:
        """Note an answer, in its topic's order.

        Args:
            record: the answer.
            kind: what it says.
            place: of the message that it answers.
            identity: what a repeat of the same answer has, too.
        """
        self.answers[place].append(kind)
        self.records[place].append(record)
        self.ids[place].add(identity)
        self.counts[kind] += 1
        if record.key is not None:
            self.by_key[record.topic, record.key].append(place)

    def lost(self, sent: Iterable[Place]) -> list[Place]:
        return [place for place in sent if place not in self.answers]

    def doubled(self) -> list[Place]:
        return [place for place, answers in self.answers.items() if len(answers) > 1]

    def contradicted(self) -> list[Place]:
        """Messages with several answers that are not repeats of one."""
        return [place for place, ids in self.ids.items() if len(ids) > 1]

    def out_of_order(self) -> list[tuple[str, bytes]]:
        """Topics and keys whose first answers are not in the order of their messages."""
        return [where for where, places in self.by_key.items() if _firsts(places) != sorted(set(places))]


def _firsts(places: Sequence[Place]) -> list[Place]:
    return list(dict.fromkeys(places))
