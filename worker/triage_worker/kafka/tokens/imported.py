"""Tokens of a user's own function, which is named by its import path."""

import asyncio
import inspect
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any

from aiokafka.abc import AbstractTokenProvider

from triage_worker.config.errors import ConfigError
from triage_worker.kafka.tokens.token import Token, TokenError, new_token

LONGEST_LIFETIME_S = 366 * 86_400.0


class ImportedProvider:
    """Calls a function, or the ``token`` of a provider as aiokafka has them, for each token.

    The function takes nothing. It returns a token, or a token and when it ends (in seconds since 1970, as
    `time.time` counts them, and as confluent-kafka's ``oauth_cb`` does); or a coroutine that returns either.

    Args:
        path: such as ``package.module:function``.

    Raises:
        ConfigError: it cannot be imported, or called.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._function = _callable(path)
        self._runner: asyncio.Runner | None = None

    def fetch(self) -> Token:
        """Get a token; always in the same thread, whose event loop the coroutines share.

        Raises:
            TokenError: it is none.
            Exception: whatever the function raises.
        """
        value = self._result(self._function())
        lifetime_s = None
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int | float):
            value, lifetime_s = value[0], value[1] - time.time()
            if lifetime_s > LONGEST_LIFETIME_S:
                raise TokenError(
                    f"TRIAGE_OAUTH_PROVIDER={self._path} gave a token that lasts for years: return its end in seconds "
                    "since 1970, not in milliseconds."
                )
        return new_token(value, lifetime_s, time.time(), f"TRIAGE_OAUTH_PROVIDER={self._path}")

    def _result(self, given: Any) -> Any:
        if isinstance(given, AbstractTokenProvider):  # a function that makes a provider
            self._function = given.token
            given = given.token()
        if not inspect.isawaitable(given):
            return given
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(_wait(given))


async def _wait(given: Any) -> Any:
    return await given


def _callable(path: str) -> Callable[[], Any]:
    module_name, _, names = path.partition(":")
    try:
        found: Any = import_module(module_name)
        for name in names.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"TRIAGE_OAUTH_PROVIDER={path} cannot be imported ({error}): install its package, or put its folder into "
            "PYTHONPATH."
        ) from error
    if not callable(found):
        raise ConfigError(f"TRIAGE_OAUTH_PROVIDER={path} is not a function: name one that returns a token.")
    return found  # type: ignore[no-any-return]
