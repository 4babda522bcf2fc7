"""The one verifier: what became of every message on the input topic, as a row of the table in docs/reliability.md."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from tests.kafka.account import Account, Place
from tests.kafka.harness import ROOT, Bench

RESULTS = Path(os.environ.get("TORTURE_RESULTS", ROOT / "runs/torture.jsonl"))
"""Rows are added here; the table, beside it in Markdown, shows the latest row of each kind."""

BROKERS_CLOCK = 1
"""A record's timestamp type when the broker set it."""


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes:
        lost: messages without an answer.
        twice: messages answered more than once: exactly once, all of them; at least once, those whose answers are not
            repeats of the same event.
        reordered: topics and keys whose answers, repeats aside, are not in the order of the messages.
        repeats: answers that repeat an event, by the same `ce_id`, or a dead letter of the same origin.
        gap_s: the longest that a partition with unanswered messages went without an answer.
    """

    fault: str
    delivery: str
    rate: str
    seed: int
    messages: int
    lost: int
    twice: int
    reordered: int
    repeats: int
    gap_s: float

    def check(self) -> None:
        """Fail unless the promise was kept."""
        assert (self.lost, self.twice, self.reordered) == (0, 0, 0), self
        assert self.delivery == "at_least_once" or self.repeats == 0, self


async def judge(bench: Bench, sent: Sequence[Place], *, fault: str, delivery: str, rate: str, seed: int) -> Row:
    """Read all topics and count; ``sent`` are messages that the broker said it has."""
    messages = {(record.partition, record.offset): record.timestamp for record in await bench.read(bench.input)}
    # Else the broker lost what it had acknowledged, and proves nothing.
    assert len(set(sent)) == len(sent)
    assert set(sent) <= set(messages)
    account = await bench.account()
    lost, reordered = account.lost(messages), account.out_of_order()
    twice = account.doubled() if delivery == "exactly_once" else account.contradicted()
    for place in [*lost, *twice][:10]:
        found = [(record.topic, record.partition, record.offset) for record in account.records.get(place, [])]
        print(f"message {place} was answered at {found}")
    return Row(
        fault=fault,
        delivery=delivery,
        rate=rate,
        seed=seed,
        messages=len(messages),
        lost=len(lost),
        twice=len(twice),
        reordered=len(reordered),
        repeats=sum(len(given) - len(account.ids[place]) for place, given in account.answers.items()),
        gap_s=round(longest_gap_s(messages, account), 1),
    )


def kept(row: Row) -> None:
    """Keep a row for the table, and fail if it breaks a promise."""
    print(f"\n{row}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as results:
        results.write(json.dumps(asdict(row)) + "\n")
    row.check()


def longest_gap_s(messages: Mapping[Place, int], account: Account) -> float:
    """The longest time without an answer in a partition that had messages to answer, by the broker's clock."""
    partitions: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place, records in account.records.items():
        if records[0].timestamp_type == BROKERS_CLOCK:
            partitions[place[0]].append((records[0].timestamp, messages[place]))
    gaps = []
    for partition, answered in partitions.items():
        answered.sort()
        before = answered[0][0]
        for at, asked in answered:
            gaps.append((at - max(before, asked), partition, at))
            before = at
    for gap, partition, at in sorted(gaps, reverse=True)[:3]:
        print(f"partition {partition} waited {gap / 1_000:.1f} s, until {datetime.fromtimestamp(at / 1_000, UTC):%X}")
    return max(gaps, default=(0,))[0] / 1_000


def table(lines: Iterable[str]) -> str:
    """The latest row of each kind, in Markdown."""
    rows: dict[tuple[str, ...], Row] = {}
    for line in lines:
        row = Row(**json.loads(line))
        rows[row.fault, row.delivery, row.rate] = row
    names = [field.name for field in fields(Row)]
    head = [" | ".join(names), " | ".join("---" for _ in names)]
    body = [" | ".join(str(getattr(row, name)) for name in names) for _, row in sorted(rows.items())]
    return "".join(f"| {line} |\n" for line in [*head, *body]).replace("_", " ")
