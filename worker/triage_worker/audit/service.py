"""Runs the audit: once over what the topics hold now, or as a service that follows them and moves the threshold."""

import asyncio
import logging
from time import monotonic

from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord
from prometheus_client import CollectorRegistry
from triage_models.bundle.manifest import Manifest
from triage_models.errors import ModelError
from triage_schemas.cloudevents import timestamp
from triage_schemas.events import ThresholdEvent
from triage_schemas.records import to_record

from triage_worker.audit.answers import Answer
from triage_worker.audit.evidence import Evidence
from triage_worker.audit.metrics import AuditMetrics
from triage_worker.audit.report import Report
from triage_worker.audit.topics import AuditTopics, audited_manifest, open_topics
from triage_worker.config.errors import TriageError
from triage_worker.config.settings import Settings
from triage_worker.kafka import topics
from triage_worker.kafka.authorization import REFUSED, describe_error, refusal
from triage_worker.kafka.clients import producer
from triage_worker.kafka.control_topic import bundle_key
from triage_worker.kafka.topic_plan import required_operations
from triage_worker.streaming import process_end
from triage_worker.streaming.service import run_follower

log = logging.getLogger(__name__)

RETRY_S = 2.0
CHECK_S = 30.0
"""Time between two looks for another bundle, and for further partitions."""


def run_once(settings: Settings) -> Report:
    """Read what the topics hold now, and return what it says. Nothing is written.

    Raises:
        TriageError, ModelError: the topics or the bundle cannot be read; says what to do.
    """
    return asyncio.run(_run_once(settings))


def follow(settings: Settings, *, act: bool) -> int:
    """Follow the topics until SIGTERM or SIGINT; returns the exit code.

    Args:
        settings: of the service.
        act: write changes of the threshold to the control topic.

    Raises:
        TriageError, ModelError: the service cannot start; says what to change.
    """
    needed = required_operations("audit") | ({"control_topic": "Read and Write"} if act else {})
    return process_end.run(
        run_follower(settings, needed, lambda settings, registry: AuditFollower(settings, registry, act=act))
    )


class AuditFollower:
    """Keeps the evidence up to date, shows it as metrics, and writes the changes that follow from it.

    After every problem it begins anew and reads everything again, which gives the same evidence. It also does when
    another bundle serves, and after every decision about the threshold, whoever made it.

    Args:
        settings: the cluster, the topics and the bundle.
        registry: of the metrics.
        act: write changes of the threshold; without it they are only logged and shown.
    """

    def __init__(self, settings: Settings, registry: CollectorRegistry, *, act: bool) -> None:
        self._settings = settings
        self._metrics = AuditMetrics(registry)
        self._act = act
        self._advised: object = None
        self._alarms: set[tuple[object, ...]] = set()
        self._has_followed = False
        self.down: str | None = "the answers so far are being read"

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            ConfigError: this user may not read a topic, and has not read it before; or it is not known whether there is
                a control topic.
        """
        await topics.require_visible(self._settings, self._settings.control_topic)
        while True:
            try:
                async with open_topics(self._settings) as read:
                    await self._follow(read)
            except (KafkaError, TriageError, ModelError) as error:
                if isinstance(error, REFUSED) and not self._has_followed:
                    raise refusal(error, "Read") from error
                self.down = describe_error(error, "Read") if isinstance(error, KafkaError) else str(error)
                log.warning("The audit is interrupted and begins anew", extra={"error": self.down})
                await asyncio.sleep(RETRY_S)

    async def _follow(self, read: AuditTopics) -> None:
        """Read everything, then follow until something has changed that needs a new beginning."""
        manifest = audited_manifest(self._settings)
        evidence = await read.read_all(manifest, advise_only=not self._act)
        await self._add(evidence, read, manifest, await read.answers_now())
        self.down, self._has_followed = None, True
        log.info("The audit follows the answers", extra={"version": evidence.version, "acts": self._act})
        checked_at = monotonic()
        while not self._overruled(evidence, read, manifest):
            requests, answers = await read.next()
            evidence.add_requests(requests)
            if self._overruled(evidence, read, manifest):
                break
            await self._add(evidence, read, manifest, answers)
            if monotonic() - checked_at > CHECK_S:
                checked_at = monotonic()
                await read.read_decisions_again()
                if audited_manifest(self._settings) != manifest or await read.grown():
                    break
        log.info("The audit begins anew, with another bundle, decision or partition")

    async def _add(self, evidence: Evidence, read: AuditTopics, manifest: Manifest, answers: list[Answer]) -> None:
        """Add answers, and publish the changes that follow: the last one is in force, and stands for those before.

        If another decision was made meanwhile, none is published: this one does not follow from that.
        """
        stood_on, changes = read.decided(manifest), evidence.add_answers(answers)
        if changes:
            await read.read_decisions_again()
            if read.decided(manifest) != stood_on:
                log.info("Another decision was made first", extra={"version": changes[-1].version})
                return
            await self._publish(changes[-1], read.last_record(manifest))
        report = evidence.report()
        self._metrics.show(report)
        self._log(report)

    async def _publish(self, change: ThresholdEvent, last: ConsumerRecord | None) -> None:
        """Write a change to the control topic, behind the last record about the bundle.

        In its partition the offsets say that it is newer, and among partitions its timestamp does, whatever the clocks
        of the machines that wrote them say.

        Raises:
            ConfigError: this user may not; the service goes on trying, since answers may be read without this right.
            KafkaError: the broker does not take it.
        """
        key = bundle_key(change.model.name, change.model.version)
        identity = f"{change.TYPE}:{key.decode()}:{change.version}"
        record = to_record(
            change, identity=identity, time=timestamp(change.decided_at.timestamp()), subject=change.model.name
        )
        at = int(change.decided_at.timestamp() * 1000)
        behind = {} if last is None else {"partition": last.partition, "timestamp_ms": max(at, last.timestamp + 1)}
        topic = self._settings.control_topic
        try:
            async with producer(self._settings) as sender:
                await sender.send_and_wait(topic, record.value, key=key, headers=record.headers, **behind)
        except REFUSED as error:
            raise refusal(error, "Write") from error
        extra = {"version": change.version, "threshold": change.threshold, "previous": change.previous}
        log.warning("The threshold is changed: %s", change.reason, extra=extra)

    def _overruled(self, evidence: Evidence, read: AuditTopics, manifest: Manifest) -> bool:
        """Whether the control topic has another decision than the one that this evidence counts from.

        After a decision of its own it is so, too, until that has been read: what is on the topic is in force.
        """
        return not evidence.stands_on(read.decided(manifest))

    def _log(self, report: Report) -> None:
        """Log alarms, notices and advice once."""
        for alarm in report.alarms:
            key = (report.bundle.version, report.version, alarm.kind)
            if key not in self._alarms:
                self._alarms.add(key)
                what = "a notice" if alarm.is_notice else "an alarm"
                log.warning("The audit raises %s", what, extra={"kind": alarm.kind, "answers": report.overall.answers})
        change = report.last_change
        if change is not None and change.advice and change != self._advised:
            self._advised = change
            extra = {"threshold": change.threshold, "in_force": report.threshold}
            log.warning("The audit advises another threshold: %s", change.reason, extra=extra)


async def _run_once(settings: Settings) -> Report:
    await topics.require(settings, required_operations("audit"))
    await topics.require_visible(settings, settings.control_topic)
    manifest = audited_manifest(settings)
    try:
        async with open_topics(settings) as read:
            evidence = await read.read_all(manifest, advise_only=True)
            evidence.add_answers(await read.answers_now())
    except KafkaError as error:
        raise TriageError(f"The topics could not be read ({describe_error(error, 'Read')}): try again.") from error
    return evidence.report()
