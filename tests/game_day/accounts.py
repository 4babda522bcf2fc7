"""Accounts for every message: what the worker made of it, what the fallback made of its requests, and its ticket."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from triage_schemas.dead_letters import read_dead_letter

from tests.kafka.harness import KafkaHarness
from tests.kafka.message_outcomes import Position
from tests.records import headers_of, json_of


@dataclass(frozen=True)
class Accounts:
    """What became of the messages.

    Attributes:
        messages: on the input topic.
        accepted: answers of the worker that accept.
        fallback: requests of the worker to the fallback.
        dead_letters: of the worker.
        lost: messages without an answer of the worker.
        twice: messages with more than one.
        requests_lost: requests that the fallback has neither decided nor sent to people.
        requests_twice: requests with more than one decision.
        routed_lost: intents that no ticket counts.
        routed_twice: intents that tickets count more than once.
    """

    messages: int
    accepted: int
    fallback: int
    dead_letters: int
    lost: int
    twice: int
    requests_lost: int
    requests_twice: int
    routed_lost: int
    routed_twice: int

    @property
    def conserved(self) -> bool:
        """Whether messages = accepted + fallback + dead letters."""
        return self.messages == self.accepted + self.fallback + self.dead_letters

    @property
    def complete(self) -> bool:
        """Whether everything was answered and routed, some of it perhaps more than once."""
        return self.lost == self.requests_lost == self.routed_lost == 0

    @property
    def clean(self) -> bool:
        """Whether no message was lost or answered twice, by any service."""
        return self.conserved and self.complete and self.twice == self.requests_twice == self.routed_twice == 0

    def as_dict(self) -> dict[str, int]:
        """The numbers by their names."""
        return asdict(self)


async def accounts(harness: KafkaHarness, review_topic: str, tickets_topic: str) -> Accounts:
    """Read all topics, and count."""
    messages = [(record.partition, record.offset) for record in await harness.read(harness.input)]
    accepted, decided, routed = Counter[Position](), Counter[Position](), Counter[str]()
    seen: set[bytes] = set()
    for record in await harness.read(harness.output):
        event = json_of(record)
        (decided if event["decided_by"] == "llm" else accepted)[_position(event["source"])] += 1
        event_id = headers_of(record)["ce_id"]
        if event_id not in seen:  # the router counts a repeated event once
            seen.add(event_id)
            routed[event["conversation_id"]] += 1
    requests = Counter(_position(json_of(record)["source"]) for record in await harness.read(harness.fallback))
    decided.update(_position(json_of(record)["source"]) for record in await harness.read(review_topic))
    dead = Counter[Position]()
    for record in await harness.read(harness.dead_letters):
        info = read_dead_letter(record.headers)
        assert info is not None, record
        if info.source.topic == harness.input:
            dead[info.source.partition, info.source.offset] += 1
    tickets = {record.key: json_of(record) for record in await harness.read(tickets_topic)}
    return count(messages, accepted, requests, dead, decided, routed, tickets.values())


def count(
    messages: Iterable[Position],
    accepted: Mapping[Position, int],
    requests: Mapping[Position, int],
    dead: Mapping[Position, int],
    decided: Mapping[Position, int],
    routed: Mapping[str, int],
    tickets: Iterable[Mapping[str, object]],
) -> Accounts:
    """Count what was read.

    Args:
        messages: on the input topic.
        accepted: how many answers of the worker accept each message.
        requests: how many fallback requests there are for each message.
        dead: how many dead letters of the worker there are for each message.
        decided: how many decisions of the fallback there are for each message.
        routed: how many different intents each conversation has.
        tickets: the newest event of each ticket.
    """
    positions = list(messages)
    answers = {one: accepted.get(one, 0) + requests.get(one, 0) + dead.get(one, 0) for one in positions}
    counted = Counter[str]()
    for ticket in tickets:
        counted[str(ticket["conversation_id"])] += int(str(ticket["messages"]))
    return Accounts(
        messages=len(positions),
        accepted=sum(accepted.values()),
        fallback=sum(requests.values()),
        dead_letters=sum(dead.values()),
        lost=sum(number == 0 for number in answers.values()),
        twice=sum(number > 1 for number in answers.values()),
        requests_lost=sum(one not in decided for one in requests),
        requests_twice=sum(number > 1 for number in decided.values()),
        routed_lost=sum(max(0, number - counted[name]) for name, number in routed.items()),
        routed_twice=sum(max(0, number - routed.get(name, 0)) for name, number in counted.items()),
    )


def _position(source: Mapping[str, int]) -> Position:
    return source["partition"], source["offset"]
