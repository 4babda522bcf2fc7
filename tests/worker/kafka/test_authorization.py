"""Rights that the broker refuses are named in a sentence."""

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from triage_worker.config.errors import ConfigError
from triage_worker.kafka.authorization import describe_error, refusal, required

RIGHTS = [
    (GroupAuthorizationFailedError("triage-worker"), "Write", "Read on the group triage-worker"),
    (TransactionalIdAuthorizationFailed("triage-1"), "Write", "Write on the transactional id triage-1"),
    (ClusterAuthorizationFailedError(), "Read", "Write on every topic that it could publish to"),
    (TopicAuthorizationFailedError("in"), "Read", "Read on the topic in"),
    (TopicAuthorizationFailedError({"b", "a"}), "Write", "Write on the topic a, b"),
    (TopicAuthorizationFailedError(), "Write", "Write on the topic ?"),
]


@pytest.mark.parametrize(("error", "operation", "right"), RIGHTS)
def test_a_missing_right_is_named(error: KafkaError, operation: str, right: str) -> None:
    sentence = f"the broker refuses this user {right}: grant it, see docs/security.md"
    assert describe_error(error, operation) == sentence
    assert str(refusal(error, operation)) == f"T{sentence[1:]}."


def test_without_an_operation_both_are_named() -> None:
    assert "Read or Write on the topic in" in describe_error(TopicAuthorizationFailedError("in"))


def test_other_errors_are_described_as_they_are() -> None:
    assert describe_error(KafkaConnectionError("gone")) == "KafkaConnectionError('gone')"


@pytest.mark.parametrize("error", [error for error, _, _ in RIGHTS])
def test_a_required_right_is_a_configuration_error(error: KafkaError) -> None:
    with pytest.raises(ConfigError, match="grant it"), required():
        raise error


def test_other_errors_of_a_required_step_are_raised_as_they_are() -> None:
    with pytest.raises(KafkaConnectionError), required():
        raise KafkaConnectionError("gone")
