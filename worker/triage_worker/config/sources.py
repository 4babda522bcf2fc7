"""Reads the sources of settings, and refuses variables that look like settings but are none."""

import codecs
import difflib
import io
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from triage_worker.config.errors import ConfigError

PREFIX = "TRIAGE_"
ENV_FILE = ".env"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
TYPOGRAPHIC_QUOTES = tuple("“”„‟‘’‚‛«»")
NOT_SETTINGS = frozenset({"TRIAGE_DATA", "TRIAGE_REQUIRE_KAFKA", "TRIAGE_TEST_BOOTSTRAP", "TRIAGE_TEST_LLM"})
"""Variables with our prefix that belong to the tests and the measurements."""

SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")
"""Variables that Kubernetes sets in every pod next to a Service called ``triage…``."""


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def read_env_file() -> Mapping[str, str | None]:
    """Read the ``.env`` file of the working folder; names are in upper case, and empty values are left out.

    A line that cannot be read is an error, also if it belongs to another program: it may be a setting of ours.

    Raises:
        ConfigError: the file, or a line of it, cannot be read; names the line.
    """
    text = _env_text()
    for binding in parse_stream(io.StringIO(text)):
        _check(binding)
    values = dotenv_values(stream=io.StringIO(text))
    return {name.upper(): value for name, value in values.items() if value}


def _env_text() -> str:
    """The text of the file, without a byte order mark; empty if there is no such file."""
    path = Path(ENV_FILE)
    try:
        content = path.read_bytes() if path.is_file() else b""  # a folder of this name is a virtual environment
    except OSError as error:
        raise ConfigError(f"{_place(None)} cannot be read ({error.strerror}): correct or remove it.") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise ConfigError(f"{_place(None)} is not UTF-8, but most likely UTF-16: save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{_place(line)} is not UTF-8: save the file as UTF-8.") from None


def _check(binding: Binding) -> None:
    """Refuse what python-dotenv would skip, and what it would read otherwise than meant."""
    line = binding.original.line + _blank_lines(binding.original.string)
    text = binding.original.string.strip()
    if binding.error:
        raise ConfigError(f"{_place(line)} cannot be read: {_advice(text)}.")
    if binding.key is None:
        return
    if not NAME.fullmatch(binding.key):
        raise ConfigError(f"{_place(line)} has no valid name before its “=”: write NAME=value.")
    if not binding.key.upper().startswith(PREFIX):
        return
    value = binding.value
    if value is None:
        raise ConfigError(f"{_place(line)} has no “=”: write {binding.key}=value.")
    if value[:1] in TYPOGRAPHIC_QUOTES or value[-1:] in TYPOGRAPHIC_QUOTES:
        raise ConfigError(f"{_place(line)} has typographic quotes around its value: use plain ones, or none.")
    if re.search(rf"\n\s*(export\s+)?{PREFIX}\w+\s*=", value):
        raise ConfigError(f"{_place(line)} opens a quote that ends after the next setting: close it on its line.")


def _advice(text: str) -> str:
    quote = re.match(r"(?:export\s+)?[\w.-]+\s*=\s*([\"'])", text)
    if quote:
        return f"the quote {quote[1]} is not closed, or followed by more text"
    if re.match(r"(?i)(set|setx|env|setenv)\s", text):
        return "write NAME=value, without a command before it"
    if re.match(r"[\w.-]+\s*:", text):
        return "write NAME=value, with “=” in place of “:”"
    return "write NAME=value"


def _blank_lines(text: str) -> int:
    """python-dotenv counts blank lines before an assignment as part of it."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def _place(line: int | None) -> str:
    return f"The file {ENV_FILE} in this folder" if line is None else f"Line {line} of {ENV_FILE} in this folder"


def refuse_unknown(variables: Mapping[str, str | None], known: Collection[str], where: str) -> None:
    """Refuse a variable with our prefix that is no setting, which is most likely a typing error.

    Args:
        variables: names and values.
        known: the variables of all settings.
        where: the source, for the error.

    Raises:
        ConfigError: a variable is unknown; suggests the most similar one.
    """
    for name, value in variables.items():
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper in NOT_SETTINGS:
            continue
        if SERVICE_LINK.search(upper) or (value or "").startswith(("tcp://", "udp://", "sctp://")):
            continue
        similar = difflib.get_close_matches(upper.removeprefix(PREFIX), (n.removeprefix(PREFIX) for n in known), n=1)
        hint = f"did you mean {PREFIX}{similar[0]}?" if similar else "`triage settings` lists all settings."
        raise ConfigError(f"{name} in {where} is not a setting of Triage: {hint}")


def source_of(name: str, is_flag: bool, env_file: Mapping[str, str | None]) -> str:
    """Return where the value of a variable comes from: "flag", "environment", ".env" or "default"."""
    if is_flag:
        return "flag"
    if any(value and key.upper() == name for key, value in os.environ.items()):
        return "environment"
    return ".env" if name in env_file else "default"
