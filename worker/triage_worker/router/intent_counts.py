"""The records of the router's internal counts topic: the messages of an intent, to be counted by the surge service."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson


class CountedMessage(NamedTuple):
    """A message that has the intent.

    Attributes:
        offset: the offset that the message was read at.
        at: when it was classified, in seconds since the epoch.
        message_id: its id.
    """

    offset: int
    at: float
    message_id: str


class IntentCounts(NamedTuple):
    """Messages of one intent, from one partition of the router's input.

    Attributes:
        source: the topic and partition of the messages.
        messages: the messages, by rising offset.
    """

    source: str
    messages: Sequence[CountedMessage]

    @classmethod
    def load(cls, value: bytes) -> "IntentCounts":
        """Load what `dump` made.

        Raises:
            ValueError, TypeError, KeyError: the value was not made by `dump`.
        """
        fields: dict[str, Any] = orjson.loads(value)
        messages = [
            CountedMessage(offset, float(at), str(message_id)) for offset, at, message_id in fields["sightings"]
        ]
        return cls(fields["source"], messages)

    def dump(self) -> bytes:
        """Return the counts as JSON."""
        # During an upgrade, routers of both versions read these records, so the names of the fields stay.
        return orjson.dumps({"source": self.source, "sightings": [list(message) for message in self.messages]})
