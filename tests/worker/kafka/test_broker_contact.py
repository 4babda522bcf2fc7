"""Whether a broker answers, and the cause if none does."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka import broker_contact
from triage_worker.kafka.broker_contact import SILENT_AFTER_S, BrokerContact, SilenceDiagnosis
from triage_worker.kafka.connection import UnansweredError

from tests.kafka.processes import eventually

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
        monkeypatch.setattr(broker_contact, "check_connection", self._check)
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

    monkeypatch.setattr(broker_contact, "check_connection", hang)
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
    once = ["No broker answers: a:9092 refused", "No broker answers: b:9092 refused"]
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


async def test_a_client_that_gets_no_metadata_has_a_problem(
    connection: FakeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = []

    async def force_metadata_update() -> bool:
        answer = answers[-1]
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    client = SimpleNamespace(client=SimpleNamespace(force_metadata_update=force_metadata_update))
    monkeypatch.setattr(broker_contact, "SILENT_AFTER_S", 0.2)
    contact = BrokerContact(Settings(), cast("AIOKafkaProducer", client))
    answers.append(True)
    running = asyncio.create_task(contact.run())

    async def silent() -> bool:
        return contact.problem is not None and contact.problem.endswith(REFUSED)

    async def answered() -> bool:
        return contact.problem is None

    await eventually(answered, 5)
    for failure in (False, KafkaError("gone")):
        answers.append(failure)
        await eventually(silent, 5, lambda: str(contact.problem))
        answers.append(True)
        await eventually(answered, 5)
    running.cancel()
