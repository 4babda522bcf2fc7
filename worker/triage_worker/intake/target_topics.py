"""The topics that messages are sent on to."""

from collections.abc import Iterable, Sequence

from triage_worker.config.errors import ConfigError
from triage_worker.config.input_topics import input_topics
from triage_worker.config.intake_sources import IntakeSourceModel
from triage_worker.config.settings import Settings
from triage_worker.kafka.topics import list_topics


def target_topics(settings: Settings, sources: Sequence[IntakeSourceModel]) -> dict[str, str]:
    """Return the topic of each source, by its name: its own, or else the one that the worker reads.

    Raises:
        ConfigError: a source has none, and the worker reads several; or a source of e-mails has none, and the worker
            reads JSON.
    """
    selection = input_topics(settings)
    only = selection.names[0] if len(selection.names) == 1 and not selection.patterns else None
    found = {}
    for source in sources:
        topic = source.topic or only
        if topic is None:
            raise ConfigError(
                f"The intake's source {source.name} needs a topic: messages are read from several ({selection})."
            )
        if topic == settings.intake_topic:
            raise ConfigError(
                f"The intake's source {source.name} needs another topic than {topic} (TRIAGE_INTAKE_TOPIC)."
            )
        if source.kind == "imap" and source.topic is None and settings.input_format != "email":
            raise ConfigError(
                f"The intake's source {source.name} needs a topic of its own, which the worker reads with the format "
                f"email: {topic} is read as {settings.input_format}. docs/intake.md has an example."
            )
        found[source.name] = topic
    return found


async def require_topics(settings: Settings, topics: Iterable[str]) -> None:
    """Check that topics exist.

    Raises:
        ConfigError: one does not; says what to do.
    """
    missing = sorted(set(topics) - await list_topics(settings))
    if missing:
        raise ConfigError(
            f"The topic {missing[0]} does not exist on {settings.bootstrap_servers}, or is not shown to this user: "
            "create it, or name another one in TRIAGE_INTAKE_SOURCES."
        )
