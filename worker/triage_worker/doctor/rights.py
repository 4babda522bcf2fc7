"""Whether the worker could start as the user of these settings: what it may write, join and create. Changes nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka.errors import KafkaError

from triage_worker.config.input_topics import named_topics
from triage_worker.config.settings import Settings
from triage_worker.doctor.checks import WORKER, Check, listed
from triage_worker.kafka.authorization import grant_command
from triage_worker.kafka.client_compat.authorized_operations import (
    Operations,
    group_operations,
    may_create,
    topic_operations,
)
from triage_worker.kafka.clients import bare_admin_client
from triage_worker.kafka.topic_plan import required_operations


@dataclass(frozen=True, slots=True)
class Rights:
    """What the user of these settings may do; None where the broker does not tell.

    Attributes:
        topics: with each topic that exists or is hidden.
        group: with the worker's group.
        creates: whether it may create each topic that does not exist.
    """

    topics: Mapping[str, Operations] | None
    group: Operations | None = None
    creates: Mapping[str, bool] = field(default_factory=dict)


def needed_topics(settings: Settings) -> dict[str, Operations]:
    """Return the operations that the worker needs on each of its topics."""
    audit = {"review_topic": "Write"} if settings.audit_share > 0 else {}
    return {
        topic: frozenset(operations.split(" and "))
        for name, operations in (required_operations(WORKER) | audit).items()
        for topic in named_topics(settings, name)
    }


async def look_up_rights(settings: Settings, missing: Collection[str]) -> Rights | None:
    """Ask the broker for the rights of this user; None if it failed.

    Args:
        settings: the cluster, the login, and what topics and group are called.
        missing: topics of the worker that do not exist.
    """
    try:
        async with bare_admin_client(settings) as admin:
            topics = await topic_operations(admin, list(needed_topics(settings)))
            if topics is None:  # then nobody knows what else the broker makes of a question
                return Rights(None)
            group = await group_operations(admin, settings.group(WORKER))
            return Rights(topics, group, await may_create(admin, missing) if missing else {})
    except (KafkaError, TimeoutError):
        return None


def check_rights(rights: Rights | None, settings: Settings) -> Iterator[Check]:
    """Say what this user may not do that the worker does, with the commands that grant it."""
    if rights is None or rights.topics is None:
        yield Check("advice", "the broker does not say what this user may write: the worker's start says what it lacks")
        return
    problems = [*_topics(rights, settings), *_creation(rights, settings), *_group(rights, settings)]
    yield from problems
    if not problems:
        needed, group = needed_topics(settings), settings.group(WORKER)
        allowed = {
            "write": [topic for topic in rights.topics if "Write" in needed[topic]],
            "create": list(rights.creates),
            "join the group": [] if rights.group is None else [group],
        }
        yield Check("ok", f"this user may {'; '.join(f'{verb} {listed(on)}' for verb, on in allowed.items() if on)}")


def _topics(rights: Rights, settings: Settings) -> Iterator[Check]:
    needed, allowed = needed_topics(settings), rights.topics or {}
    for operation in ("Read", "Write"):
        lacking = [topic for topic, found in allowed.items() if operation in needed[topic] - found]
        if lacking:
            yield _advice(f"{operation.lower()} {listed(lacking)}", settings, operation, topics=lacking)


def _creation(rights: Rights, settings: Settings) -> Iterator[Check]:
    refused = [topic for topic, allowed in rights.creates.items() if not allowed]
    if refused:
        yield Check(
            "advice",
            f"this user may not create {listed(refused)}: let an administrator run `triage topics create`, or grant it",
            grant_command(settings, "Create", topics=refused),
        )


def _group(rights: Rights, settings: Settings) -> Iterator[Check]:
    group = settings.group(WORKER)
    if rights.group is not None and "Read" not in rights.group:
        yield _advice(f"join the group {group}", settings, "Read", groups=[group])


def _advice(what: str, settings: Settings, operation: str, **resources: Sequence[str]) -> Check:
    message = f"this user may not {what}: grant it, if the worker logs in as this user"
    return Check("advice", message, grant_command(settings, operation, **resources))
