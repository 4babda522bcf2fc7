"""Hands out messages of the review, so that two people never answer one, and publishes their answers.

A claim is an act on the topic of acts. The acts about a message are in one partition, so that all consoles see the same
first claim. A person gets a message only once their own claim has come back as the first one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.structs import ConsumerRecord, TopicPartition
from triage_schemas.events import ReviewEvent
from triage_schemas.messages.message import Scalar

from triage_worker.config.settings import Settings
from triage_worker.console.queries import review as queries
from triage_worker.console.queries.review import Item
from triage_worker.console.shared.acts import Acts, NotPublishedError
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.state.database import Database
from triage_worker.console.state.reader import StateReader
from triage_worker.kafka.records import OutgoingRecord
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.review_outputs import Earlier, OutputBuilder
from triage_worker.streaming.review_verdicts import Labelled, NoneOfThese, Verdict
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

SEEN_S = 8.0
"""How long a claim may take to come back."""

TRIES = 8
REMEMBERED_S = 30.0
SECOND_READS = 0.2
"""Of the messages that somebody is given while others wait, those that another person has answered before."""


class TakenError(Exception):
    """A message is somebody else's, or is answered; says so in a sentence."""


@dataclass(frozen=True)
class Answered:
    """What came of an answer: the label, and what is to be said about it."""

    label: str
    says: str


class ReviewQueue:
    """The review queue of one console.

    Args:
        settings: share of second readers, length of claims.
        database: the state.
        people: the reader of requests, labels and acts.
        acts: publishes.
        outputs: makes the events of answers, as `triage review` does.
    """

    def __init__(
        self, settings: Settings, database: Database, people: StateReader, acts: Acts, outputs: OutputBuilder
    ) -> None:
        self._settings = settings
        self._database = database
        self._people = people
        self._acts = acts
        self._outputs = outputs
        self._busy: dict[str, float] = {}

    @property
    def out_of_scope_label(self) -> str:
        """The label of messages that have none of the intents."""
        return self._outputs.out_of_scope_label

    async def next(self, person: Person, *, skipped: bool = False) -> str | None:
        """Claim the next message for somebody; None if there is none.

        Args:
            person: who wants one.
            skipped: also give what they have skipped.

        Raises:
            NotPublishedError: no broker takes the claim, or it does not come back.
        """
        now = self._now_ms()
        excluded = self._excluded()
        own = await self._database.read(lambda state: queries.held_by(state, person.name, now, excluded))
        if own is not None:
            return own
        for attempt in range(TRIES):
            key = await self._candidate(person, now, skipped=skipped, spread=attempt > 0)
            if key is None:
                return None
            self._busy[key] = self._acts.now() + SEEN_S
            try:
                if await self.claim(person, key):
                    return key
            finally:
                self._busy.pop(key, None)
        return None

    async def claim(self, person: Person, key: str) -> bool:
        """Claim a message; returns whether it is this person's now.

        Raises:
            NotPublishedError: no broker takes the claim, or it does not come back.
        """
        until = self._now_ms() + round(1000 * self._settings.console_claim_s)
        act_id = await self._acts.publish(person, "claim", key, {"until": until})
        if not await self._people.wait_for(lambda state: queries.has_act(state, act_id), SEEN_S):
            raise NotPublishedError
        return await self._database.read(lambda state: queries.holder(state, key)) == person.name

    async def answer(self, person: Person, key: str, label: str | None) -> Answered:
        """Publish an answer.

        Args:
            person: who answers.
            key: of the message.
            label: an intent; None for none of them.

        Raises:
            TakenError: it is somebody else's, or answered.
            NotPublishedError: no broker takes it.
        """
        item = await self.held(person, key)
        if label is not None and label not in item.labels:
            raise TakenError("This is no intent of the bundle that asked.")
        chosen = self._outputs.out_of_scope_label if label is None else label
        if item.is_open:
            verdict: Verdict = NoneOfThese() if label is None else Labelled(label)
            records, details = self._answer(item, verdict), self._details(item, chosen, verdict)
            _, act = self._acts.record(person, "answer", key, details)
            await self._acts.send([*records, act])
            says = _compared(item, chosen) if item.audit else ""
        else:
            same = chosen == item.label
            _, act = self._acts.record(person, "second_answer", key, {"label": chosen, "agrees": same})
            await self._acts.send([act])
            says = (
                f"You are the second reader, and {'agree with the first' if same else f'the first said {item.label}'}."
            )
        self._remember(key)
        return Answered(chosen, says)

    async def skip(self, person: Person, key: str) -> None:
        """Give a message back; this person is not given it again unless they ask.

        Raises:
            NotPublishedError: no broker takes it.
        """
        await self._acts.publish(person, "skip", key)
        self._remember(key)

    async def undo(self, person: Person, key: str) -> None:
        """Take an answer back, and give the message to this person again.

        Raises:
            TakenError: it is not theirs to take back.
            NotPublishedError: no broker takes it.
        """
        item = await self._database.read(lambda state: queries.item(state, key))
        if item is None or item.first_reader != person.name or item.is_open:
            raise TakenError("This answer cannot be taken back any more.")
        if item.audit:
            raise TakenError("This was an audit, whose first answer counts: it cannot be taken back.")
        act_id = await self._acts.publish(person, "undo", key, {"label": item.label or ""})
        self._busy.pop(key, None)
        if not await self._people.wait_for(lambda state: queries.has_act(state, act_id), SEEN_S):
            raise NotPublishedError
        if not await self.claim(person, key):
            raise TakenError("The answer is taken back, and somebody else has the message now.")

    async def settle(self, person: Person, key: str, label: str) -> None:
        """Decide a message about which two readers disagree.

        Raises:
            TakenError: there is nothing to settle.
            NotPublishedError: no broker takes it.
        """
        item = await self._database.read(lambda state: queries.item(state, key))
        if item is None or item.is_open or item.second_reader is None:
            raise TakenError("There is nothing to settle about this message.")
        if label not in item.labels and label != self._outputs.out_of_scope_label:
            raise TakenError("This is no intent of the bundle that asked.")
        verdict = Labelled(label) if label in item.labels else NoneOfThese()
        _, act = self._acts.record(person, "settle", key, self._details(item, label, verdict))
        await self._acts.send([*self._answer(item, verdict), act])

    async def held(self, person: Person, key: str) -> Item:
        """Return a message that is this person's to answer.

        Raises:
            TakenError: it is not.
        """
        item = await self._database.read(lambda state: queries.item(state, key))
        if item is None:
            raise TakenError("This message is no longer kept here.")
        if not item.is_open and (item.first_reader in {None, person.name} or item.second_reader is not None):
            raise TakenError("This message is answered.")
        if await self._database.read(lambda state: queries.holder(state, key)) != person.name:
            raise TakenError("Somebody else has this message now.")
        return item

    async def _candidate(self, person: Person, now: int, *, skipped: bool, spread: bool) -> str | None:
        """Return a message to claim; after a lost claim any of the oldest, lest two consoles go on to the same one."""
        excluded, share = self._excluded(), self._settings.console_second_share

        async def second() -> str | None:
            if not share:
                return None
            return await self._database.read(
                lambda state: queries.next_second(state, person.name, now, excluded, share)
            )

        if random.random() < SECOND_READS and (key := await second()) is not None:
            return key
        keys = await self._database.read(
            lambda state: queries.next_open(state, person.name, now, excluded, skipped=skipped)
        )
        if keys:
            return random.choice(keys) if spread else keys[0]
        return await second()

    def _answer(self, item: Item, verdict: Verdict) -> list[OutgoingRecord]:
        event = ReviewEvent.model_validate({**item.fields, "labels": item.labels}, strict=False, extra="ignore")
        place = TopicPartition(self._settings.review_topic, 0)
        record: Any = ConsumerRecord(
            *place, 0, item.arrived, 0, item.record_key, None, None, 0, 0, headers=tuple(item.trace)
        )
        pending = PendingEvent(PartitionTracker[Output](place), record, event)
        earlier = Earlier(item.published, item.answers) if item.answers and not item.audit else None
        output = self._outputs.build(pending, verdict, earlier)
        assert output.topic is not None
        records = [OutgoingRecord(output.topic, output.key, output.value, output.headers)]
        if output.companion is not None:
            other = output.companion
            records.append(OutgoingRecord(other.topic, other.key, other.value, other.headers))
        return records

    def _details(self, item: Item, chosen: str, verdict: Verdict) -> dict[str, Scalar]:
        details: dict[str, Scalar] = {"label": chosen}
        if item.audit:
            details["audit"] = True
            details["agrees"] = chosen == item.fields.get("intent")
        elif isinstance(verdict, Labelled):
            details["published"] = chosen
        return details

    def _remember(self, key: str) -> None:
        """Do not give a message again before the state knows what was done."""
        self._busy[key] = self._acts.now() + REMEMBERED_S

    def _excluded(self) -> Sequence[str]:
        now = self._acts.now()
        for key in [key for key, until in self._busy.items() if until <= now]:
            del self._busy[key]
        return tuple(self._busy)

    def _now_ms(self) -> int:
        return int(self._acts.now() * 1000)


def _compared(item: Item, chosen: str) -> str:
    intent, confidence = item.fields.get("intent"), item.fields.get("confidence", 0.0)
    if chosen == intent:
        return f"This was an audit, and the model agrees ({confidence:.2f})."
    return f"This was an audit, and the model said {intent} ({confidence:.2f})."
