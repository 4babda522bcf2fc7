"""Runs a command whose consumers ask for metadata all the time: ``python -m tests.kafka.frequent_metadata router``.

A right that is revoked is then found in the metadata, and not in the answer to a fetch.
"""

from typing import Any

import faust
from triage_worker.cli.main import main
from triage_worker.kafka import clients

MAX_AGE_MS = 50


class App(faust.App):
    """Faust's application, which only takes this as an argument."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, consumer_metadata_max_age_ms=MAX_AGE_MS, **options)


if __name__ == "__main__":
    clients.METADATA_MAX_AGE_MS = MAX_AGE_MS
    faust.App = App  # type: ignore[misc]
    main()
