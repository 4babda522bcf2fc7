"""Checks that counts add up: every message that came in became exactly one thing, and nothing else is there."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AccountingCheck:
    """One equation of counts. ``str()`` prints it.

    Attributes:
        inputs: counts of what came in, by name.
        outputs: counts of what it became, by name; they must add up to the inputs.
        anomalies: counts of what must not be there at all, by name.
        note: printed behind the equation.
    """

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    anomalies: Mapping[str, int]
    note: str = ""

    @property
    def passes(self) -> bool:
        """Whether everything that came in is accounted for, once."""
        return self._balanced and not any(self.anomalies.values())

    @property
    def _balanced(self) -> bool:
        return sum(self.inputs.values()) == sum(self.outputs.values())

    def __str__(self) -> str:
        equation = f"{_sum(self.inputs)} {'=' if self._balanced else '≠'} {_sum(self.outputs)}{self.note}"
        anomalies = ", ".join(f"{count} {name}" for name, count in self.anomalies.items() if count)
        return f"{equation} ({anomalies})" if anomalies else equation


def _sum(counts: Mapping[str, int]) -> str:
    return " + ".join(f"{name} {count}" for name, count in counts.items())
