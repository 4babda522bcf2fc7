"""Decodes records as the worker does by given settings, and counts what becomes of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka.structs import ConsumerRecord
from triage_schemas.input.decoder import decode
from triage_schemas.input.framed_values import frame_of
from triage_schemas.input.registry.frames import SchemaId
from triage_schemas.input.registry.schema import KnownSchema, Schemas, UnusableSchema
from triage_schemas.messages.message import CustomerMessage, InputShape, Rejected, Skipped

from triage_worker.doctor.kinds import FindSchema
from triage_worker.kafka.records import source_of

WAITS = "waits_for_schema"
"""Counts records as if it was a code of dead letters; the worker waits until the registry has answered."""


@dataclass(slots=True)
class Trial:
    """What becomes of some records.

    Attributes:
        messages: the customers' messages among them.
        skipped: how many are no new message, by reason.
        rejected: how many would be dead letters, by code.
        explanations: what the first dead letter of each code says.
    """

    messages: list[CustomerMessage] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    explanations: dict[str, str] = field(default_factory=dict)


def try_shape(records: Sequence[ConsumerRecord], shape: InputShape, find_schema: FindSchema | None) -> Trial:
    """Decode records.

    Args:
        records: of the input topic.
        shape: how they are read.
        find_schema: looks up a schema that was fetched; None if there is no registry.
    """
    trial = Trial()
    for record in records:
        headers = record.headers or ()
        frame = None if find_schema is None else frame_of(record.value, headers, shape)
        if find_schema is not None and frame is not None and find_schema(frame.schema_id) is None:
            trial.rejected[WAITS] += 1
            trial.explanations.setdefault(WAITS, f"the registry has not given the schema {frame.schema_id}")
            continue
        decoded = decode(record.value, source_of(record), shape, headers, _schemas(find_schema), record.key)
        if isinstance(decoded, CustomerMessage):
            trial.messages.append(decoded)
        elif isinstance(decoded, Skipped):
            trial.skipped[decoded.reason] += 1
        else:
            trial.rejected[decoded.code] += 1
            trial.explanations.setdefault(decoded.code, _explanation(decoded))
    return trial


def _schemas(find_schema: FindSchema | None) -> Schemas | None:
    if find_schema is None:
        return None

    def look_up(schema_id: SchemaId) -> KnownSchema:
        return find_schema(schema_id) or UnusableSchema("unknown_schema", "it was not fetched")

    return look_up


def _explanation(rejected: Rejected) -> str:
    return rejected.message
