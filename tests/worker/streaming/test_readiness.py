"""The answers of the probes, each in one sentence."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from triage_worker.kafka.client_compat.broker_errors import BrokerErrorLog
from triage_worker.streaming import readiness as readiness_module
from triage_worker.streaming.readiness import NOT_READY_AFTER_S, STUCK_AFTER_S, Readiness
from triage_worker.streaming.wiring import ServiceComponents

from tests.worker.streaming.fakes import FakeDelivery, FakeProcessor

NOW = 1_000.0


class FakeBrokerErrors:
    """A log of broker errors.

    Attributes:
        error: the latest one.
        asked_for_s: the period of the latest question.
    """

    def __init__(self) -> None:
        self.error: str | None = None
        self.asked_for_s = 0.0

    def within(self, seconds: float) -> str | None:
        self.asked_for_s = seconds
        return self.error


@dataclass
class FakeComponents:
    """Components of a service that is alive and ready."""

    consumer: Any = field(default_factory=lambda: SimpleNamespace(assigned=True, problem=None, polled_at=NOW))
    processor: FakeProcessor = field(default_factory=lambda: FakeProcessor([]))
    delivery: FakeDelivery = field(default_factory=lambda: FakeDelivery([], commits_offsets=False))
    lag: Any = field(default_factory=lambda: SimpleNamespace(silent_s=0.0))
    diagnosis: Any = field(default_factory=lambda: SimpleNamespace(problem=None))


class ReadinessHarness:
    """The probes of a service that is alive and ready."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.broker_errors = FakeBrokerErrors()
        self.readiness = Readiness(self.stop, cast("BrokerErrorLog", self.broker_errors))
        self.components = FakeComponents()
        self.readiness.components = cast("ServiceComponents", self.components)

    @property
    def not_ready(self) -> str | None:
        return self.readiness.not_ready()

    @property
    def not_alive(self) -> str | None:
        return self.readiness.not_alive()


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> ReadinessHarness:
    monkeypatch.setattr(readiness_module, "monotonic", lambda: NOW)
    return ReadinessHarness()


def test_a_service_without_problems_is_alive_and_ready(harness: ReadinessHarness) -> None:
    assert (harness.not_alive, harness.not_ready) == (None, None)


def test_before_its_components_exist_a_service_is_alive_and_not_ready(harness: ReadinessHarness) -> None:
    harness.readiness.components = None
    assert (harness.not_alive, harness.not_ready) == (None, "starting")


def test_a_service_that_stops_is_not_ready_whatever_else_is_wrong(harness: ReadinessHarness) -> None:
    harness.components.consumer.problem = "there is no topic in"
    harness.stop.set()
    assert harness.not_ready == "stopping"
    assert harness.not_alive is None


def test_without_partitions_a_service_is_not_ready(harness: ReadinessHarness) -> None:
    harness.components.consumer.assigned = False
    assert harness.not_ready == "no partitions assigned yet"
    harness.components.diagnosis.problem = "The broker b:9092 refused the login of triage"
    assert harness.not_ready == "no partitions assigned yet: The broker b:9092 refused the login of triage"
    harness.components.consumer.problem = "KafkaConnectionError('Unable to bootstrap')"
    assert str(harness.not_ready).endswith("bootstrap'): The broker b:9092 refused the login of triage")


@pytest.mark.parametrize("assigned", [False, True])
def test_a_problem_of_the_consumer_is_named(harness: ReadinessHarness, assigned: bool) -> None:
    harness.components.consumer.assigned = assigned
    harness.components.consumer.problem = "there is no topic in"
    assert harness.not_ready == "there is no topic in"


def test_a_processor_that_cannot_answer_is_named(harness: ReadinessHarness) -> None:
    harness.components.processor.problem = "the model fails on every message"
    assert harness.not_ready == "the model fails on every message"


def test_partitions_that_are_not_served_are_named(harness: ReadinessHarness) -> None:
    harness.components.delivery.shortage = "60 partitions need about 200 open files"
    assert harness.not_ready == "60 partitions need about 200 open files"


def test_outputs_may_wait_for_a_while(harness: ReadinessHarness) -> None:
    harness.components.delivery.waiting_s = NOT_READY_AFTER_S
    assert harness.not_ready is None


@pytest.mark.parametrize(
    ("problem", "broker_error", "reason"),
    [
        (None, None, ""),
        ("KafkaConnectionError('gone')", None, ": KafkaConnectionError('gone')"),
        (None, "NotEnoughReplicasError", ": NotEnoughReplicasError"),
        ("timed out", "NotEnoughReplicasError", ": timed out; NotEnoughReplicasError"),
    ],
)
def test_a_broker_that_takes_no_output_is_reported_with_the_reason(
    harness: ReadinessHarness, problem: str | None, broker_error: str | None, reason: str
) -> None:
    harness.components.delivery.waiting_s = 12.4
    harness.components.delivery.problem = problem
    harness.broker_errors.error = broker_error
    assert harness.not_ready == f"the broker has not taken an output for 12 s{reason}"
    assert harness.broker_errors.asked_for_s == 12.4, "only errors since the outputs wait explain it"


def test_a_broker_that_does_not_answer_is_reported(harness: ReadinessHarness) -> None:
    harness.components.lag.silent_s = NOT_READY_AFTER_S
    assert harness.not_ready is None
    harness.components.lag.silent_s = NOT_READY_AFTER_S + 1
    assert harness.not_ready == "the broker has not answered for 11 s"


def test_a_login_token_that_is_missing_is_the_reason(
    harness: ReadinessHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness_module, "login_problem", lambda: "The issuer is away.")
    assert harness.not_ready is None, "the connections may be open for long"
    harness.components.lag.silent_s = 12
    assert harness.not_ready == "the broker has not answered for 12 s: The issuer is away."
    harness.components.delivery.waiting_s = 12.4
    assert harness.not_ready == "the broker has not taken an output for 12 s: The issuer is away."


def test_a_consumer_that_does_not_poll_is_not_alive(harness: ReadinessHarness) -> None:
    harness.components.consumer.polled_at = NOW - STUCK_AFTER_S
    assert harness.not_alive is None
    harness.components.consumer.polled_at = NOW - STUCK_AFTER_S - 1
    assert harness.not_alive == "the consumer has not polled for 301 s"
    harness.components.consumer.assigned = False
    assert harness.not_alive is None, "a consumer without partitions may be waiting for its group or a broker"


def test_a_batch_or_call_that_does_not_end_is_not_alive(harness: ReadinessHarness) -> None:
    harness.components.processor.run_s = STUCK_AFTER_S
    assert harness.not_alive is None
    harness.components.processor.run_s = STUCK_AFTER_S + 1
    assert harness.not_alive == "a batch or call has been running for 301 s"


def test_a_service_without_an_answer_says_what_is_wrong_with_the_connection(harness: ReadinessHarness) -> None:
    harness.components.diagnosis.problem = "The broker b:9092 refused the login of triage"
    assert harness.not_ready is None
    harness.components.lag.silent_s = NOT_READY_AFTER_S + 1
    assert harness.not_ready == (
        f"the broker has not answered for {NOT_READY_AFTER_S + 1:.0f} s: The broker b:9092 refused the login of triage"
    )
