"""The records of the demo: what made-up shops' customers write, and a few that nobody can read."""

import base64
import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import count
from typing import Any, NamedTuple

import orjson


class Letter(NamedTuple):
    """A record to send."""

    key: bytes | None
    value: bytes | None


def letters() -> Iterator[Letter]:
    """The shipped sample over and over; each time round, messages and conversations have new ids."""
    lines = files("triage_worker.demo").joinpath("data/demo_messages.jsonl").read_text(encoding="utf-8").splitlines()
    records: list[dict[str, Any]] = [json.loads(line) for line in lines]
    for turn in count(1):
        for record in records:
            yield _letter(record, turn)


def _letter(record: dict[str, Any], turn: int) -> Letter:
    again = f"-{turn}" if turn > 1 else ""
    key = None if record["key"] is None else f"{record['key']}{again}".encode()
    if "base64" in record:
        return Letter(key, base64.b64decode(record["base64"]))
    value = record["value"]
    if value is None:
        return Letter(key, None)
    ids = {name: f"{value[name]}{again}" for name in ("message_id", "conversation_id") if value.get(name)}
    return Letter(key, orjson.dumps({**value, **ids}))
