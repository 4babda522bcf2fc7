"""How the messages of each topic are read, and which bundles decide on them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from triage_models.serving.mail.html import html_to_text
from triage_models.serving.mail.message import reader
from triage_models.text.entities.extractor import EntityExtractor
from triage_schemas.messages.message import InputShape
from triage_schemas.messages.placeholders import placeholder_forms

from triage_worker.config.field_paths import path_of, paths_of
from triage_worker.config.input_topics import InputSource, InputSources, input_sources
from triage_worker.config.settings import Settings
from triage_worker.inference.message_languages import MessageLanguages
from triage_worker.inference.text_source import TextSource


@dataclass(frozen=True, slots=True)
class MessageSource:
    """What the messages of some topics have in common.

    Attributes:
        shape: the format of their values, and where the fields are.
        texts: how their texts are read, and which bundles decide on them.
        entities: finds the entities of a text; None if events list none.
    """

    shape: InputShape
    texts: TextSource
    entities: EntityExtractor | None = None


class MessageSources:
    """The sources of all topics that are read.

    Args:
        find: returns the source of a topic; is asked once for each topic.
    """

    def __init__(self, find: Callable[[str], MessageSource]) -> None:
        self._find = find
        self._by_topic: dict[str, MessageSource] = {}

    @classmethod
    def from_settings(cls, sources: InputSources) -> "MessageSources":
        """Make the sources as the settings say.

        Raises:
            ConfigError: a catalogue cannot be read.
        """
        made = {source.name: _source(source) for source in sources.sources}
        return cls(lambda topic: made[sources.of(topic).name])

    def of(self, topic: str) -> MessageSource:
        """Return the source of a topic."""
        found = self._by_topic.get(topic)
        if found is None:
            found = self._by_topic[topic] = self._find(topic)
        return found


def input_shape(settings: Settings) -> InputShape:
    """Return the format of the input's values, where the fields are, and their limits."""
    text_path, *more_text_paths = paths_of(settings.text_field)
    return InputShape(
        format=settings.input_format,
        text_path=text_path,
        more_text_paths=tuple(more_text_paths),
        conversation_path=path_of(settings.conversation_field),
        subject_path=path_of(settings.subject_field) if settings.subject_field else (),
        id_path=_unless_usual(settings.id_field, "message_id"),
        customer_path=_unless_usual(settings.customer_field, "customer_id"),
        channel_path=_unless_usual(settings.channel_field, "channel"),
        language_path=_unless_usual(settings.language_field, "language"),
        ticket_path=_unless_usual(settings.helpdesk_ticket_field, "ticket_id"),
        max_message_bytes=settings.max_message_bytes,
        max_text_bytes=settings.max_text_bytes,
        skip_unchanged=settings.skip_unchanged,
        placeholders=placeholder_forms(settings.text_placeholders.split(",")),
        html_to_text=html_to_text,
    )


def shape_of(settings: Settings, topic: str) -> InputShape:
    """Return the format of a topic's values: that of its source, or that of the settings if it belongs to none.

    Raises:
        ConfigError: the file of the sources is not valid.
    """
    try:
        return _shape(input_sources(settings).of(topic))
    except LookupError:
        return input_shape(settings)


def _shape(source: InputSource) -> InputShape:
    return replace(input_shape(source.settings), channel=source.channel, language=source.language)


def _unless_usual(field: str, usual: str) -> tuple[str, ...]:
    return () if field == usual else path_of(field)


def _source(source: InputSource) -> MessageSource:
    settings = source.settings
    return MessageSource(
        _shape(source),
        TextSource(
            MessageLanguages.open(detect=settings.detect_language),
            reader(clean_email=settings.clean_email),
            source.group,
        ),
        settings.entity_extractor(),
    )
