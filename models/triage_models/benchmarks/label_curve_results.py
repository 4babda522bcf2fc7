"""The figures of the label curve: what the table, the picture and the pages are made of."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from triage_models.benchmarks.label_curve_outcomes import Baseline
from triage_models.benchmarks.label_curve_runs import Point, Way

SHOP = "SOFMattress"
POSTS, OTHERS, CHANNELS = "posts", "the other channels", "all six channels"
"""The held-out messages that are calibrated to."""


@dataclass(frozen=True)
class Results:
    """All figures.

    Attributes:
        bundle: its name and version.
        draws: how many draws of each number of labels.
        baselines: the bundle as it is, on each shop and channel.
        points: the calibrated bundle.
    """

    bundle: str
    draws: int
    baselines: list[Baseline]
    points: list[Point]

    def line(self, traffic: str, max_error: float, way: Way) -> list[Point]:
        """Return the points of a curve, by rising number of labels."""
        found = [one for one in self.points if (one.traffic, one.max_error, one.way) == (traffic, max_error, way)]
        return sorted(found, key=lambda one: one.labels)

    def baseline(self, traffic: str) -> Baseline:
        """Return what the bundle does there as it is."""
        return next(one for one in self.baselines if one.traffic == traffic)

    @property
    def limits(self) -> list[float]:
        """The error rates that are guaranteed, falling."""
        return sorted({one.max_error for one in self.points}, reverse=True)

    def to_json(self) -> str:
        """Return as JSON with six decimal places, and each baseline and point on a line of its own."""
        head = f'"bundle": {json.dumps(self.bundle)},\n"draws": {self.draws}'
        lists = [f'"{name}": [\n{_lines(getattr(self, name))}\n]' for name in ("baselines", "points")]
        return "{\n" + ",\n".join([head, *lists]) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> "Results":
        """Read what `to_json` returned."""
        stored = json.loads(text)
        return cls(
            stored["bundle"],
            stored["draws"],
            [Baseline(**one) for one in stored["baselines"]],
            [Point(**one) for one in stored["points"]],
        )


def first_labels(points: Sequence[Point], reached: Callable[[Point], bool]) -> int | None:
    """Return the smallest number of labels from which on every point reaches something; None if not even the last."""
    found = None
    for point in reversed(points):
        if not reached(point):
            break
        found = point.labels
    return found


def _lines(rows: Sequence[Baseline | Point]) -> str:
    return ",\n".join(json.dumps({name: _rounded(one) for name, one in vars(row).items()}) for row in rows)


def _rounded(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value
