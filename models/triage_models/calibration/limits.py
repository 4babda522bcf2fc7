"""The error rates that a bundle's guarantees allow, and how they are given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from triage_models.data.labelled import LABEL
from triage_models.data.labels import LabelMatcher, show_labels
from triage_models.data.tables import open_table
from triage_models.errors import DataError

RISK = 0.05
"""The error rate among accepted messages that the guarantee allows, if nobody asks for another."""

SUGGEST_RISK = 0.2
"""The error rate that is allowed down to the threshold of suggestions, if nobody asks for another."""

SMALLEST, LARGEST = 0.001, 0.5
COST = "cost"


@dataclass(frozen=True)
class ErrorLimits:
    """The error rates that are allowed, each 0 to 1.

    Attributes:
        overall: among accepted messages.
        suggest: among all messages down to the threshold of suggestions.
        by_intent: among the accepted messages of an intent; lower than ``overall``.
    """

    overall: float = RISK
    suggest: float = SUGGEST_RISK
    by_intent: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for flag, risk in (("max-error", self.overall), ("suggest-max-error", self.suggest)):
            check_rate(f"--{flag} {risk:g}", risk)
        if self.suggest < self.overall:
            raise DataError(
                f"--suggest-max-error {self.suggest:g} is below --max-error {self.overall:g}: a suggestion may be "
                "wrong at least as often as what is accepted."
            )
        for label, risk in self.by_intent.items():
            check_rate(f"The largest error of {label}, {risk:g},", risk)

    def for_labels(self, labels: Sequence[str]) -> "ErrorLimits":
        """Return the limits with labels as a bundle writes them, and without those that ask for nothing more.

        Raises:
            DataError: The bundle does not know a label, or two are the same to it.
        """
        matcher = LabelMatcher(labels)
        found = {label: matcher.find(label) for label in self.by_intent}
        unknown = [label for label, match in found.items() if match is None]
        if unknown:
            raise DataError(
                f"The bundle has no intent {show_labels(unknown)}, which was given a limit of its own: its intents are "
                f"{show_labels(labels)}."
            )
        own = {match: self.by_intent[label] for label, match in found.items() if match is not None}
        if len(own) < len(found):
            twice = [label for label, match in found.items() if list(found.values()).count(match) > 1]
            raise DataError(f"{show_labels(twice)} mean the same intent of the bundle: give it one limit.")
        stricter = {label: risk for label, risk in own.items() if risk < self.overall}
        return ErrorLimits(self.overall, self.suggest, dict(sorted(stricter.items())))


def check_rate(named: str, risk: float) -> None:
    """Refuse an error rate that no guarantee can be made of.

    Raises:
        DataError: It is not between `SMALLEST` and `LARGEST`.
    """
    if not SMALLEST <= risk <= LARGEST:
        raise DataError(f"{named} is not between {SMALLEST:g} and {LARGEST:g}: 0.05 means that 5 % may be wrong.")


def parse_limits(given: Sequence[str]) -> dict[str, float]:
    """Read limits of the form ``LABEL=0.01``.

    Raises:
        DataError: One has another form, or a label is given twice.
    """
    limits: dict[str, float] = {}
    for text in given:
        label, separator, number = text.rpartition("=")
        try:
            risk = float(number)
        except ValueError:
            separator = ""
        if not separator or not label.strip():
            raise DataError(f"--max-error-for {text} is not of the form LABEL=0.01.")
        if label.strip() in limits:
            raise DataError(f"--max-error-for gives {label.strip()} two limits: keep one of them.")
        limits[label.strip()] = risk
    return limits


def read_costs(file: Path, overall: float) -> dict[str, float]:
    """Read a CSV with ``label,cost``, and return the largest error of each intent.

    A wrong acceptance that costs five times as much may happen a fifth as often.

    Args:
        file: what a wrong acceptance of each intent costs, relative to 1 for the others.
        overall: the error rate that is allowed at a cost of 1.

    Raises:
        DataError: The file or a column is missing, or a cost is not a number of 1 or more, or a label has two.
    """
    limits: dict[str, float] = {}
    with open_table(file, [LABEL, COST]) as table:
        for record in table:
            label, cell = record[LABEL].strip(), record[COST].strip()
            if not label and not cell:
                continue
            try:
                cost = float(cell.replace(",", ".") if table.delimiter != "," else cell)
            except ValueError:
                cost = 0.0
            if not label or not 1 <= cost < float("inf"):
                raise DataError(
                    f"{file}, line {table.line}: the cost '{cell}' of '{label}' is not a number of 1 or more: say how "
                    "many times as much a wrong acceptance of this intent costs as of the others."
                )
            if label in limits:
                raise DataError(f"{file}, line {table.line}: '{label}' has a cost already: keep one of them.")
            limits[label] = overall / cost
    return limits
