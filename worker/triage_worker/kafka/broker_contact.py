"""Notices that no broker answers any more, and finds out why: a refused login and an expired certificate look alike."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.broker_connections import Address, BrokerConnections
from triage_worker.kafka.client_compat.probe import addresses
from triage_worker.kafka.connection import UnansweredError, check_each, connection_arguments
from triage_worker.kafka.tokens.providers import login_problem

log = logging.getLogger(__name__)

SILENT_AFTER_S = 10.0
"""Without an answer for this long, the cause is looked for."""

CHECK_S = 5.0

ASK_S = 3.0
"""The pause between two questions to a broker."""

ANSWER_S = 5.0
"""How long an answer may take, the login included: one that is missed is not yet a silence."""


class SilenceDiagnosis:
    """Says why no broker answers. It makes no connection until one is missed for `SILENT_AFTER_S`.

    Args:
        settings: of the connection.
        silent_s: returns the seconds since a broker last answered.

    Attributes:
        problem: what is wrong with the connection, and what to do; None if that is not known.
    """

    def __init__(self, settings: Settings, silent_s: Callable[[], float]) -> None:
        self._settings = settings
        self._silent_s = silent_s
        self.problem: str | None = None

    async def run(self) -> None:
        """Look until cancelled. Each cause is logged once in a silence; brokers may have causes of their own."""
        logged: set[str] = set()
        while True:
            await asyncio.sleep(CHECK_S)
            silent = self._silent_s() > SILENT_AFTER_S
            found = await self._look() if silent else None
            if not silent:
                logged.clear()
            elif found is not None and found not in logged:
                logged.add(found)
                log.error("Kafka does not answer as it should: %s", found)
            self.problem = found

    async def _look(self) -> str | None:
        if self._settings.logs_in_by_token:
            return login_problem()  # a broker refuses a token for reasons that trying again does not tell
        try:
            await check_each(self._settings)
        except UnansweredError:  # it answered before, so the protocol is right
            return "a broker accepts connections and answers nothing: it hangs, or is too busy"
        except ConfigError as error:
            return str(error).rstrip(".")
        except Exception:  # whatever is wrong with the broker, looking for the cause must not end the service
            log.debug("Why no broker answers was not found out", exc_info=True)
        return None


class BrokerContact:
    """Asks all brokers every few seconds which ones there are, each over a connection of its own.

    A client of the service would not do: it asks one broker after the other, and waits long for one that is cut off.

    Args:
        settings: of the connection.
    """

    def __init__(self, settings: Settings) -> None:
        arguments = connection_arguments(settings)
        del arguments["bootstrap_servers"]
        self._connections = BrokerConnections(arguments, timeout_ms=int(ANSWER_S * 1_000))
        self._brokers = set(addresses(settings.bootstrap_servers))
        self._asking: dict[Address, asyncio.Task[None]] = {}
        self._answered_at = monotonic()
        self._diagnosis = SilenceDiagnosis(settings, self._silent_s)

    @property
    def problem(self) -> str | None:
        """Since when no broker answers, and why if that is known; None while one does."""
        silent_s = self._silent_s()
        if silent_s <= SILENT_AFTER_S:
            return None
        why = self._diagnosis.problem
        return f"the broker has not answered for {silent_s:.0f} s{'' if why is None else f': {why}'}"

    async def run(self) -> None:
        """Ask until cancelled."""
        diagnosing = asyncio.create_task(self._diagnosis.run(), name="diagnosis")
        try:
            while True:
                for broker in self._brokers - self._asking.keys():
                    self._asking[broker] = asyncio.create_task(self._ask(broker), name=f"contact {broker}")
                await asyncio.sleep(ASK_S)
        finally:
            diagnosing.cancel()
            for task in self._asking.values():
                task.cancel()
            self._connections.keep(())

    async def _ask(self, broker: Address) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                named = await self._connections.ask(broker)
            if named:
                self._answered_at, self._brokers = monotonic(), named
                self._connections.keep(named)
        except Exception as error:  # whatever a broker answers, another one may do
            log.debug("The broker at %s:%d does not say which ones there are: %r", *broker, error)
        finally:
            del self._asking[broker]

    def _silent_s(self) -> float:
        return monotonic() - self._answered_at
