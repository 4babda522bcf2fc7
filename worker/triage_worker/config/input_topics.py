"""The sources of messages, and the topics that the settings name."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from triage_worker.config import sources_file
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.source_model import SourceModel
from triage_worker.config.sources import variable
from triage_worker.config.topic_selection import TopicSelection

INPUT = "input_topic"

INTERNAL = ("keyed", "counts", "conversations-changelog", "rates-changelog", "spending", "state")
"""What follows the group in the names of the topics that services create for themselves."""


@dataclass(frozen=True, slots=True)
class InputSource:
    """Topics whose messages are read and decided in the same way.

    Attributes:
        name: what it is called.
        selection: its topics.
        settings: how its messages are read and decided.
        channel: that of messages that give none.
        language: that of messages that give none.
        group: names the bundles that decide; sources with the same setting share them. Empty for the environment's.
    """

    name: str
    selection: TopicSelection
    settings: Settings
    channel: str | None = None
    language: str | None = None
    group: str = ""


class InputSources:
    """All sources of messages, in their order.

    Attributes:
        sources: each of them.
        selection: the topics of all.
        bundles: the bundles that decide, by the group of sources.
    """

    def __init__(self, sources: Sequence[InputSource]) -> None:
        first = sources[0].selection
        self.sources = sources
        self.selection = replace(
            first,
            names=tuple(name for source in sources for name in source.selection.names),
            patterns=tuple(pattern for source in sources for pattern in source.selection.patterns),
        )
        self.bundles: Mapping[str, BundlePaths] = {source.group: source.settings.bundle for source in sources}

    def of(self, topic: str) -> InputSource:
        """Return the source of a topic: that which names it, or else the first that matches it; the only one if one.

        Raises:
            LookupError: it belongs to none.
        """
        if len(self.sources) == 1:
            return self.sources[0]
        for source in self.sources:
            if topic in source.selection.names:
                return source
        for source in self.sources:
            if source.selection.matches(topic):
                return source
        raise LookupError(f"the topic {topic} belongs to no source")


def input_sources(settings: Settings) -> InputSources:
    """Return the sources of messages: those of the file, or else the topics of the settings as the only one.

    Raises:
        ConfigError: the file is not valid, or the topics are given twice.
    """
    if settings.sources is None:
        return InputSources(
            [InputSource("", _findable(settings, TopicSelection.parse(settings.input_topic)), settings)]
        )
    if settings.source(INPUT) != "default":
        raise ConfigError("TRIAGE_INPUT_TOPIC and TRIAGE_SOURCES both name input topics: set only one of them.")
    return _of_file(settings, settings.sources)


def settings_of(settings: Settings, topic: str) -> Settings:
    """Return the settings of one topic, with it as the only input topic: those of its source, if it belongs to one.

    Raises:
        ConfigError: the file of the sources is not valid.
    """
    own = settings
    if settings.sources is not None:
        with suppress(LookupError):
            own = _of_file(settings, settings.sources).of(topic).settings
    return own.model_copy(update={INPUT: topic, "sources": None})


def _of_file(settings: Settings, file: Path) -> InputSources:
    groups: dict[BundlePaths, str] = {settings.bundle: ""}
    sources = []
    for model in sources_file.load(file):
        source = _source(settings, model, file)
        sources.append(replace(source, group=groups.setdefault(source.settings.bundle, source.name)))
    _check(settings, sources)
    return InputSources(sources)


def input_topics(settings: Settings) -> TopicSelection:
    """Return the topics of messages.

    Raises:
        ConfigError: the file of the sources is not valid.
    """
    return input_sources(settings).selection


def named_topics(settings: Settings, name: str) -> tuple[str, ...]:
    """Return the topics that a setting names; without those that only a pattern finds."""
    return input_topics(settings).names if name == INPUT else (getattr(settings, name),)


def where_named(settings: Settings, name: str) -> str:
    """Say where a topic's name can be corrected, for an error."""
    return f"in {settings.sources}" if name == INPUT and settings.sources is not None else f"by {variable(name)}"


def _source(settings: Settings, model: SourceModel, file: Path) -> InputSource:
    selection = TopicSelection(tuple(model.topic or ()), () if model.pattern is None else (model.pattern,))
    own = settings.changed(model.changes, str(file))
    return InputSource(model.called, _findable(settings, selection), own, model.channel, model.language)


def _findable(settings: Settings, selection: TopicSelection) -> TopicSelection:
    """Let no pattern find a topic of Triage's own, or the worker would read its outputs."""
    own = {getattr(settings, name) for name in type(settings).model_fields if name.endswith("_topic") and name != INPUT}
    internal = {f"{settings.group_id}-{name}" for name in INTERNAL}
    return replace(
        selection,
        excluded=frozenset(own | internal),
        excluded_prefixes=(f"{settings.dead_letter_topic}.", *(f"{group}-" for group in settings.GROUPS.values())),
    )


def _check(settings: Settings, sources: Sequence[InputSource]) -> None:
    for source in sources:
        for topic in source.selection.names:
            if topic in source.selection.excluded:
                raise ConfigError(f"{settings.sources}: Triage writes to {topic}, so it cannot be a source, too.")
        if source.settings.input_format in {"avro", "protobuf"} and settings.schema_registry_url is None:
            raise ConfigError(
                f"{settings.sources}: the format {source.settings.input_format} of {source.name} needs "
                "TRIAGE_SCHEMA_REGISTRY_URL too."
            )
