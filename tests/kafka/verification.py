"""Verifies the outputs of a run, message by message. The result is one row of the table in docs/reliability.md."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from tests.kafka.harness import ROOT, KafkaHarness
from tests.kafka.message_outcomes import MessageOutcomes, Position

RESULTS = Path(os.environ.get("TORTURE_RESULTS", ROOT / "runs/torture.jsonl"))
"""Each result is appended here. A Markdown table of the latest results is written next to it."""

BROKERS_CLOCK = 1
"""The timestamp type of a record whose time the broker set."""


@dataclass(frozen=True)
class Result:
    """The result of one run.

    Attributes:
        fault: what was injected.
        delivery: of the workers.
        rate: at which messages were sent.
        seed: of the random choices.
        messages: on the input topic.
        lost: messages without an answer.
        duplicated: messages answered more than once; at least once, only those whose answers are not repeats of the
            same event.
        reordered: topics and keys whose answers, repeats aside, are not in the order of the messages.
        repeats: answers that repeat an event, with the same `ce_id`, or a dead letter of the same message.
        gap_s: the longest time that a partition with unanswered messages had no answer, in seconds.
    """

    fault: str
    delivery: str
    rate: str
    seed: int
    messages: int
    lost: int
    duplicated: int
    reordered: int
    repeats: int
    gap_s: float

    def check(self) -> None:
        """Fail if a guarantee of docs/reliability.md is broken."""
        assert (self.lost, self.duplicated, self.reordered) == (0, 0, 0), self
        assert self.delivery == "at_least_once" or self.repeats == 0, self


async def verify(
    harness: KafkaHarness, sent: Sequence[Position], *, fault: str, delivery: str, rate: str, seed: int
) -> Result:
    """Read all topics and compare the outputs with the input.

    Args:
        harness: the topics.
        sent: the messages that the broker acknowledged.
        fault: for the result, like the other arguments.
        delivery: decides whether repeats count as duplicates.
        rate: for the result.
        seed: for the result.
    """
    messages = {(record.partition, record.offset): record.timestamp for record in await harness.read(harness.input)}
    # Otherwise the broker itself lost messages, and the run proves nothing.
    assert len(set(sent)) == len(sent)
    assert set(sent) <= set(messages)
    outcomes = await harness.outcomes()
    lost, reordered = outcomes.lost(messages), outcomes.out_of_order()
    duplicated = outcomes.duplicated() if delivery == "exactly_once" else outcomes.conflicting()
    for position in [*lost, *duplicated][:10]:
        found = [(record.topic, record.partition, record.offset) for record in outcomes.records.get(position, [])]
        print(f"message {position} was answered at {found}")
    return Result(
        fault=fault,
        delivery=delivery,
        rate=rate,
        seed=seed,
        messages=len(messages),
        lost=len(lost),
        duplicated=len(duplicated),
        reordered=len(reordered),
        repeats=sum(len(answers) - len(outcomes.ids[position]) for position, answers in outcomes.answers.items()),
        gap_s=round(longest_gap_s(messages, outcomes), 1),
    )


def record_and_check(result: Result) -> None:
    """Append a result to the file of results, and fail if a guarantee is broken."""
    print(f"\n{result}")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    with RESULTS.open("a") as results:
        results.write(json.dumps(asdict(result)) + "\n")
    result.check()


def longest_gap_s(messages: Mapping[Position, int], outcomes: MessageOutcomes) -> float:
    """Return the longest time in seconds that a partition with unanswered messages had no answer.

    Times are those of the broker's clock.

    Args:
        messages: their positions and timestamps, in milliseconds.
        outcomes: of these messages.
    """
    partitions: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for position, records in outcomes.records.items():
        if records[0].timestamp_type == BROKERS_CLOCK:
            partitions[position[0]].append((records[0].timestamp, messages[position]))
    gaps = []
    for partition, answered in partitions.items():
        answered.sort()
        previous = answered[0][0]
        for at, sent_at in answered:
            gaps.append((at - max(previous, sent_at), partition, at))
            previous = at
    for gap, partition, at in sorted(gaps, reverse=True)[:3]:
        print(f"partition {partition} waited {gap / 1_000:.1f} s, until {datetime.fromtimestamp(at / 1_000, UTC):%X}")
    return max(gaps, default=(0,))[0] / 1_000


def markdown_table(lines: Iterable[str]) -> str:
    """Make a Markdown table of the latest result of each kind, from the lines of the file of results."""
    latest: dict[tuple[str, ...], Result] = {}
    for line in lines:
        result = Result(**json.loads(line))
        latest[result.fault, result.delivery, result.rate] = result
    names = [field.name for field in fields(Result)]
    head = [" | ".join(names), " | ".join("---" for _ in names)]
    body = [" | ".join(str(getattr(result, name)) for name in names) for _, result in sorted(latest.items())]
    return "".join(f"| {line} |\n" for line in [*head, *body]).replace("_", " ")
