"""Conservation, as counted on the topics: what came is what it became, and nothing else is there."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Law:
    """One sum.

    Attributes:
        came: counts by name.
        became: counts by name; in all, as many.
        odd: counts of what should not be there at all.
        note: said after the sum.
    """

    came: Mapping[str, int]
    became: Mapping[str, int]
    odd: Mapping[str, int]
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether all that came is accounted for, once."""
        return self._balanced and not any(self.odd.values())

    @property
    def _balanced(self) -> bool:
        return sum(self.came.values()) == sum(self.became.values())

    def __str__(self) -> str:
        line = f"{_sum(self.came)} {'=' if self._balanced else '≠'} {_sum(self.became)}{self.note}"
        odd = ", ".join(f"{count} {what}" for what, count in self.odd.items() if count)
        return f"{line} ({odd})" if odd else line


def _sum(counts: Mapping[str, int]) -> str:
    return " + ".join(f"{what} {count}" for what, count in counts.items())
