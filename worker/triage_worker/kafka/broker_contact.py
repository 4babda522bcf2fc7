"""Notices that no broker answers any more, and finds out why: a refused login and an expired certificate look alike."""

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.kafka.connection import UnansweredError, check_connection
from triage_worker.kafka.tokens.providers import login_problem

log = logging.getLogger(__name__)

SILENT_AFTER_S = 10.0
"""Without an answer for this long, the cause is looked for."""

CHECK_S = 5.0

ASK_S = 3.0
"""How long an answer may take, and the pause before the next question: one that is missed is not yet a silence."""


class SilenceDiagnosis:
    """Says why no broker answers. While one does, it makes no connection.

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
        """Look until cancelled. Each cause is logged once in a silence, though each look may end at another broker."""
        logged: set[str] = set()
        while True:
            await asyncio.sleep(CHECK_S)
            silent = self._silent_s() > SILENT_AFTER_S
            found = await self._look() if silent else None
            if not silent:
                logged.clear()
            elif found is not None and found not in logged:
                logged.add(found)
                log.error("No broker answers: %s", found)
            self.problem = found

    async def _look(self) -> str | None:
        if self._settings.logs_in_by_token:
            return login_problem()  # a broker refuses a token for reasons that trying again does not tell
        try:
            await check_connection(self._settings)
        except UnansweredError:  # it answered before, so the protocol is right
            return "a broker accepts connections and answers nothing: it hangs, or is too busy"
        except ConfigError as error:
            return str(error).rstrip(".")
        except Exception:  # whatever is wrong with the broker, looking for the cause must not end the service
            log.debug("Why no broker answers was not found out", exc_info=True)
        return None


class BrokerContact:
    """Asks a broker for the cluster's topics every few seconds, over the connections of a producer.

    Args:
        settings: of the connection.
        producer: started.
    """

    def __init__(self, settings: Settings, producer: AIOKafkaProducer) -> None:
        self._client = producer.client
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
                await self._ask()
                await asyncio.sleep(ASK_S)
        finally:
            diagnosing.cancel()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(ASK_S):
                if await self._client.force_metadata_update():
                    self._answered_at = monotonic()
        except (KafkaError, TimeoutError) as error:
            log.debug("No broker says which topics there are: %r", error)

    def _silent_s(self) -> float:
        return monotonic() - self._answered_at
