"""Reads the sources of settings, and refuses variables that look like settings but are none."""

import difflib
import os
import re
from collections.abc import Collection, Mapping

from dotenv import dotenv_values

from triage_worker.config.errors import ConfigError

PREFIX = "TRIAGE_"
NOT_SETTINGS = frozenset({"TRIAGE_DATA", "TRIAGE_REQUIRE_KAFKA", "TRIAGE_TEST_BOOTSTRAP", "TRIAGE_TEST_LLM"})
"""Variables with our prefix that belong to the tests and the measurements."""

SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")
"""Variables that Kubernetes sets in every pod next to a Service called ``triage…``."""


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def read_env_file() -> Mapping[str, str | None]:
    """Read the ``.env`` file of the working folder; names are in upper case, and empty values are left out.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return {name.upper(): value for name, value in dotenv_values(".env").items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file .env in this folder cannot be read ({error}): correct or remove it.") from None


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
