"""``triage forget``: removes what compacted topics hold of a customer."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from triage_worker.cli.settings_flags import CONNECTION, TOPICS, settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings

if TYPE_CHECKING:
    from triage_worker.router.forget import CompactedTopic, Found

FLAGS = (*CONNECTION, *TOPICS, "group_id", "idempotence", "helpdesk")


@settings_flags(FLAGS)
def forget(
    settings: Settings,
    customer: Annotated[
        str, typer.Option(metavar="ID", help="Whose records: the customer_id of messages", show_default=False)
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is, and write nothing")] = False,
) -> None:
    """Remove a customer from compacted topics and the router, and say what other topics do with their records."""
    from triage_worker.router import forget as service  # noqa: PLC0415 (keeps `triage --help` fast)

    if not customer.strip():
        raise ConfigError("--customer is empty: give the customer_id whose records are to go.")
    found = asyncio.run(service.find(settings, customer))
    left = 0 if dry_run else asyncio.run(service.forget(settings, found))
    for line in _lines(settings, found, customer, left=left, dry_run=dry_run):
        typer.echo(line)


def _lines(settings: Settings, found: "Found", customer: str, *, left: int, dry_run: bool) -> Iterator[str]:
    from triage_worker.router.customer_records import describe_retention  # noqa: PLC0415
    from triage_worker.router.forget import changelog, topics_of  # noqa: PLC0415

    yield _tombstoned(found.tickets, "ticket", found, dry_run=dry_run)
    if found.conversations is None:
        yield f"{changelog(settings)}: does not exist, so no router of this group has run."
    else:
        yield _tombstoned(found.conversations, "conversation", found, left=left, dry_run=dry_run)
    if found.helpdesk is None:
        yield f"{settings.helpdesk_state_topic}: not found: no connector of this group ran, or Describe is missing."
    else:
        yield _tombstoned(found.helpdesk, "record", found, dry_run=dry_run)
    tombstoned = {topic.topic for topic in found.compacted}
    for topic in topics_of(settings, found.configs):
        if topic in found.configs and topic not in tombstoned:
            line = f"{topic}: {describe_retention(found.configs[topic])}"
            if topic in found.kept:
                count = found.kept[topic]
                line += f"; those of {customer} are not counted" if count is None else f"; {_counted(count, customer)}"
            yield f"{line}."
    yield "Kafka deletes whole segments of a topic, so a record may stay longer by segment.ms, 7 days unless it is set."
    if found.staying:
        yield (
            f"Kept until you act: {', '.join(found.staying)}. Kafka cannot delete single records there: give the topic "
            "cleanup.policy=delete and a retention.ms, or delete up to an offset (kafka-delete-records). "
            "TRIAGE_REDACT_IN=labels keeps personal data out of new labels."
        )
    helpdesk = f"the helpdesk ({settings.helpdesk})" if settings.helpdesk else "a helpdesk"
    yield (
        f"Not reached: {helpdesk} with its tickets, the provider of an LLM, bundles that were trained with the "
        "customer's messages, programs of your own that read these topics, and backups."
    )


def _counted(count: int, customer: str) -> str:
    from triage_worker.router.customer_records import counted  # noqa: PLC0415

    return f"{counted(count, 'record')} of {customer}"


def _tombstoned(topic: "CompactedTopic", thing: str, found: "Found", *, left: int = 0, dry_run: bool) -> str:
    from triage_worker.router.customer_records import counted, describe_compaction  # noqa: PLC0415

    number = len(topic.records.keys)
    if not number:
        return f"{topic.topic}: no {thing} of the customer."
    tombstones = counted(number - left, "tombstone")
    done = f"{tombstones} to write" if dry_run else f"{tombstones} written"
    if left:
        done += f", {left} left to a router that has not answered yet: run this again in a minute"
    return f"{topic.topic}: {counted(number, thing)}, {done}; {describe_compaction(found.configs.get(topic.topic))}."
