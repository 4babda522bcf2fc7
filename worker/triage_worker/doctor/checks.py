"""What else a newcomer runs into: topics, replicas, the consumer group, clocks, keys, compression, libraries."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.structs import ConsumerRecord
from triage_models.serving.mail.html import AVAILABLE as HTML_IS_READ
from triage_schemas.channels import CHANNELS, Service

from triage_worker.config.settings import Settings
from triage_worker.kafka.client_compat.metadata import has_members
from triage_worker.kafka.clients import bare_admin_client
from triage_worker.kafka.topic_plan import problems
from triage_worker.kafka.topics import TopicSurvey

SKEW = timedelta(minutes=1)
OLD = timedelta(days=7)
WORKER: Service = "worker"
MOST_PARTITIONS = 12
"""That are proposed for the output topics, unless the input topic has more."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of a check. An error stops the worker; advice and what is right does not.

    Attributes:
        kind: what it is.
        message: what was found, and what to do.
        command: what an administrator runs to do that; None if there is no such command.
    """

    kind: Literal["ok", "advice", "error"]
    message: str
    command: str | None = None


def check_topics(found: TopicSurvey, settings: Settings, partitions: int) -> Iterator[Check]:
    """Compare the topics that the worker always needs with what they should be.

    Args:
        found: the topics as they are.
        settings: what they are called.
        partitions: of the input topic.
    """
    channels = [one for one in CHANNELS if WORKER in {*one.readers, *one.writers} - {*one.optional}]
    written = [getattr(settings, channel.setting) for channel in channels if WORKER in channel.writers]
    own = [settings.input_topic, *written]
    missing = [topic for topic in written if topic not in found.found and topic not in found.hidden]
    if missing:
        count = max(partitions, MOST_PARTITIONS) if partitions > 1 else partitions
        brokers = found.brokers
        replicas = (
            f"{min(3, brokers)} replica{'' if brokers == 1 else 's'} on {brokers} broker{'' if brokers == 1 else 's'}"
        )
        yield Check(
            "advice",
            f"{listed(missing)} {'does' if len(missing) == 1 else 'do'} not exist yet: run `triage topics create "
            f"--partitions {count}` ({replicas}; it needs the right Create on them)",
        )
    hidden = [topic for topic in own if topic in found.hidden]
    if hidden:
        yield Check(
            "advice",
            f"{listed(hidden)}: not shown to this user, so it cannot be said whether they exist; for `triage topics "
            "check` grant it Describe and DescribeConfigs",
        )
    if not missing and not hidden:
        yield Check("ok", f"the worker's output topics exist: {listed(written)}")
    for problem in problems(found.wanted, found.found, found.brokers, found.hidden):
        if problem.topic in own and problem.topic in found.found:
            yield Check(problem.kind, f"{problem.topic} {problem.message}")


async def check_group(settings: Settings) -> Check | None:
    """Whether a worker reads the topic already, and this user may see its group; None if the broker does not say."""
    group = settings.group(WORKER)
    try:
        async with bare_admin_client(settings) as admin:
            running = await has_members(admin, group)
    except GroupAuthorizationFailedError:
        return None  # which `rights` says
    except (KafkaError, TimeoutError):
        return None  # some brokers know no groups that have never had members
    if running:
        return Check("advice", f"the group {group} has members: a worker runs already, and another one shares its work")
    return Check("ok", f"the group {group} has no members: no worker runs yet")


def check_times(records: Sequence[ConsumerRecord], now: datetime) -> Iterator[Check]:
    """Compare the records' times with this machine's clock."""
    times = [datetime.fromtimestamp(record.timestamp / 1000, UTC) for record in records if record.timestamp > 0]
    if not times:
        yield Check("advice", "the records have no times: the lag in seconds cannot be measured")
        return
    late = [time for time in times if time > now + SKEW]
    if late:
        yield Check(
            "advice",
            f"{len(late)} records are from the future, by up to {_lasting(max(late) - now)}: the clock of a producer, "
            "or of this machine, is wrong, and the lag in seconds with it",
        )
    elif now - max(times) > OLD:
        yield Check(
            "advice", f"the newest record is {_lasting(now - max(times))} old: see whether this topic is still in use"
        )
    else:
        yield Check("ok", f"the newest record is {_lasting(max(now - max(times), timedelta(0)))} old")


def check_keys(records: Sequence[ConsumerRecord], partitions: int) -> Iterator[Check]:
    """Whether the messages of a conversation can be in order."""
    with_key = sum(record.key is not None for record in records)
    if partitions > 1 and with_key < len(records):
        yield Check(
            "advice",
            f"{len(records) - with_key} of {len(records)} records have no key: the messages of a conversation can come "
            "out of order; tickets need the conversation's id as key",
        )


def check_codecs(codecs: Counter[str]) -> Iterator[Check]:
    """By what the records are compressed; what cannot be unpacked has ended the command before."""
    named = [name for name, _ in codecs.most_common() if name != "none"]
    if named:
        yield Check("ok", f"the records are compressed by {listed(named)}, which is installed")


def check_html(html: int, messages: int) -> Iterator[Check]:
    """Whether the library that reads HTML is there, where it is needed."""
    if html and not HTML_IS_READ:
        yield Check(
            "advice", f"{html} of {messages} texts are HTML, which is read with its tags: pip install '.[email]'"
        )


def listed(names: Sequence[str]) -> str:
    """Join names to a phrase."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _lasting(span: timedelta) -> str:
    seconds = span.total_seconds()
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
