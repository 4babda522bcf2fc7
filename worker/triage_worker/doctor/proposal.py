"""Proposes the settings that read a topic, each with what it is based on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.structs import ConsumerRecord

from triage_worker.classify.message_sources import input_shape
from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable
from triage_worker.doctor.kinds import DESCRIPTIONS, FindSchema
from triage_worker.doctor.survey import STRUCTURED, Survey
from triage_worker.doctor.text_ranking import LIKELY
from triage_worker.doctor.trial import Trial, try_shape

GOOD_ENOUGH = 0.95
"""A path that was set reads so many of the messages that the best one reads, at least, and is left as it is."""

CLOSE = 0.05
"""Where the field that is read by default scores nearly as much as the best one, it stays."""

TRIED = ("json", "json_schema")
"""The formats that are tried where values have fields. With a registry, the first reads all that names a schema."""

FORMATS_OF_FIELDS = frozenset({*TRIED, "avro", "protobuf"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """Settings that read a topic.

    Attributes:
        values: of the settings that should change, by name.
        reasons: what each is based on; also of settings that are right as they are.
        settings: all settings, with these in place.
        trial: what becomes of the records by them.
    """

    values: dict[str, Any]
    reasons: dict[str, str]
    settings: Settings
    trial: Trial


class _Draft:
    """Settings as they are proposed so far."""

    def __init__(self, settings: Settings, records: Sequence[ConsumerRecord], find_schema: FindSchema | None) -> None:
        self._given = settings
        self._records = records
        self._find_schema = find_schema
        self.values: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}

    @property
    def settings(self) -> Settings:
        return self._given.model_copy(update=self.values)

    def trial(self, **values: Any) -> Trial:
        shape = input_shape(self.settings.model_copy(update=values))
        return try_shape(self._records, shape, self._find_schema)

    def read(self, **values: Any) -> int:
        """How many messages there are with these settings."""
        return len(self.trial(**values).messages)

    def propose(self, name: str, value: Any, reason: str) -> None:
        """Propose a value, which may be the one that is set."""
        self.reasons[name] = reason
        if getattr(self._given, name) != value:
            self.values[name] = value

    def keeps(self, name: str, value: Any) -> bool:
        """Whether a setting that somebody has made reads as much as another value, and so stays as it is."""
        given = getattr(self._given, name)
        if self._given.source(name) == "default" or given == value or given is None:
            return False
        own, best = self.read(**{name: given}), self.read(**{name: value})
        if best and own >= GOOD_ENOUGH * best:
            self.reasons[name] = f"set already ({self._given.source(name)}), and reads {own} of {len(self._records)}"
            return True
        self.reasons[name] = f"{variable(name)}={given} ({self._given.source(name)}) reads {own}"
        return False


def propose(
    settings: Settings, records: Sequence[ConsumerRecord], found: Survey, find_schema: FindSchema | None
) -> Proposal:
    """Propose settings for the records of a topic.

    Args:
        settings: as they are.
        records: of the topic.
        found: what they are.
        find_schema: looks up a schema that was fetched; None if there is no registry.
    """
    main = found.main
    if main in STRUCTURED:
        draft = _with_fields(settings, records, found, find_schema)
    else:
        draft = _Draft(settings, records, find_schema)
        if main is not None:
            count = f"{found.kinds[main]} of {len(records)} records are {DESCRIPTIONS[main]}"
            draft.propose("input_format", "email" if main == "email" else "text", count)
    proposed = settings.model_copy(update=draft.values)
    return Proposal(draft.values, draft.reasons, proposed, try_shape(records, input_shape(proposed), find_schema))


def _with_fields(
    settings: Settings, records: Sequence[ConsumerRecord], found: Survey, find_schema: FindSchema | None
) -> _Draft:
    """Propose the paths, and then the format by which most of the records are read with them."""
    is_other = settings.input_format not in FORMATS_OF_FIELDS
    draft = _Draft(settings.model_copy(update={"input_format": "json"} if is_other else {}), records, find_schema)
    _propose_paths(draft, found)
    counts = {name: draft.read(input_format=name) for name in TRIED}
    best = max(TRIED, key=lambda name: counts[name])
    if draft.keeps("input_format", best):
        return draft
    if is_other:
        draft.reasons["input_format"] = f"the values have fields, which {settings.input_format} does not read"
        draft.values["input_format"] = best
    elif best != settings.input_format:
        others = ", ".join(f"{name} reads {counts[name]}" for name in TRIED if name != best)
        draft.propose("input_format", best, f"reads {counts[best]} of {len(records)} records, {others}")
    return draft


def _propose_paths(draft: _Draft, found: Survey) -> None:
    likely = [one for one in found.texts if one.score >= LIKELY]
    readable = [one for one in likely if draft.read(text_field=one.field.name) > 0]
    if not readable:
        return
    default, best = Settings.model_fields["text_field"].default, readable[0]
    by_default = (one for one in readable if one.field.name == default and one.score >= best.score - CLOSE)
    text = next(by_default, best)
    if not draft.keeps("text_field", text.field.name):
        worse = f"; {draft.reasons['text_field']}" if "text_field" in draft.reasons else ""
        share = f"in {len(text.field.strings)} of {found.documents} records"
        draft.propose("text_field", text.field.name, f"{share}, {text.why}{worse}")
    subject = found.subject(text)
    if subject is not None and not draft.keeps("subject_field", subject.field.name):
        draft.propose("subject_field", subject.field.name, subject.why)
    conversation = found.conversation()
    if conversation is not None and not _keeps_conversation(draft, found):
        draft.propose("conversation_field", conversation.field.name, conversation.why)


def _keeps_conversation(draft: _Draft, found: Survey) -> bool:
    """Whether the conversation's path was set by somebody and leads to ids."""
    source = draft.settings.source("conversation_field")
    if source == "default":
        return False
    with_id = sum(message.conversation_id is not None for message in draft.trial().messages)
    if 2 * with_id < found.documents:
        return False
    draft.reasons["conversation_field"] = f"set already ({source}), and finds an id in {with_id} of {found.documents}"
    return True
