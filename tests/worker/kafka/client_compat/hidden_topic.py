"""Answers of a scripted broker to a user who may not see its topic."""

from typing import Any

from aiokafka.errors import TopicAuthorizationFailedError

from tests.worker.kafka.client_compat.scripted_broker import NODE, TOPIC, USUAL, Answer, ScriptedBroker

REFUSED = TopicAuthorizationFailedError.errno


def hidden(_: Any) -> tuple[Any, ...]:
    """The metadata hide the topic."""
    return 0, "cluster", NODE, [(REFUSED, TOPIC, False, [])]


def refused_positions(request: Any) -> tuple[Any, ...]:
    """The broker refuses to list offsets."""
    return 0, [(topic, [(number, REFUSED, -1, -1) for number, _ in parts]) for topic, parts in request.topics]


def refused_offsets(request: Any) -> tuple[Any, ...]:
    """The coordinator refuses to return committed offsets."""
    return 0, [(topic, [(number, -1, "", REFUSED) for number in numbers]) for topic, numbers in request.topics], 0


ANSWERS: dict[str, Answer] = {
    "MetadataRequest": hidden,
    "OffsetRequest": refused_positions,
    "OffsetFetchRequest": refused_offsets,
}
"""The requests of a consumer that need the right to see a topic, besides fetches."""


def revoke(broker: ScriptedBroker, found_by: str) -> None:
    """Take the right to see the topic away so that one kind of request finds it first: then metadata do, too."""

    def answer(request: Any) -> Any:
        broker.script["MetadataRequest"] = hidden
        return ANSWERS[found_by](request)

    broker.script[found_by] = answer


def grant(broker: ScriptedBroker) -> None:
    """Give the right back."""
    broker.script |= {name: USUAL[name] for name in ANSWERS}
