"""The rights that docs/security.md lists, as they are given to a real authoriser."""

import re
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
ROW = re.compile(
    r"^\| (?P<who>[a-z]+)(?P<more>, exactly once|, with a budget)? "
    r"\| (?P<kind>[a-z ]+) \| (?P<names>.+) \| (?P<may>.+) \|$"
)
BEGINS = "begins with "


class Right(NamedTuple):
    """One operation on one resource, or on all whose names begin so."""

    kind: str
    name: str
    prefix: bool
    operation: str

    def __str__(self) -> str:
        return f"{self.operation} on {self.kind} {self.name}{'…' if self.prefix else ''}"


def documented(service: str, *, exactly_once: bool = False, budget: bool = False) -> list[Right]:
    """All rights of a service, in the document's order.

    Args:
        service: as the document calls it.
        exactly_once: with those that only this delivery needs.
        budget: with those that the fallback needs to keep to one.
    """
    more = {None, *([", exactly once"] if exactly_once else []), *([", with a budget"] if budget else [])}
    rights = [
        Right(row["kind"], name, row["names"].startswith(BEGINS), operation)
        for row in map(ROW.match, DOCUMENT.read_text(encoding="utf-8").splitlines())
        if row is not None and row["who"] == service and row["more"] in more
        for name in re.findall(r"`([^`]+)`", row["names"])
        for operation in row["may"].split(", ")
    ]
    assert rights, f"{DOCUMENT.name} gives {service} no rights"
    return rights
