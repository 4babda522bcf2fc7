"""Draws a pool of messages from a file or a topic, at random and in constant memory, for commands about labelling."""

import asyncio
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from triage_models.data.labelled import TEXT
from triage_models.labelling.reservoir import Reservoir
from triage_models.labelling.sampling import Message
from triage_models.serving.texts import encodable, has_text, is_null
from triage_schemas.messages.message import CustomerMessage

from triage_worker.cli.input_rows import open_input
from triage_worker.cli.moments import parse_moment
from triage_worker.cli.row_batches import rows_of
from triage_worker.cli.row_progress import row_progress
from triage_worker.cli.settings_flags import CONNECTION, REGISTRY
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings

LAST = 100_000
"""Records that are read of a topic unless a flag says otherwise."""

MESSAGES = (
    *CONNECTION,
    *REGISTRY,
    "input_format",
    "text_field",
    "subject_field",
    "conversation_field",
    "text_placeholders",
    "skip_unchanged",
)
"""The settings by which a topic is read."""

# The flags of the commands that draw messages, which `Origin` takes.
Source = Annotated[str | None, typer.Option("--input", help="A .csv, .jsonl, .parquet or .txt file with messages")]
Topic = Annotated[str | None, typer.Option(help="Topic with messages, instead of --input")]
Last = Annotated[
    int | None, typer.Option(min=1, help="With --topic: read about so many of the last records (default: 100000)")
]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="With --topic: read from a time on, such as 2026-03-01T09:00Z")
]
TextColumn = Annotated[str, typer.Option(help="Column or field of the file with the text")]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where messages come from: a file or a topic, and what of it."""

    source: str | None
    topic: str | None
    text_column: str = "text"
    last: int | None = None
    since: str | None = None

    def check(self) -> None:
        """Raise `TriageError` unless exactly one origin is given, with flags that belong to it."""
        if (self.source is None) == (self.topic is None):
            raise TriageError("Give the messages by one of --input FILE and --topic TOPIC.")
        if self.topic is None and (self.last is not None or self.since is not None):
            raise TriageError("--last and --since are about a topic: give --topic, or leave them out.")
        if self.source is None and self.text_column != TEXT:
            raise TriageError("--text-column is about a file: for a topic, set --text-field, or leave it out.")
        if self.last is not None and self.since is not None:
            raise TriageError("--last and --since say both where to begin: give one of them.")
        parse_moment(self.since)


@dataclass(frozen=True, slots=True)
class Pool:
    """Messages drawn at random.

    Attributes:
        messages: in random order.
        seen: how many messages they were drawn from.
        without_text: rows or records that are no message.
    """

    messages: list[Message]
    seen: int
    without_text: int


def draw_pool(settings: Settings, origin: Origin, size: int, seed: int, console: Console) -> Pool:
    """Read all messages of an origin and draw some of them.

    Args:
        settings: the cluster, and the format of the messages on a topic.
        origin: where they come from.
        size: how many to draw, at most.
        seed: seed of the draw.
        console: where the progress is shown.

    Raises:
        TriageError, DataError: the origin cannot be read, or has no message.
    """
    reservoir = Reservoir[Message](size, seed)
    if origin.topic is None:
        without_text = _read_file(origin, reservoir, console)
    else:
        without_text = _read_topic(settings, origin, origin.topic, reservoir, console)
    if not reservoir.seen:
        raise TriageError(f"{origin.source or origin.topic} has no message with text: is the right column read?")
    return Pool(reservoir.shuffled(), reservoir.seen, without_text)


def _read_file(origin: Origin, reservoir: Reservoir[Message], console: Console) -> int:
    without_text = number = 0
    opened = open_input(str(origin.source), origin.text_column, strict=False)
    with row_progress(console, opened.row_count) as advance, closing(opened.batches):
        for batch in opened.batches:
            for row in rows_of(batch):
                number += 1
                text = row.get(opened.text_column)
                if has_text(text):
                    given = row.get("message_id")
                    message_id = str(number if is_null(given) or given == "" else given)
                    reservoir.add(Message(encodable(text).strip(), message_id))
                else:
                    without_text += 1
            advance(len(batch))
    return without_text


def _read_topic(settings: Settings, origin: Origin, topic: str, reservoir: Reservoir[Message], console: Console) -> int:
    from triage_worker.cli.topic_messages import Period, read_messages  # noqa: PLC0415 (keeps `triage --help` fast)

    def add(message: CustomerMessage) -> None:
        reservoir.add(Message(encodable(message.text).strip(), message.message_id))

    period = Period(origin.last or LAST, parse_moment(origin.since))
    with row_progress(console, None if period.since else period.last) as advance:
        return asyncio.run(read_messages(settings, topic, period, add, advance))
