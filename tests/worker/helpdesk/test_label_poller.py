"""Agents teach: corrections at six stand-ins become labels, once each, over restarts and failures."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from aiokafka.errors import KafkaError
from triage_models.feedback.resolve import resolve_labels
from triage_schemas.events import LabelEvent
from triage_worker.cli.learn import answer
from triage_worker.config.settings import Settings
from triage_worker.helpdesk.label_poller import LabelPoller
from triage_worker.helpdesk.state_topic import StateTopic, TicketRecordsTopic
from triage_worker.routing.helpdesk_section import Teaching
from triage_worker.routing.routes import Routes

from tests.worker.helpdesk.desks import DESKS, connected, event, section
from tests.worker.helpdesk.standins.base import AGENT, StandIn
from tests.worker.helpdesk.test_thousand_updates import failing

each_desk = pytest.mark.parametrize("name", DESKS)
START = 1_800_000_000.0
LATER_S = 200.0


@dataclass
class Kafka:
    """The topics: what a transaction sends counts once it is committed.

    Attributes:
        labels: the labels topic.
        state: the newest value of each key on the state topic.
        failing: number of transactions that fail before the next one is committed.
    """

    labels: list[LabelEvent] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    state: dict[bytes, bytes] = field(default_factory=dict)
    failing: int = 0
    _open: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._open = []
        yield
        if self.failing:
            self.failing -= 1
            raise KafkaError
        for topic, sent in self._open:
            if topic == "customer.labels":
                self.labels.append(LabelEvent.read(sent["value"]))
                self.ids.append(dict(sent["headers"])["ce_id"].decode())
            else:
                self.state[sent["key"]] = sent["value"]

    async def send(self, topic: str, value: bytes, **sent: Any) -> "asyncio.Future[None]":
        self._open.append((topic, {"value": value, **sent}))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Teacher:
    """A helpdesk, its connector, and time, which passes when it is told to."""

    def __init__(self, name: str, server: StandIn, desk: Any, kafka: Kafka, teach: Teaching | None = None) -> None:
        self.server, self.kafka, self.name = server, kafka, name
        self.now = server.moment = START
        self._desk = desk
        self._routes = Routes(helpdesk=section(name, teach=teach))
        self.restart()

    def restart(self) -> None:
        """Start the connector anew: it knows what the topic has."""
        settings = Settings(helpdesk=self.name)
        self.state = StateTopic(settings)
        for key, value in self.kafka.state.items():
            self.state.apply(key, value)
        records = TicketRecordsTopic(self.state, self.name)
        self._desk.tickets._records = records
        self.poller = LabelPoller(
            settings, self._desk.system, self.state, self._routes, self._desk.metrics, lambda: True, lambda: self.now
        )

        async def put(key: str, value: bytes) -> None:
            self.kafka.state[key.encode()] = value
            self.state.apply(key.encode(), value)

        self.state.put = put  # type: ignore[method-assign]

    async def opened(self, of: int, **given: Any) -> None:
        """A customer's ticket with Triage's decision on it."""
        self.server.open(of)
        await self._desk.tickets.update(event(of=of, **given))

    def passes(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.server.moment = self.now

    async def look(self) -> None:
        await self.poller.look(cast("Any", self.kafka))

    async def settled(self) -> list[tuple[str, str]]:
        """Look, wait until changes have settled, look again, and return the labels by message."""
        await self.look()
        self.passes(LATER_S)
        await self.look()
        return [(label.message_id, label.label) for label in self.kafka.labels]

    def outcome(self, name: str) -> float | None:
        return cast(
            "float | None",
            self._desk.metrics.registry.get_sample_value("triage_helpdesk_labels_total", {"outcome": name}),
        )


@asynccontextmanager
async def teacher(
    name: str, monkeypatch: pytest.MonkeyPatch, faults: Any = (), teach: Teaching | None = None
) -> AsyncIterator[Teacher]:
    server = DESKS[name](faults)
    async with connected(server, name) as desk:
        made = Teacher(name, server, desk, Kafka(), teach)
        monkeypatch.setattr(f"triage_worker.helpdesk.adapters.{name}.time", lambda: made.now, raising=False)
        await made.look()
        made.passes()
        yield made


@each_desk
async def test_a_changed_intent_becomes_a_label_with_text_person_and_certainty(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        await shop.opened(8)
        shop.passes()
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        assert await shop.settled() == [("m-7", "RETURN_REQUEST")]
        (label,) = shop.kafka.labels
        assert (label.text, label.decided_by, label.confidence) == ("where is my parcel", "human", 1.0)
        named = name if name in ("freshdesk", "chatwoot") else f"{name}:{AGENT}"
        assert (label.labelled_by, label.helpdesk_ticket_id, label.channel) == (named, "7", "email")
        assert (label.source.topic, label.source.offset) == ("in", 7)
        assert shop.kafka.ids == ["triage.label.helpdesk.1:in:0:7"]
        assert await shop.settled() == [("m-7", "RETURN_REQUEST")], "once"


@each_desk
async def test_nothing_is_taught_twice_or_lost_over_restarts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        shop.passes()
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        shop.restart()
        await shop.look()
        shop.restart()
        shop.passes(LATER_S)
        shop.kafka.failing = 1
        with pytest.raises(KafkaError):
            await shop.look()
        shop.restart()
        await shop.look()
        shop.restart()
        assert await shop.settled() == [("m-7", "RETURN_REQUEST")]
        shop.server.by_person(7, "intent", "DAMAGED_ITEM")
        assert await shop.settled() == [("m-7", "RETURN_REQUEST"), ("m-7", "DAMAGED_ITEM")]
        assert len(set(shop.kafka.ids)) == 2


@each_desk
async def test_a_group_and_a_tag_teach_what_the_rules_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    teach = Teaching(groups={42: "BILLING_DISPUTE"}, tags={"spam": "OTHER"}, group_confidence=0.6)
    async with teacher(name, monkeypatch, teach=teach) as shop:
        await shop.opened(7)
        await shop.opened(8)
        await shop.opened(9)
        shop.passes()
        shop.server.by_person(7, "group", "42")
        shop.server.tag_by_person(8, add="spam")
        shop.server.by_person(9, "group", "43")
        assert sorted(await shop.settled()) == [("m-7", "BILLING_DISPUTE"), ("m-8", "OTHER")]
        assert {label.message_id: label.confidence for label in shop.kafka.labels} == {"m-7": 0.6, "m-8": 1.0}


@each_desk
async def test_what_triage_or_a_rule_of_the_helpdesk_writes_does_not_teach(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = {"zendesk": -1, "zammad": 1}.get(name)
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        await shop.opened(8)
        shop.passes()
        if rule is not None:
            shop.server.by_person(8, "intent", "RETURN_REQUEST", agent=rule)
        assert await shop.settled() == []
        assert shop.outcome("automatic") == (None if rule is None else 1)


@pytest.mark.parametrize("name", ["zendesk", "freshdesk", "intercom"])
async def test_a_reopened_ticket_does_not_teach(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        shop.server.desk[7].reopens = 1
        shop.passes()
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        assert await shop.settled() == []
        assert shop.outcome("reopened") == 1


@each_desk
async def test_a_ticket_that_was_seen_done_and_is_open_again_does_not_teach(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        shop.server.desk[7].solved = True
        await shop.look()
        shop.restart()
        shop.passes()
        shop.server.desk[7].solved = False
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        assert await shop.settled() == []


@pytest.mark.parametrize("name", ["zendesk", "gorgias", "zammad"])
async def test_a_merged_ticket_does_not_teach(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with teacher(name, monkeypatch) as shop:
        await shop.opened(7)
        shop.passes()
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        shop.server.desk[7].merged = True
        assert await shop.settled() == []


@each_desk
async def test_a_bulk_change_does_not_teach(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with teacher(name, monkeypatch) as shop:
        for number in range(7, 14):
            await shop.opened(number)
        shop.passes()
        for number in range(7, 13):
            shop.server.by_person(number, "intent", "OTHER")
        shop.server.by_person(13, "intent", "RETURN_REQUEST")
        assert await shop.settled() == [("m-13", "RETURN_REQUEST")]
        assert shop.outcome("bulk") == 6


@each_desk
async def test_lists_of_many_pages_are_read_to_their_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with teacher(name, monkeypatch) as shop:
        shop.server.page = 2
        if name in ("freshdesk", "zammad"):
            monkeypatch.setattr(f"triage_worker.helpdesk.adapters.{name}.PAGE", 2)
        for number in range(1, 10):
            await shop.opened(number)
        shop.passes()
        for number in range(1, 10):
            shop.server.by_person(number, "intent", f"LABEL_{number}")
            if number % 4 == 0:
                shop.passes()
        assert sorted(await shop.settled()) == [(f"m-{number}", f"LABEL_{number}") for number in range(1, 10)]


@each_desk
async def test_a_helpdesk_that_fails_a_third_of_the_time_loses_no_label(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = failing(random.Random(name))
    async with teacher(name, monkeypatch, faults) as shop:
        for number in range(1, 6):
            await shop.opened(number)
        shop.passes()
        for number in range(1, 6):
            shop.server.by_person(number, "intent", f"LABEL_{number}")
        assert sorted(await shop.settled()) == [(f"m-{number}", f"LABEL_{number}") for number in range(1, 6)]


async def test_contradictions_are_settled_as_in_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last label of a message counts; people who contradict each other about the same text teach nothing."""
    async with teacher("zendesk", monkeypatch) as shop:
        for number, text in ((1, "where is it"), (2, "send it back"), (3, "send it back"), (4, "broken")):
            await shop.opened(number)
            shop.server.desk[number].text = text
        shop.passes()
        shop.server.by_person(1, "intent", "RETURN_REQUEST")
        shop.server.by_person(2, "intent", "RETURN_REQUEST")
        shop.server.by_person(3, "intent", "DAMAGED_ITEM")
        shop.server.by_person(4, "intent", "RETURN_REQUEST")
        await shop.settled()
        shop.server.by_person(4, "intent", "DAMAGED_ITEM")
        await shop.settled()
    known = ["WISMO", "RETURN_REQUEST", "DAMAGED_ITEM"]
    resolved = resolve_labels([answer(label) for label in shop.kafka.labels], known, "out_of_scope")
    learned = {one.text: one.label for one in (*resolved.human, *resolved.held_out)}
    assert learned == {"where is it": "RETURN_REQUEST", "broken": "DAMAGED_ITEM"}
    assert resolved.left_out == {"contradict one another about the same text": 2}


async def test_personal_data_is_replaced_where_labels_are_to_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_REDACT_IN", "labels")
    monkeypatch.setenv("TRIAGE_HELPDESK", "zendesk")
    async with teacher("zendesk", monkeypatch) as shop:
        await shop.opened(7)
        shop.server.desk[7].text = "mail me at jane@shop.example"
        shop.passes()
        shop.server.by_person(7, "intent", "RETURN_REQUEST")
        await shop.settled()
        assert "jane" not in shop.kafka.labels[0].text
