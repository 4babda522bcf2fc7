"""``triage doctor``: says what is on a topic, proposes the settings that read it, and shows decisions."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console

from triage_worker.cli.env_file import write_env
from triage_worker.cli.interruption import interruptible
from triage_worker.cli.message_pool import MESSAGES
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import ConfigError, TriageError, print_error
from triage_worker.config.input_topics import settings_of
from triage_worker.config.settings import Settings
from triage_worker.config.topic_selection import TopicSelection

if TYPE_CHECKING:
    from triage_worker.doctor.examination import Examination

Result = TypeVar("Result")

FLAGS = (
    *MESSAGES,
    "input_topic",
    "group_id",
    "max_message_bytes",
    "max_text_bytes",
    "bundle",
    "device",
    "threads",
    "detect_language",
    "clean_email",
    "region",
)
NOTHING_READ = 1
"""The exit code if the topic has no record that is a message by any settings, or something stops the worker."""


@settings_flags(FLAGS, short={"bootstrap_servers": "--bootstrap", "input_topic": "--topic"})
def doctor(
    settings: Settings,
    records: Annotated[int, typer.Option(min=1, max=10_000, help="Look at so many of the last records")] = 100,
    timeout: Annotated[float, typer.Option(min=1, help="Wait so many seconds for records, at most")] = 30.0,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also put the settings into this file, such as .env")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object")] = False,
) -> None:
    """Look at a topic: say what is on it, propose the settings that read it, and show five decisions.

    Without --topic and TRIAGE_INPUT_TOPIC, list the topics and say which look like messages. Nothing is changed: no
    group is joined, no offset committed. Exit code 1: no message was found, or something would stop the worker; 2: it
    could not look.
    """
    from triage_worker.doctor.gathering import NothingToReadError  # noqa: PLC0415 (keeps `triage --help` fast)

    logging.basicConfig(level=logging.CRITICAL)  # what the clients log is said in sentences
    console = Console(highlight=False)
    try:
        with interruptible(console, "Interrupted: nothing was changed."):
            if settings.source("input_topic") == "default":
                _list(settings, timeout, console, write, as_json=as_json)
                return
            sources = settings.sources
            if write is not None and sources is not None:
                raise ConfigError(
                    f"--write is for the settings of the environment, and {sources} has those of each topic: leave out "
                    "--write, and put them there."
                )
            found = _examine(_of_one_topic(settings), records, timeout)
            _show(found, console, write, sources, as_json=as_json)
    except NothingToReadError as error:
        print_error(error)
        raise typer.Exit(NOTHING_READ) from None
    if not found.read or any(check.kind == "error" for check in found.checks):
        raise typer.Exit(NOTHING_READ)


def _list(settings: Settings, timeout: float, console: Console, write: Path | None, *, as_json: bool) -> None:
    from triage_worker.cli.doctor_topics import print_topics  # noqa: PLC0415
    from triage_worker.doctor.overview import list_topics  # noqa: PLC0415
    from triage_worker.doctor.report import topics_report  # noqa: PLC0415

    if write is not None:
        raise TriageError("--write needs a topic, whose settings it writes: give --topic, too.")
    lines = _run(list_topics(settings, timeout), "Looking at the topics")
    if as_json:
        typer.echo(json.dumps(topics_report(lines), indent=2, ensure_ascii=False))
    else:
        print_topics(console, settings, lines)


def _examine(settings: Settings, records: int, timeout: float) -> "Examination":
    from triage_worker.doctor.examination import conclude  # noqa: PLC0415 (ONNX Runtime is slow to import)
    from triage_worker.doctor.gathering import gather  # noqa: PLC0415

    gathered = _run(gather(settings, records, timeout), f"Reading {settings.input_topic}")
    return conclude(settings, gathered)


def _of_one_topic(settings: Settings) -> Settings:
    """Return the settings of the topic that is looked at."""
    named = TopicSelection.parse(settings.input_topic)
    if named.patterns or len(named.names) > 1:
        raise ConfigError(
            f"One topic is looked at, and TRIAGE_INPUT_TOPIC is {named}: give one by --topic. See which there are by "
            "`triage topics check`."
        )
    return settings_of(settings, settings.input_topic)


def _show(found: "Examination", console: Console, write: Path | None, sources: Path | None, *, as_json: bool) -> None:
    from triage_worker.cli.doctor_report import print_report  # noqa: PLC0415
    from triage_worker.doctor.masking import masking  # noqa: PLC0415
    from triage_worker.doctor.report import report, settings_to_paste  # noqa: PLC0415

    mask = masking(found.given.region)
    if write is not None and found.read and (values := settings_to_paste(found)):
        write_env(write, values)
    if as_json:
        typer.echo(json.dumps(report(found, mask), indent=2, ensure_ascii=False))
    else:
        print_report(console, found, mask, write, sources)


def _run(reading: Coroutine[Any, Any, Result], what: str) -> Result:
    """Run until it is done; on a terminal, say meanwhile what it does."""
    console = Console(stderr=True)
    with console.status(what) if console.is_terminal else nullcontext():
        return asyncio.run(reading)
