"""Describes rights that the broker refuses, for the person who can grant them."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

REFUSED = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)


def describe_error(error: BaseException, operation: str = "Read or Write") -> str:
    """Describe an error of aiokafka: the missing right if it is about one, else the error itself.

    Args:
        error: of aiokafka.
        operation: what was attempted on a topic.
    """
    if not isinstance(error, REFUSED):
        return repr(error)
    return f"the broker refuses this user {_right(error, operation)}: grant it, see docs/security.md"


def refusal(error: KafkaError, operation: str = "Read or Write") -> ConfigError:
    """Make the error that ends a service without a right that it needs; arguments as for `describe_error`."""
    sentence = describe_error(error, operation)
    return ConfigError(f"{sentence[0].upper()}{sentence[1:]}.")


@contextmanager
def required() -> Iterator[None]:
    """Turn a missing right into a `ConfigError` within this context."""
    try:
        yield
    except REFUSED as error:
        raise refusal(error) from error


def grant_command(
    settings: Settings,
    operation: str,
    *,
    topics: Sequence[str] = (),
    groups: Sequence[str] = (),
) -> str:
    """Return the command by which an administrator grants this user an operation.

    Args:
        settings: the brokers, and the user's name where it is one of a password.
        operation: such as "Write".
        topics: on which topics.
        groups: on which groups.
    """
    # The broker makes the names of other logins from a certificate or a token, by rules of its own.
    user = settings.sasl_username or "NAME"
    resources = [*(("--topic", name) for name in topics), *(("--group", name) for name in groups)]
    words = ["kafka-acls", "--bootstrap-server", settings.bootstrap_servers]
    if settings.security_protocol != "PLAINTEXT":
        words += ["--command-config", "admin.properties"]
    words += ["--add", "--allow-principal", f"User:{user}", "--operation", operation]
    words += [word for resource in resources for word in resource]
    return shlex.join(words)


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
