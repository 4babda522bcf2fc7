"""The access rights that docs/security.md lists, as access control entries for a real authorizer."""

import re
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(
    r"^\| (?P<service>[a-z]+)(?P<condition>, exactly once|, with a budget|, with an audit|, acting|, learning)? "
    r"\| (?P<kind>[a-z ]+) \| (?P<names>.+) \| (?P<operations>.+) \|$"
)
PREFIX_MARK = "begins with "


class Acl(NamedTuple):
    """Allows one operation on a resource, or on all resources whose names have a prefix.

    Attributes:
        kind: "topic", "group" or "transactional id".
        name: of the resource, or the prefix.
        prefix: whether the name is a prefix.
        operation: such as "Read".
    """

    kind: str
    name: str
    prefix: bool
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name}{'…' if self.prefix else ''}"


def documented_acls(
    service: str, *, exactly_once: bool = False, budget: bool = False, audit: bool = False, learning: bool = False
) -> list[Acl]:
    """Return all rights of a service, in the document's order.

    Args:
        service: as the document names it.
        exactly_once: include the rights that only this delivery needs.
        budget: include the rights that the fallback needs for a budget.
        audit: include the rights that a worker needs for an audit, and the audit to act.
        learning: include the rights that the helpdesk connector needs to learn from agents.
    """
    wanted = {", exactly once": exactly_once, ", with a budget": budget, ", with an audit": audit, ", acting": audit}
    wanted[", learning"] = learning
    conditions = {None, *(condition for condition, included in wanted.items() if included)}
    acls = [
        Acl(row["kind"], name, row["names"].startswith(PREFIX_MARK), operation)
        for row in map(ROW.match, DOCUMENT.read_text(encoding="utf-8").splitlines())
        if row is not None and row["service"] == service and row["condition"] in conditions
        for name in re.findall(r"`([^`]+)`", row["names"])
        for operation in row["operations"].split(", ")
    ]
    assert acls, f"{DOCUMENT.name} lists no rights of {service}"
    return acls
