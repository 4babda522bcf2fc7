"""Says what records are and where a message's fields are in them: what the proposed settings are based on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.structs import ConsumerRecord

from triage_worker.doctor.fields import Field, View, collect, view_of
from triage_worker.doctor.kinds import FindSchema, Kind, Recognised, recognise
from triage_worker.doctor.roles import Found, find_conversation, find_others, find_subject, find_writers
from triage_worker.doctor.text_ranking import Candidate, rank_texts
from triage_worker.doctor.values import is_natural

STRUCTURED: tuple[Kind, ...] = ("json", "framed_json", "avro", "protobuf")
"""Kinds of values that have fields."""

UNSTRUCTURED: tuple[Kind, ...] = ("email", "text", "json_string")
"""Kinds that a message is the whole value of."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What records are.

    Attributes:
        kinds: how many there are of each kind, the most frequent first.
        details: by kind, how many records have each detail.
        change_logs: how many are events of a change log, by its format.
        documents: how many have fields and may be a message.
        fields: of these, in the order in which they come.
        texts: the fields that can be the text, the best first.
        writers: a field that says who wrote a message, and those of its values that are no customer; None if none does.
        natural: the share of plain texts that read like a person's message.
        keys: how many records have a key.
    """

    kinds: Counter[Kind]
    details: dict[Kind, Counter[str]]
    change_logs: Counter[str]
    documents: int
    fields: list[Field]
    texts: list[Candidate]
    writers: tuple[Field, list[Any]] | None
    natural: float
    keys: int

    @property
    def main(self) -> Kind | None:
        """The kind that the settings are for; None if no record can be a message."""
        structured = sum(self.kinds[kind] for kind in STRUCTURED)
        others = [(self.kinds[kind], kind) for kind in UNSTRUCTURED if self.kinds[kind]]
        most, kind = max(others, default=(0, None), key=lambda pair: pair[0])
        if structured and structured >= most:
            return max(STRUCTURED, key=lambda one: self.kinds[one])
        return kind

    def conversation(self) -> Found | None:
        """The field with the id of the conversation, if there is one."""
        return find_conversation(self.fields, self.documents) if self.documents else None

    def subject(self, text: Candidate) -> Found | None:
        """The field with the subject of a text, if there is one."""
        return find_subject(self.fields, text.field.path, self.documents)

    def others(self) -> list[Found]:
        """Fields that the defaults do not read, since they are not at the top level."""
        return find_others(self.fields)


def survey(records: Sequence[ConsumerRecord], find_schema: FindSchema = lambda _: None) -> Survey:
    """Look at records; nothing of the settings matters here but the schemas of a registry."""
    recognised = [recognise(record.value, record.headers or (), find_schema) for record in records]
    views = [view for one in recognised if one.document is not None and (view := view_of(one.document)) is not None]
    fields = collect(views)
    details: dict[Kind, Counter[str]] = {}
    for one in recognised:
        if one.detail:
            details.setdefault(one.kind, Counter())[one.detail] += 1
    return Survey(
        Counter(one.kind for one in recognised),
        details,
        _change_logs(views),
        len(views),
        fields,
        rank_texts(fields, len(views)) if views else [],
        find_writers(fields),
        _natural(records, recognised),
        sum(record.key is not None for record in records),
    )


def _change_logs(views: Sequence[View]) -> Counter[str]:
    return Counter(view.change_log for view in views if view.change_log)


def _natural(records: Sequence[ConsumerRecord], recognised: Sequence[Recognised]) -> float:
    texts = [
        record.value.decode(errors="replace")
        for record, one in zip(records, recognised, strict=True)
        if one.kind == "text" and record.value
    ]
    return sum(map(is_natural, texts)) / len(texts) if texts else 0.0
