"""Which columns an update says that it changed, where the format lists them: MongoDB and Salesforce."""

from typing import Any, Literal, NamedTuple

from triage_schemas.input.change_events.envelope_view import EnvelopeView
from triage_schemas.json_values.exact_json import parse_embedded
from triage_schemas.json_values.paths import NotFound, Path, counts_from_end, find


class ListedChange(NamedTuple):
    """What an update says about one column.

    Attributes:
        kind: the column got a value, was removed, or did not change.
        value: the new value, if the update contains it.
    """

    kind: Literal["set", "removed", "unchanged"]
    value: Any = NotFound("the update does not contain it")


def listed_change(view: EnvelopeView, path: Path) -> ListedChange | None:
    """What an update says about the column at a path within the row; None if it does not list what it changed."""
    updated = view.get("updateDescription", "updatedFields")
    if isinstance(updated, str):
        updated = parse_embedded(updated)
    if isinstance(updated, dict):
        return _in_update_description(view, updated, path)
    names = view.get("ChangeEventHeader", "changedFields")
    if isinstance(names, list) and names:
        return ListedChange("set" if any(_concerns(name, path) for name in names) else "unchanged")
    return None


def _in_update_description(view: EnvelopeView, updated: dict[str, Any], path: Path) -> ListedChange:
    for name, value in updated.items():
        steps = name.split(".")
        if _concerns(name, path):
            return ListedChange("set", find(value, path[len(steps) :]) if len(steps) <= len(path) else value)
    removed = view.get("updateDescription", "removedFields")
    if isinstance(removed, list) and any(_concerns(name, path) for name in removed):
        return ListedChange("removed")
    return ListedChange("unchanged")


def _concerns(name: Any, path: Path) -> bool:
    """Whether a changed field, such as ``messages.3``, is on the way to a path, or is below it."""
    if not isinstance(name, str):
        return False
    # A negative index of the path counts from an end that is not known here, so every index can be meant.
    return all(
        step == wanted or (counts_from_end(wanted) and step.isdecimal())
        for step, wanted in zip(name.split("."), path, strict=False)
    )
