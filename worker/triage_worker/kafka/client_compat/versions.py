"""Checks that the installed client libraries are ones that the patches were written for."""

import re
from dataclasses import dataclass
from importlib.metadata import version

from triage_worker.config.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Supported:
    """The versions of a distribution that work: from ``first`` up to, but without, ``below``."""

    distribution: str
    first: str
    below: str

    def __str__(self) -> str:
        return f"{self.distribution}>={self.first},<{self.below}"


AIOKAFKA = Supported("aiokafka", "0.14", "0.15")
"""With 0.12 and older, many calls raise `TypeError`. 0.13 fails an assertion when a coordinator moves."""

FAUST = Supported("faust-streaming", "0.15.3", "0.16")
"""With 0.13.2, the router starts but routes nothing."""


def require(supported: Supported) -> None:
    """Make sure that a supported version of a distribution is installed.

    Raises:
        ConfigError: another version is installed; names both.
    """
    installed = version(supported.distribution)
    if not _numbers(supported.first) <= _numbers(installed) < _numbers(supported.below):
        raise ConfigError(
            f"{supported.distribution} {installed} is installed, but Triage works with {supported.distribution} "
            f"{supported.first} up to, but not including, {supported.below}: install it by `pip install '{supported}'`."
        )


def _numbers(release: str) -> tuple[int, ...]:
    """The leading numbers of a version: those of 0.15.1.dev2 are 0, 15 and 1."""
    leading = re.match(r"\d+(\.\d+)*", release)
    return tuple(int(number) for number in leading[0].split(".")) if leading else ()
