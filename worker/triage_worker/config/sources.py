"""Reads the sources of settings, and refuses variables that look like settings but are none."""

import codecs
import difflib
import io
import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

from triage_worker.config.errors import ConfigError

PREFIX = "TRIAGE_"
ENV_FILE = ".env"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
TYPOGRAPHIC_QUOTES = tuple("“”„‟‘’‚‛«»")
QUOTES_OF_NO_USE = ("`", "´", "″", "′", "＂", "＇")
"""Marks that look like quotes and may begin or end a password, so a value has to have one at both ends."""

ASSIGNMENT = rf"(export\s+)?{PREFIX}\w+\s*="
SWALLOWED = re.compile(rf"[\n\r]\s*{ASSIGNMENT}", re.IGNORECASE)
SECOND = re.compile(rf"(^|[\s;,&])(set\s+)?{ASSIGNMENT}", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{(?P<name>[^}:]*)(?P<default>:-[^}]*)?\}")
"""What python-dotenv replaces, in quotes as well."""

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
    known = set(os.environ)
    for binding in parse_stream(io.StringIO(text)):
        _check(binding, known)
        known.add(binding.key or "")
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
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{_place(line)} is not UTF-8: save the file as UTF-8.") from None
    if text.startswith("\ufeff"):
        raise ConfigError(f"{_place(1)} begins with two byte order marks: remove them.")
    return text


def _check(binding: Binding, known: Collection[str]) -> None:
    """Refuse what python-dotenv would skip, and what it would read otherwise than meant."""
    line = binding.original.line + _blank_lines(binding.original.string)
    text = binding.original.string.strip()
    if binding.error:
        raise ConfigError(f"{_place(line)} cannot be read: {_advice(text)}.")
    if binding.key is None:
        return
    if not NAME.fullmatch(binding.key):
        raise ConfigError(f"{_place(line)} has no valid name before its “=”: write NAME=value.")
    value = binding.value
    if value is not None and SWALLOWED.search(value):
        raise ConfigError(f"{_place(line)} opens a quote that ends after the next setting: close it on its line.")
    if value is not None and binding.key.upper() == "ENVIRONMENT" and SECOND.match(value):
        raise ConfigError(f"{_place(line)} is that of a systemd unit: write NAME=value.")
    if not binding.key.upper().startswith(PREFIX):
        return
    if value is None:
        raise ConfigError(f"{_place(line)} has no “=”: write {binding.key}=value.")
    problem = next(_problems(value, known), None)
    if problem is not None:
        raise ConfigError(f"{_place(line)} {problem}.")


def _problems(value: str, known: Collection[str]) -> Iterator[str]:
    """What is wrong with the value of a setting, and what to do; it may be a secret, so none of it is shown."""
    if value[:1] in TYPOGRAPHIC_QUOTES or value[-1:] in TYPOGRAPHIC_QUOTES:
        yield "has typographic quotes around its value: use plain ones, or none"
    if len(value) > 1 and value.startswith(QUOTES_OF_NO_USE) and value.endswith(QUOTES_OF_NO_USE):
        yield "has marks around its value that are no quotes: use plain quotes, or none"
    if SECOND.search(value):
        yield "has a second setting: write one on each line"
    if re.search(r"\s\\$", value):
        yield "ends with a backslash, and is not continued on the next line: write one setting on each line"
    if any(_is_invisible(character) for character in (value[:1], value[-1:])):
        yield "has a character that cannot be seen at an end of its value: type the line anew"
    if any(not found["default"] and found["name"] not in known for found in REFERENCE.finditer(value)):
        yield (
            "refers by “${…}” to a variable that is set neither above nor in the environment, so that part would be "
            "left out: set it, or put a value with these characters into the environment"
        )


def _is_invisible(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character or " ") in {"Cc", "Cf"}


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
        meant = _meant(upper, known)
        if meant is not None:
            raise ConfigError(f"{name} in {where} is not a setting of Triage: did you mean {meant}?")
        if not upper.startswith(PREFIX) or upper in known or upper in NOT_SETTINGS:
            continue
        if SERVICE_LINK.search(upper) or (value or "").startswith(("tcp://", "udp://", "sctp://")):
            continue
        similar = difflib.get_close_matches(upper.removeprefix(PREFIX), (n.removeprefix(PREFIX) for n in known), n=1)
        hint = f"did you mean {PREFIX}{similar[0]}?" if similar else "`triage settings` lists all settings."
        raise ConfigError(f"{name} in {where} is not a setting of Triage: {hint}")


def _meant(name: str, known: Collection[str]) -> str | None:
    """The setting that a variable means which lacks our exact prefix: TRIAG_THREADS, TRIAGE-THREADS, TRIAGETHREADS."""
    plain = re.sub(r"[.-]", "_", name)
    if plain.startswith(PREFIX):
        return plain if plain != name and plain in known else None
    begin, _, rest = plain.partition("_")
    if PREFIX + rest in known and difflib.get_close_matches(begin, [PREFIX[:-1]], cutoff=0.8):
        return PREFIX + rest
    joined = PREFIX + name.removeprefix(PREFIX[:-1])
    return joined if name.startswith(PREFIX[:-1]) and joined in known else None


def source_of(name: str, is_flag: bool, env_file: Mapping[str, str | None]) -> str:
    """Return where the value of a variable comes from: "flag", "environment", ".env" or "default"."""
    if is_flag:
        return "flag"
    if any(value and key.upper() == name for key, value in os.environ.items()):
        return "environment"
    return ".env" if name in env_file else "default"
