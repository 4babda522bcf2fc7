"""Finds the fields beside the text: the conversation, the subject, the customer and others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from triage_schemas.json_values.paths import Path, is_index

from triage_worker.doctor.fields import Field
from triage_worker.doctor.names import (
    CONVERSATION,
    ID,
    NOT_THE_CUSTOMERS,
    SUBJECT,
    TIMES,
    leaf_words,
    outer_words,
    words_of,
)
from triage_worker.doctor.values import is_html, is_id, is_time

Role = Literal["conversation", "subject", "message_id", "customer_id", "channel", "language", "created_at"]

LEAST_SHARE = 0.3
"""Of the documents with a text that have a conversation's id, at least."""

LEAST_SUBJECTS = 0.05
LONGEST_SUBJECT = 200
LEAST_WITH_BLANKS = 0.3
"""The share of subjects with more than one word, at least: others are names of things."""

LANGUAGE_CHARACTERS = 8
FEW_CHANNELS = 20
PEOPLE = frozenset(
    {"customer", "user", "requester", "contact", "sender", "author", "client", "visitor", "buyer", "from"}
)
GENERIC = frozenset(
    {
        "data",
        "item",
        "payload",
        "attributes",
        "info",
        "object",
        "detail",
        "details",
        "value",
        "after",
        "event",
        "s",
        "n",
    }
)
"""Names of objects that say nothing about what is in them."""

MESSAGES = frozenset({"message", "msg", "event", "comment"})
AGENT_WORDS = frozenset(
    {"agent", "admin", "bot", "assistant", "operator", "staff", "system", "outbound", "outgoing", "employee", "support"}
)
STAFF = frozenset({"staff", "agent", "bot", "internal"})
"""Names of fields that are true for what no customer wrote."""

DIRECTIONS = frozenset({"direction", "role", "sender", "author", "from", "type", "actor", "origin", "by"})


@dataclass(frozen=True, slots=True)
class Found:
    """A field that has a role.

    Attributes:
        role: what it is for.
        field: the field.
        why: in one phrase.
    """

    role: Role
    field: Field
    why: str


def find_conversation(fields: Sequence[Field], documents: int) -> Found | None:
    """Return the field with the id of the conversation; None if nothing says that one is.

    Args:
        fields: of all documents.
        documents: how many there are.
    """
    by_path = {field.path: field for field in fields}
    scored = [(*_conversation(field, by_path, documents), field) for field in fields]
    found = [one for one in scored if one[0] > 0]
    if not found:
        return None
    _, why, best = min(found, key=lambda one: (-round(one[0], 3), len(one[2].path), one[2].name))
    conversations = f"{best.distinct} conversation{'' if best.distinct == 1 else 's'}"
    return Found("conversation", best, f"{why}, {conversations} in {len(best.values)} records")


def _conversation(field: Field, by_path: Mapping[Path, Field], documents: int) -> tuple[float, str]:
    """How likely a field has the id of the conversation, 0 to 1, and why."""
    share = len(field.values) / documents
    if share < LEAST_SHARE or not all(map(is_id, field.values)):
        return 0.0, ""
    if field.distinct == 1 and len(field.values) > 2:
        return 0.0, ""  # one value for all: a queue, or a shop
    score, why = _named_conversation(field.path)
    if not score and set(leaf_words(field.path)) <= ID:
        score, why = _beside(field.path, by_path)
    return score * (0.5 + 0.5 * share), why


def _named_conversation(path: Path) -> tuple[float, str]:
    """What the names say: the last one, as in ``thread_id``, or that of the object around an ``id``."""
    words = set(leaf_words(path))
    if words <= ID:
        names = [set(words_of(step)) for step in path[:-1] if not is_index(step)]
        words = next((one for one in reversed(names) if not one <= GENERIC), set())
    score = max((CONVERSATION.get(word, 0.0) for word in words), default=0.0)
    # "ticket_status" and "conversation_parts" are something else.
    return (score, "named like its id") if words <= CONVERSATION.keys() | ID else (0.0, "")


def _beside(path: Path, by_path: Mapping[Path, Field]) -> tuple[float, str]:
    """What the fields beside an ``id`` say: a type, or a subject and a state, as tickets have them."""
    beside = {other[-1]: field for other, field in by_path.items() if other[:-1] == path[:-1] and other != path}
    kinds = {str(value) for value in beside["type"].values} if "type" in beside else set()
    if kinds and kinds <= CONVERSATION.keys():
        return 0.95, f"the id of a {min(kinds)}"
    has_state = not beside.keys().isdisjoint({"status", "state", "priority"})
    if has_state and any(word in SUBJECT for name in beside for word in words_of(name)):
        return 0.65, "the id beside a subject and a status, as tickets have them"
    return 0.0, ""


def find_subject(fields: Sequence[Field], text: Path, documents: int) -> Found | None:
    """Return the field with the subject of the text; None if no field is named like it.

    Args:
        fields: of all documents.
        text: the path to the text; a title elsewhere is one of something else.
        documents: how many there are.
    """
    found = []
    for field in fields:
        strings = field.strings
        usable = field.path != text and strings and len(strings) >= LEAST_SUBJECTS * documents
        if not usable or not any(word in SUBJECT for word in leaf_words(field.path)):
            continue
        if outer_words(field.path) & NOT_THE_CUSTOMERS or any(map(is_html, strings)):
            continue
        if sum(" " in value.strip() for value in strings) < LEAST_WITH_BLANKS * len(strings):
            continue
        if max(map(len, strings)) > LONGEST_SUBJECT or (len(set(strings)) == 1 and len(strings) > 2):
            continue
        found.append((_apart(field.path, text), field))
    if not found:
        return None
    _, best = min(found, key=lambda pair: (pair[0], -len(pair[1].strings), pair[1].name))
    return Found("subject", best, f"named like a subject, in {len(best.strings)} of {documents}")


def _apart(one: Path, other: Path) -> int:
    """How many steps lead from one field to another."""
    common = 0
    while common < min(len(one), len(other)) - 1 and one[common] == other[common]:
        common += 1
    return len(one) + len(other) - 2 * common


def find_others(fields: Sequence[Field]) -> list[Found]:
    """Return the fields that a message's further fields could be read from.

    By default they are read at the top level, under their own names; what is there is none of these.
    """
    at_top = {field.path[0] for field in fields if len(field.path) == 1 and field.values}
    found: list[Found] = []
    for role, matches in OTHERS.items():
        if role in at_top:
            continue
        fitting = [field for field in fields if field.values and matches(field)]
        if fitting:
            best = min(fitting, key=lambda field: (len(field.path), -len(field.values), field.name))
            found.append(Found(role, best, "named like it"))
    return found


def _is_message_id(field: Field) -> bool:
    words = leaf_words(field.path)
    named = (
        bool(words) and words[-1] in ID and (set(words[:-1]) | (outer_words(field.path) if len(words) == 1 else set()))
    )
    return bool(named and named & MESSAGES) and all(map(is_id, field.values)) and field.distinct == len(field.values)


def _is_customer_id(field: Field) -> bool:
    words = leaf_words(field.path)
    if not words or not all(map(is_id, field.values)):
        return False
    if words[-1] in PEOPLE:
        return len(words) == 1 and field.distinct > 1
    return words[-1] in ID | {"email"} and bool((set(words[:-1]) or outer_words(field.path)) & PEOPLE)


def _is_channel(field: Field) -> bool:
    words = leaf_words(field.path)
    named = bool(words) and (words[-1] in {"channel", "medium", "via"} or words == ["source", "type"])
    return named and bool(field.strings) and field.distinct <= FEW_CHANNELS and all(map(is_id, field.values))


def _is_language(field: Field) -> bool:
    words = leaf_words(field.path)
    named = bool({"language", "lang", "locale"} & set(words))
    return named and all(isinstance(value, str) and len(value) <= LANGUAGE_CHARACTERS for value in field.values)


def _is_created_at(field: Field) -> bool:
    words = set(leaf_words(field.path))
    return bool(words & TIMES) and "updated" not in words and all(map(is_time, field.values))


OTHERS: Mapping[Role, Callable[[Field], bool]] = {
    "message_id": _is_message_id,
    "customer_id": _is_customer_id,
    "channel": _is_channel,
    "language": _is_language,
    "created_at": _is_created_at,
}


SETTING_OF: Mapping[Role, str] = {
    "message_id": "id_field",
    "customer_id": "customer_field",
    "channel": "channel_field",
    "language": "language_field",
}
"""The settings that say where they are; of a message's time there is none."""


def find_writers(fields: Sequence[Field]) -> tuple[Field, list[Any]] | None:
    """Return a field that says who wrote a message, and those of its values that are no customer; None if none does."""
    for field in fields:
        words = set(leaf_words(field.path))
        if words & STAFF and True in field.values and False in field.values:
            return field, ["True"]
        if not words & DIRECTIONS or not 1 < field.distinct <= FEW_CHANNELS:
            continue
        others = sorted({str(value) for value in field.values if str(value).lower() in AGENT_WORDS})
        if others:
            return field, others
    return None
