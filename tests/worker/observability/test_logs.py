"""The format of log lines; they do not contain a customer's text unless the settings allow it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from aiokafka.structs import TopicPartition
from triage_worker.config.settings import Settings
from triage_worker.kafka.dead_letters import DeadLetterTopic
from triage_worker.observability import logs
from triage_worker.streaming.tracking.dead_letters import DeadLetters
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.fakes import record


@pytest.fixture(autouse=True)
def restore_the_root_logger() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def log_lines(monkeypatch: pytest.MonkeyPatch, **settings: object) -> list[str]:
    """Log one line and an exception; returns what was written."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(Settings.load(**settings))
    log = logging.getLogger("triage_worker.classify.service")
    log.info("Refused %s", "m-1", extra={"code": "not_json", "text": "my card is 4111"})
    try:
        json.loads("broken")
    except ValueError:
        log.exception("Failed")
    return stream.getvalue().splitlines()


def test_json_lines_have_the_extras_but_not_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = [json.loads(line) for line in log_lines(monkeypatch, log_format="json")]
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "INFO",
        "logger": "triage_worker.classify.service",
        "message": "Refused m-1",
        "code": "not_json",
    }
    assert "JSONDecodeError" in second["exception"]


def test_console_lines_have_the_extras_but_not_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = log_lines(monkeypatch)
    assert lines[0].endswith("INFO    Refused m-1 code=not_json")
    assert lines[-1].startswith("json.decoder.JSONDecodeError")


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_text_is_logged_if_the_settings_allow_it(monkeypatch: pytest.MonkeyPatch, log_format: str) -> None:
    assert "4111" in log_lines(monkeypatch, log_format=log_format, log_text=True)[0]


def test_lines_below_the_level_are_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Refused" not in log_lines(monkeypatch, log_level="error")[0]


def test_dead_letters_are_logged_once_for_each_code_without_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    logs.configure(Settings.load())
    source = TopicPartition("in", 0)
    partition = PartitionTracker[Output](source)
    for offset, code in enumerate(["no_text", "no_text", "not_json"]):
        DeadLetters(DeadLetterTopic("dlq")).output(
            partition, record(source, offset, b"my card is 4111"), code, "there is no field a.b"
        )
    first, second = stream.getvalue().splitlines()
    assert (
        "WARNING A record goes to the dead letters: no_text reason=there is no field a.b topic=in partition=0 offset=0"
        in first
    )
    assert "A record goes to the dead letters: not_json" in second
    assert "4111" not in stream.getvalue()
