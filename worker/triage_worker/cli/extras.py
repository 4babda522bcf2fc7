"""Errors of commands whose packages are in an extra."""

from collections.abc import Iterator
from contextlib import contextmanager

from triage_worker.config.errors import ConfigError


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Import within this context what an extra brings.

    Args:
        what: needs it, at the beginning of the error's sentence.
        extra: name of the extra.

    Raises:
        ConfigError: a package is missing; says how to install it.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{what} needs the package {error.name}: install Triage with its [{extra}] extra, in a clone by "
            f"`pip install '.[{extra}]'`."
        ) from None
