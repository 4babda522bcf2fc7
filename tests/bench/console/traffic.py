"""Events as the services write them, at a rate: what the console reads while a worker is busy.

Of a hundred messages the model accepts 80, refuses 18 and 2 are dead letters. Where all services run, each accepted
message also changes a ticket, an LLM decides 12 of the 18 and gives each a label, and 6 go to people.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from aiokafka import AIOKafkaProducer
from triage_schemas.cloudevents import timestamp
from triage_schemas.dead_letters import dead_letter_headers
from triage_schemas.events import Event
from triage_schemas.messages.message import Source
from triage_schemas.records import Record, to_record
from triage_worker.config.settings import Settings

from tests.browser.sample import DESCRIPTIONS, INTENTS, QUEUES, TEXTS
from tests.worker.console.filling import intent, label, request, ticket
from tests.worker.fallback.events import event

TICK_S = 0.05
MESSAGES_IN_A_CONVERSATION = 3

Sent = tuple[str, bytes, Record]
"""Topic, key and record."""


@dataclass(frozen=True)
class Traffic:
    """Makes the events.

    Attributes:
        settings: the names of the topics.
        whole: whether all services run, and not only the worker.
    """

    settings: Settings
    whole: bool

    def of(self, number: int, chance: random.Random) -> Iterator[Sent]:
        """Yield the events about one message."""
        settings, now = self.settings, datetime.now(UTC)
        conversation = f"chat-{number // MESSAGES_IN_A_CONVERSATION}"
        key, draw = conversation.encode(), number % 100
        known: dict[str, Any] = {"conversation_id": conversation, "customer_id": f"u-{number}", "classified_at": now}
        sure = 0.8 + 0.19 * chance.random()
        chosen, text = chance.choice(INTENTS), chance.choice(TEXTS)
        if draw < 80:
            yield settings.output_topic, key, _record(intent(number, intent=chosen, confidence=sure, **known))
            if self.whole:
                yield self._ticket(conversation, chosen, number, now)
        elif draw < 98:
            asked = event(text, number, labels=DESCRIPTIONS, **known)
            yield settings.fallback_topic, key, _record(asked)
            if self.whole and draw < 92:
                yield settings.output_topic, key, _record(intent(number, intent=chosen, decided_by="llm", **known))
                answer = label(number, chosen, text=text, decided_by="llm", labelled_at=now)
                yield settings.labels_topic, key, _record(answer)
            elif self.whole:
                yield settings.review_topic, key, waiting(number, text)
        else:
            place = Source("customer.messages", 0, number)
            headers = dead_letter_headers([], place, "not_json", "no JSON", iso(now))
            yield (
                settings.dead_letter_topic,
                key,
                Record(b"not JSON", [(name, value or b"") for name, value in headers]),
            )

    def _ticket(self, conversation: str, chosen: str, number: int, now: datetime) -> Sent:
        made = ticket(
            f"T-{conversation}",
            conversation_id=conversation,
            customer_id=f"u-{number}",
            intent=chosen,
            intents=[chosen],
            queue=QUEUES[number % len(QUEUES)],
            due_at=now + timedelta(hours=2),
            opened_at=now,
            updated_at=now,
            messages=1 + number % MESSAGES_IN_A_CONVERSATION,
        )
        return self.settings.tickets_topic, made.ticket_id.encode(), _record(made)


def waiting(number: int, text: str) -> Record:
    """A message that waits for a person."""
    asked = request(text, number, conversation_id=f"chat-{number}", customer_id=f"u-{number}", labels=DESCRIPTIONS,
                    scores={"EXCHANGE": 0.41, "RETURN_REQUEST": 0.33, "WISMO": 0.12})  # fmt: skip
    return _record(asked)


def iso(moment: datetime) -> str:
    """A time in RFC 3339."""
    return timestamp(moment.timestamp())


def _record(made: Event) -> Record:
    fields = orjson.loads(made.write())
    subject = str(fields.get("message_id") or fields.get("ticket_id"))
    return to_record(made, identity=f"{made.TYPE}:{subject}", time=iso(datetime.now(UTC)), subject=subject)


async def send(producer: AIOKafkaProducer, events: Sequence[Sent]) -> None:
    """Send events, and wait until the broker has them."""
    sent = [
        await producer.send(topic, key=key, value=record.value, headers=list(record.headers))
        for topic, key, record in events
    ]
    await asyncio.gather(*sent)


async def produce(
    producer: AIOKafkaProducer, traffic: Traffic, *, first: int, per_second: float, until: Callable[[], bool]
) -> int:
    """Send the events of so many messages a second; returns how many messages there were."""
    chance, number, began = random.Random(0), first, time.perf_counter()
    while not until():
        due = first + int((time.perf_counter() - began) * per_second)
        await send(producer, [one for message in range(number, due) for one in traffic.of(message, chance)])
        number = max(number, due)
        await asyncio.sleep(TICK_S)
    return number - first
