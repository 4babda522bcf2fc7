"""Whether a broker answers, and the cause if none does."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import broker_contact
from triage_worker.kafka.broker_contact import SILENT_AFTER_S, BrokerContact, SilenceDiagnosis
from triage_worker.kafka.connection import UnansweredError

from tests.kafka.processes import eventually
from tests.worker.kafka.client_compat.scripted_broker import USUAL, ScriptedBroker, never, scripted_broker

REFUSED = "The broker b:9092 refused the login of triage: check TRIAGE_SASL_PASSWORD"


class FakeConnection:
    """A connection that is refused while ``refused`` is set.

    Attributes:
        tried: how often it was tried.
        causes: of the refusals, in turn.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refused, self.tried = True, 0
        self.causes: tuple[str, ...] = (REFUSED,)
        monkeypatch.setattr(broker_contact, "check_each", self._check)
        monkeypatch.setattr(broker_contact, "CHECK_S", 0.001)
        monkeypatch.setattr(broker_contact, "ASK_S", 0.001)

    async def _check(self, settings: Settings) -> None:
        self.tried += 1
        if self.refused:
            raise ConfigError(f"{self.causes[self.tried % len(self.causes)]}.")


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    return FakeConnection(monkeypatch)


async def test_the_cause_is_looked_for_while_no_broker_answers_and_forgotten_afterwards(
    connection: FakeConnection,
) -> None:
    silent_s = 0.0
    diagnosis = SilenceDiagnosis(Settings(), lambda: silent_s)

    async def says(problem: str | None) -> None:
        async def same() -> bool:
            return diagnosis.problem == problem

        await eventually(same, 5)

    running = asyncio.create_task(diagnosis.run())
    await asyncio.sleep(0.02)
    assert (diagnosis.problem, connection.tried) == (None, 0)
    silent_s = SILENT_AFTER_S + 1
    await says(REFUSED)
    connection.refused = False
    await says(None)
    connection.refused = True
    await says(REFUSED)
    silent_s = 0.0
    await says(None)
    running.cancel()


async def test_a_broker_that_hangs_is_not_taken_for_a_wrong_protocol(
    connection: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(settings: Settings) -> None:
        raise UnansweredError("set TRIAGE_SECURITY_PROTOCOL")

    monkeypatch.setattr(broker_contact, "check_each", hang)
    diagnosis = SilenceDiagnosis(Settings(), lambda: SILENT_AFTER_S + 1)
    running = asyncio.create_task(diagnosis.run())

    async def said() -> bool:
        return diagnosis.problem is not None

    await eventually(said, 5)
    running.cancel()
    assert diagnosis.problem == "a broker accepts connections and answers nothing: it hangs, or is too busy"


async def test_each_cause_is_logged_once_in_a_silence(
    connection: FakeConnection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.causes = ("a:9092 refused", "b:9092 refused")
    silent_s = SILENT_AFTER_S + 1
    diagnosis = SilenceDiagnosis(Settings(), lambda: silent_s)
    running = asyncio.create_task(diagnosis.run())

    async def forgotten() -> bool:
        return diagnosis.problem is None

    async def tried_often() -> bool:
        return connection.tried >= 10

    def logged() -> list[str]:
        return sorted(record.getMessage() for record in caplog.records if record.levelno == logging.ERROR)

    await eventually(tried_often, 5)
    once = [f"Kafka does not answer as it should: {host}:9092 refused" for host in "ab"]
    assert logged() == once

    silent_s = 0.0
    await eventually(forgotten, 5)
    silent_s, connection.tried = SILENT_AFTER_S + 1, 0
    await eventually(tried_often, 5)
    running.cancel()
    assert logged() == sorted([*once, *once])


async def test_a_token_is_not_tried_again(connection: FakeConnection) -> None:
    settings = Settings(
        security_protocol="SASL_SSL",
        sasl_mechanism="OAUTHBEARER",
        oauth_token_url="https://issuer.example.com/token",
        oauth_client_id="triage",
        oauth_client_secret="hush",
    )
    running = asyncio.create_task(SilenceDiagnosis(settings, lambda: SILENT_AFTER_S + 1).run())
    await asyncio.sleep(0.02)
    running.cancel()
    assert connection.tried == 0


@asynccontextmanager
async def contact_with(*brokers: ScriptedBroker, silent_s: float = SILENT_AFTER_S) -> AsyncIterator[BrokerContact]:
    """Ask brokers, by the first of which the client knows the others."""
    for broker in brokers:
        broker.others = [other for other in brokers if other is not broker]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker_contact, "SILENT_AFTER_S", silent_s)
        contact = BrokerContact(Settings(bootstrap_servers=brokers[0].address))
        running = asyncio.create_task(contact.run())
        try:
            yield contact
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await asyncio.sleep(0.05)  # the connections close


async def becomes(contact: BrokerContact, problem: str | None) -> None:
    """Wait until there is a problem with these last words, or none."""

    async def said() -> bool:
        return contact.problem is None if problem is None else str(contact.problem).endswith(problem)

    await eventually(said, 5, lambda: str(contact.problem))


@pytest.mark.usefixtures("connection")
async def test_without_an_answer_there_is_a_problem_until_a_broker_answers() -> None:
    async with scripted_broker() as broker, contact_with(broker, silent_s=0.2) as contact:
        await becomes(contact, None)
        broker.named = False  # it answers, but it is cut off from the cluster
        await becomes(contact, REFUSED)
        broker.named = True
        await becomes(contact, None)
        await broker.hang_up()
        await becomes(contact, REFUSED)
        await broker.start(broker.port)
        await becomes(contact, None)


@pytest.mark.usefixtures("connection")
@pytest.mark.parametrize("request_name", ["ApiVersionRequest", "MetadataRequest"])
@pytest.mark.parametrize("cut_off", [0, 1])
async def test_one_broker_that_hangs_does_not_hide_the_answers_of_another(request_name: str, cut_off: int) -> None:
    async with (
        scripted_broker() as first,
        scripted_broker() as second,
        contact_with(first, second, silent_s=0.3) as contact,
    ):
        await first.wait_for_requests("MetadataRequest", 3)
        await second.wait_for_requests("MetadataRequest", 3)
        broker, other = (first, second) if cut_off == 0 else (second, first)
        broker.script[request_name] = never
        await broker.disconnect()
        asked = len(other.asked("MetadataRequest"))
        for _ in range(60):
            await asyncio.sleep(0.01)
            assert contact.problem is None
        assert len(other.asked("MetadataRequest")) > asked + 10


@pytest.mark.usefixtures("connection")
async def test_a_broker_that_hung_is_asked_again_over_another_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_contact, "ANSWER_S", 0.05)
    async with scripted_broker(MetadataRequest=never) as broker, contact_with(broker, silent_s=0.1) as contact:
        await broker.wait_for_requests("ApiVersionRequest", 3)
        await becomes(contact, REFUSED)
        broker.script |= {"MetadataRequest": USUAL["MetadataRequest"]}
        await becomes(contact, None)


@pytest.mark.usefixtures("connection")
async def test_brokers_that_are_added_are_asked_and_those_that_left_are_not() -> None:
    async with scripted_broker() as first, scripted_broker() as second, contact_with(first, second) as contact:
        await second.wait_for_requests("MetadataRequest")
        first.others, second.others = [], []
        second.named = False
        await becomes(contact, None)
        await first.wait_for_requests("MetadataRequest", len(first.asked("MetadataRequest")) + 3)
        asked = len(second.asked("MetadataRequest"))
        await first.wait_for_requests("MetadataRequest", len(first.asked("MetadataRequest")) + 3)
        assert len(second.asked("MetadataRequest")) == asked
