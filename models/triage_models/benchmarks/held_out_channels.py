"""Splits the held-out messages for measuring: posts on social media, and all other channels."""

from collections.abc import Callable
from pathlib import Path

from triage_models.data.corpus import COLUMNS, read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.data.tables import write_table

POST = "post"


def write_posts(output: Path) -> Path:
    """Write the held-out posts as a CSV to evaluate on, and return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return _write(output, lambda channel: channel == POST)


def write_other_channels(output: Path) -> Path:
    """Write the held-out messages of all channels but posts as a CSV to evaluate on, and return its path.

    Raises:
        DataError: The held-out messages are not there, as in a wheel.
    """
    return _write(output, lambda channel: channel != POST)


def _write(output: Path, wanted: Callable[[str], bool]) -> Path:
    return write_table(output, COLUMNS, (row for row in read_messages(CHANNELS_CSV) if wanted(row.channel)))
