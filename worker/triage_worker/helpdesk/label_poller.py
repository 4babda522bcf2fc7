"""Brings agents' corrections back as labels. One connector of a group does this; each label is stored once.

A label, what is remembered of its ticket, and how far the helpdesk's list was read go to Kafka in one transaction.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from time import time

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerFenced
from triage_schemas.encoding import JSON, EventEncoding

from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.helpdesk.adapter import ChangedTicket, TicketSystem
from triage_worker.helpdesk.corrections import SETTLED_S, AgentRecord, Corrections, bulk_changes, seen
from triage_worker.helpdesk.http_client import RequestRejectedError
from triage_worker.helpdesk.label_records import LabelRecord, label_record
from triage_worker.helpdesk.metrics import HelpdeskMetrics
from triage_worker.helpdesk.state_topic import StateTopic, TicketRecordsTopic
from triage_worker.kafka import authorization as rights
from triage_worker.kafka.client_compat.producer import abandon
from triage_worker.kafka.clients import transactional_producer
from triage_worker.routing.routes import Routes

log = logging.getLogger(__name__)

LEAD_S = 1.0
"""How often a connector looks whether it has the first partition."""

RETRY_S = 5.0


class LabelPoller:
    """Reads what agents changed, and writes labels.

    Args:
        settings: the connection to Kafka, the topics, and how often to look.
        system: the tickets at the helpdesk.
        state: what is remembered.
        routes: what groups and tags stand for.
        metrics: counts what comes of agents' changes.
        is_first: whether this connector is the one that does this.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        system: TicketSystem,
        state: StateTopic,
        routes: Routes,
        metrics: HelpdeskMetrics,
        is_first: Callable[[], bool],
        clock: Callable[[], float] = time,
    ) -> None:
        self._settings = settings
        self._system = system
        self._state = state
        self._metrics = metrics
        self._is_first = is_first
        self._clock = clock
        self._helpdesk = settings.helpdesk or ""
        self._tickets = TicketRecordsTopic(state, self._helpdesk)
        self._corrections = Corrections(routes.helpdesk, routes.intents)
        self._agents = f"agents:{self._helpdesk}:"
        self._place = f"place:{self._helpdesk}"
        self._waiting: dict[str, AgentRecord] | None = None
        self.encoding: EventEncoding = JSON

    async def run(self) -> None:
        """Look regularly, whenever this connector is the one that does; until cancelled.

        Raises:
            ConfigError: a right is missing, or the login at the helpdesk is wrong.
        """
        if not self._settings.idempotence:
            raise ConfigError(
                "Labels are stored once by transactions: set TRIAGE_IDEMPOTENCE=true to learn from agents."
            )
        while True:
            if not self._is_first():
                await asyncio.sleep(LEAD_S)
                continue
            try:
                with rights.required():
                    await self._lead()
            except ProducerFenced:
                log.info("Another connector reads what agents change now")
                await asyncio.sleep(RETRY_S)
            except (KafkaError, RequestRejectedError) as error:
                log.warning("What agents changed could not be read; it is tried again", extra={"problem": repr(error)})
                await asyncio.sleep(RETRY_S)

    async def _lead(self) -> None:
        settings = self._settings
        name = f"{settings.transactional_id_prefix}-{settings.group('helpdesk')}-labels"
        producer = transactional_producer(settings, name)
        try:
            await producer.start()  # which ends a transaction that another connector left open
            await self._state.catch_up()
            self._waiting = None
            while self._is_first():
                await self.look(producer)
                await asyncio.sleep(settings.helpdesk_poll_s)
        finally:
            await abandon(producer)

    async def look(self, producer: AIOKafkaProducer) -> None:
        """Read what was changed since the last time, and teach what has settled."""
        complete = False
        while not complete:
            known = self._state.get(self._place)
            place = f"{self._clock():.0f}" if known is None else known.decode()
            page = await self._system.changed_since(place)
            stored = await self._seen(page.tickets)
            if page.place != place or known is None or stored:
                await self._store(producer, {**stored, self._place: page.place.encode()})
            complete = page.complete or page.place == place
        await self._teach(producer)

    async def _seen(self, tickets: Sequence[ChangedTicket]) -> Mapping[str, bytes]:
        """What to remember of changed tickets; those that Triage has not written on are passed over."""
        stored: dict[str, bytes] = {}
        for changed in tickets:
            record = self._tickets.get(changed.ticket_id)
            if record is None:
                continue
            state = changed.state or await self._system.read(changed.ticket_id)
            if state is None:
                continue
            before = self._agent_record(changed.ticket_id, stored)
            correction = self._corrections.of(state, record)
            after = seen(before, changed, record, correction)
            if after.silent and not before.silent and (correction or before.pending):
                self._metrics.labels.labels(after.silent).inc()
            if after != before:
                stored[self._agents + changed.ticket_id] = after.dump()
        return stored

    def _agent_record(self, ticket_id: str, changed: Mapping[str, bytes]) -> AgentRecord:
        key = self._agents + ticket_id
        value = changed.get(key) or self._state.get(key)
        return AgentRecord() if value is None else AgentRecord.load(value)

    async def _teach(self, producer: AIOKafkaProducer) -> None:
        """Teach what has not changed for a while, and leave out what was changed in bulk."""
        waiting = dict(self._corrected())
        now = self._clock()
        settled = [ticket_id for ticket_id, record in waiting.items() if now - record.since >= SETTLED_S]
        if not settled:
            return
        bulk = bulk_changes(waiting.items())
        await self._leave_out(producer, {one: waiting[one] for one in bulk}, "bulk")
        for ticket_id in settled:
            if ticket_id not in bulk:
                await self._teach_one(producer, ticket_id, waiting[ticket_id])

    def _corrected(self) -> dict[str, AgentRecord]:
        """The tickets with a correction that may teach."""
        if self._waiting is None:
            known = ((ticket_id, AgentRecord.load(value)) for ticket_id, value in self._state.items(self._agents))
            self._waiting = {ticket_id: record for ticket_id, record in known if record.pending is not None}
        return self._waiting

    async def _teach_one(self, producer: AIOKafkaProducer, ticket_id: str, agents: AgentRecord) -> None:
        """Teach a correction, unless it is none any more."""
        try:
            made = await self._label(ticket_id, agents)
        except RequestRejectedError as error:
            log.warning("An agent's change could not be read", extra={"ticket": ticket_id, "problem": str(error)})
            made = "refused"
        if isinstance(made, AgentRecord):
            await self._store(producer, {self._agents + ticket_id: made.dump()})
        elif isinstance(made, str):
            await self._leave_out(producer, {ticket_id: agents}, made)
        else:
            await self._store(producer, {self._agents + ticket_id: agents.after_teaching().dump()}, [made])
            self._metrics.labels.labels("taught").inc()

    async def _label(self, ticket_id: str, agents: AgentRecord) -> LabelRecord | AgentRecord | str:
        """The label of a correction; or what else to remember, if it was changed again; or why there is none."""
        record, correction = self._tickets.get(ticket_id), agents.pending
        state = None if record is None else await self._system.read(ticket_id)
        if state is None or record is None or correction is None:
            return "missing"
        now = self._corrections.of(state, record)
        if now != correction and not (now is None and record.about.get("intent") == correction.label):
            return replace(agents, pending=now, since=self._clock() if now else 0.0)
        author = await self._system.author(ticket_id, correction.name, correction.value)
        if author.automatic:
            return "automatic"
        text = await self._system.first_message(ticket_id)
        if text is None:
            return "no_text"
        redacted = self._settings.redaction("labels")(text).text
        by = f"{self._helpdesk}:{author.agent}" if author.agent else self._helpdesk
        return label_record(ticket_id, record.about, correction, agents, redacted, by, self.encoding)

    async def _leave_out(self, producer: AIOKafkaProducer, records: Mapping[str, AgentRecord], why: str) -> None:
        """Remember that changes do not teach; a further change of the ticket can."""
        if records:
            passed = {self._agents + ticket_id: one.after_leaving_out().dump() for ticket_id, one in records.items()}
            await self._store(producer, passed)
            self._metrics.labels.labels(why).inc(len(records))

    async def _store(
        self, producer: AIOKafkaProducer, values: Mapping[str, bytes], labels: Collection[LabelRecord] = ()
    ) -> None:
        """Write what is to be remembered, and labels, in one transaction."""
        async with producer.transaction():
            sent = [
                await producer.send(self._state.topic, value, key=key.encode(), partition=0)
                for key, value in values.items()
            ]
            sent += [
                await producer.send(self._settings.labels_topic, one.value, key=one.key, headers=list(one.headers))
                for one in labels
            ]
            await asyncio.gather(*sent)  # aiokafka commits a transaction even if some of its records failed
        waiting = self._corrected()
        for key, value in values.items():
            self._state.apply(key.encode(), value)
            if key.startswith(self._agents):
                ticket_id, record = key.removeprefix(self._agents), AgentRecord.load(value)
                waiting.pop(ticket_id, None)
                if record.pending is not None:
                    waiting[ticket_id] = record
