"""Writes the held-out English messages, by channel, for measuring."""

from collections.abc import Callable
from pathlib import Path

from triage_models.data.corpus import COLUMNS, read_messages
from triage_models.data.held_out import CHANNELS_CSV, SETTLED_DIR
from triage_models.data.tables import write_table

POST = "post"


def channels() -> list[str]:
    """Return the channels of the held-out messages, the most frequent first.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    found = [row.channel for row in read_messages(CHANNELS_CSV)]
    return sorted(set(found), key=lambda channel: (-found.count(channel), channel))


def write_channel(output: Path, channel: str) -> Path:
    """Write the held-out messages of one channel as a CSV to evaluate on, and return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return _write(output, lambda other: other == channel)


def write_posts(output: Path) -> Path:
    """Write the held-out posts as a CSV to evaluate on, and return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return write_channel(output, POST)


def write_other_channels(output: Path) -> Path:
    """Write the held-out messages of all channels but posts as a CSV to evaluate on, and return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return _write(output, lambda channel: channel != POST)


def write_settled(output: Path) -> Path:
    """Write the held-out English messages that use an intent's words, half of which ask for nothing; return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return write_table(output, COLUMNS, (row[: len(COLUMNS)] for row in read_messages(SETTLED_DIR / "en.csv")))


def _write(output: Path, wanted: Callable[[str], bool]) -> Path:
    return write_table(
        output, COLUMNS, (row[: len(COLUMNS)] for row in read_messages(CHANNELS_CSV) if wanted(row.channel))
    )
