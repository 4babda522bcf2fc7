"""Makes any event, from its type: what pydantic accepts as a field's value is what hypothesis makes."""

from datetime import UTC, datetime, timedelta
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo
from triage_schemas.channels import CHANNELS
from triage_schemas.events import Event

KINDS: list[type[Event]] = list({channel.event: None for channel in CHANNELS if channel.event is not None})

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**63 - 1
TIMES = st.integers(0, 4_000_000_000_000).map(lambda milliseconds: EPOCH + timedelta(milliseconds=milliseconds))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def events(kind: type[Event]) -> st.SearchStrategy[Any]:
    """Make events of a type; optional fields are sometimes not set."""
    return _objects(kind)


def _objects(model: type[BaseModel]) -> st.SearchStrategy[Any]:
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        (required if field.is_required() else optional)[name] = _values(field.annotation, field.metadata)
    return st.fixed_dictionaries(required, optional=optional).map(lambda fields: model(**fields))


def _values(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner = [one for part in arguments[1:] for one in (part.metadata if isinstance(part, FieldInfo) else [part])]
        return _values(arguments[0], [*metadata, *inner])
    if origin in {Union, UnionType}:
        return st.one_of(*[st.none() if one is NoneType else _values(one, metadata) for one in arguments])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is list:
        return st.lists(_values(arguments[0], []), max_size=3)
    if origin is dict:
        return st.dictionaries(TEXTS, _values(arguments[1], []), max_size=3)
    return _scalars(annotation, metadata)


def _scalars(annotation: Any, metadata: list[Any]) -> st.SearchStrategy[Any]:
    least: Any = next((one.ge for one in metadata if isinstance(one, Ge)), None)
    above: Any = next((one.gt for one in metadata if isinstance(one, Gt)), None)
    most: Any = next((one.le for one in metadata if isinstance(one, Le)), None)
    if annotation is AwareDatetime:
        return TIMES
    if annotation is float:
        lower = least if above is None else above
        return st.floats(lower, most, allow_nan=False, allow_infinity=False, exclude_min=above is not None, width=64)
    if annotation is int:
        return st.integers(-LARGEST if least is None else least, LARGEST)
    if annotation is bool:
        return st.booleans()
    return TEXTS if annotation is str else _objects(annotation)
