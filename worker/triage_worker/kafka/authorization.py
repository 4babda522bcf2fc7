"""Rights that the broker says are missing, in words for whoever can give them."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from triage_worker.config.errors import ConfigError

REFUSED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


def told(error: BaseException, operation: str = "Read or Write") -> str:
    """What an error of the client means: the missing right, if it is about one.

    Args:
        error: of aiokafka.
        operation: what was attempted on a topic.
    """
    if not isinstance(error, REFUSED):
        return repr(error)
    return f"the broker refuses this user {_right(error, operation)}: grant it, see docs/security.md"


def refusal(error: KafkaError, operation: str = "Read or Write") -> ConfigError:
    """The end of a service that lacks a right from the start; arguments as for `told`."""
    sentence = told(error, operation)
    return ConfigError(f"{sentence[0].upper()}{sentence[1:]}.")


@contextmanager
def required() -> Iterator[None]:
    """Within this, a missing right is a `ConfigError`."""
    try:
        yield
    except REFUSED as error:
        raise refusal(error) from error


def _right(error: KafkaError, operation: str) -> str:
    named = error.args[0] if error.args else "?"
    name = named if isinstance(named, str) else ", ".join(sorted(named))
    match error:
        case GroupAuthorizationFailedError():
            return f"Read on the group {name}"
        case TransactionalIdAuthorizationFailed():
            return f"Write on the transactional id {name}"
        case ClusterAuthorizationFailedError():
            return "Write on every topic that it could publish to"
        case _:
            return f"{operation} on the topic {name}"
