"""Writes settings into a ``.env`` file, and leaves its other lines as they are."""

import io
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from triage_worker.cli.atomic_file import replaced_when_done
from triage_worker.config.errors import TriageError
from triage_worker.config.sources import variable

PLAIN = re.compile(r"[^\s\"'#$`\\]+")


def env_line(name: str, value: str) -> str:
    """Return the line of a setting, for a ``.env`` file and for a shell.

    Args:
        name: of the setting.
        value: of the setting.
    """
    if PLAIN.fullmatch(value):
        return f"{variable(name)}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{variable(name)}='{escaped}'"


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Put settings into a file: in place of the lines that set them already, else at its end.

    Args:
        path: the file; it is created if it does not exist.
        values: by the names of the settings.

    Raises:
        TriageError: the file is no UTF-8, or a value cannot be written so that it is read back.
        OSError: the file cannot be read or written.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except UnicodeDecodeError:
        raise TriageError(f"{path} is not UTF-8, and was left as it is: paste the settings yourself.") from None
    for name, value in values.items():
        assigned = re.compile(rf"\s*(export\s+)?{re.escape(variable(name))}\s*=", re.IGNORECASE)
        places = [number for number, line in enumerate(lines) if assigned.match(line)]
        lines = [line for number, line in enumerate(lines) if number not in places[1:]]
        line = env_line(name, value)
        if places:
            lines[places[0]] = line
        else:
            lines.append(line)
    text = "\n".join(lines) + "\n"
    found = dotenv_values(stream=io.StringIO(text), interpolate=False)
    wrong = [variable(name) for name, value in values.items() if found.get(variable(name)) != value]
    if wrong:
        raise TriageError(
            f"{path} was left as it is: {wrong[0]} could not be read back from it. Paste the settings yourself."
        )
    with replaced_when_done(path) as scratch:
        if path.exists():
            shutil.copymode(path, scratch)  # before anything is in it: the file can have secrets
        scratch.write_text(text, encoding="utf-8")
