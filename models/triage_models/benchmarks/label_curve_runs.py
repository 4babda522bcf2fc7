"""Calibrates a bundle to many draws of labelled rows, and measures each result on rows that nobody labelled."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from triage_models.benchmarks.label_curve_outcomes import GOAL_COVERAGE, GOAL_RIGHT, Outcome, decide
from triage_models.bundle.manifest import Manifest
from triage_models.calibration.bundle_calibration import fit_to_rows
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.shop_rows import ModelledRows, read_shop_rows, run_model
from triage_models.labelling.profiles import Profiles, profile_texts
from triage_models.labelling.sampling import choose
from triage_models.serving.classifier import Classifier

Way = Literal["random", "sampled", "all sampled"]
"""How rows are drawn to label: at random; by `triage sample`, of which only the random part is calibrated to; and all
of the latter, which `triage calibrate` does not do."""

POOL_SHARE = 0.6
"""So many of the rows may be labelled; the others measure, and are the same for each way and number of labels."""

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Traffic:
    """The N messages of a shop or channel, with what the bundle says of them.

    Attributes:
        name: in words.
        texts: ``[N]``
        modelled: what is calibrated to, and measured on.
        profiles: what `triage sample` chooses by. The vectors are whitened over all N texts and not over each pool.
    """

    name: str
    texts: list[str]
    modelled: ModelledRows
    profiles: Profiles


@dataclass(frozen=True)
class Point:
    """The means over all draws of so many labels, and over those in which the limit is guaranteed.

    Attributes:
        traffic: the name of the shop or channel.
        max_error: the limit.
        way: how rows are drawn.
        labels: how many rows are labelled.
        used: how many of them were calibrated to, in the mean.
        guaranteed: share of the draws in which the limit is guaranteed.
        kept: share of those with at most so many errors on the measuring rows.
        broken: share of all draws in which the limit is guaranteed and not kept on the measuring rows.
        broken_everywhere: the same on all rows, labelled ones included: the traffic that was drawn from.
        coverage: the accepted share of the measuring rows with an intent.
        right: the correct share of all accepted measuring rows.
        foreign_accepted: the accepted share of the measuring rows without an intent.
        guaranteed_coverage: `coverage` where the limit is guaranteed.
        guaranteed_right: `right` where it is.
        reached: share of the draws with at least `GOAL_RIGHT` correct at `GOAL_COVERAGE`.
        ece: expected calibration error.
        rows_needed: median of the estimates of further rows where nothing is guaranteed.
    """

    traffic: str
    max_error: float
    way: Way
    labels: int
    used: float
    guaranteed: float
    kept: float | None
    broken: float
    broken_everywhere: float
    coverage: float
    right: float
    foreign_accepted: float
    guaranteed_coverage: float | None
    guaranteed_right: float | None
    reached: float
    ece: float
    rows_needed: float | None


@dataclass(frozen=True)
class _Draw:
    """What came of one draw: on the measuring rows, and on all."""

    used: int
    guaranteed: bool
    rows_needed: int
    measured: Outcome
    everywhere: Outcome


def read_rows(file: Path, classifier: Classifier) -> tuple[list[str], ModelledRows]:
    """Read labelled messages as `triage calibrate` does, and run the bundle on them.

    Raises:
        DataError: The file cannot be read, or has labels that the bundle does not know.
    """
    manifest = classifier.bundle.manifest
    rows = read_shop_rows(file, manifest.labels, manifest.out_of_scope_label, None, lambda note: None)
    return rows.texts, run_model(classifier, rows, file.name)


def read_traffic(name: str, file: Path, classifier: Classifier) -> Traffic:
    """Read labelled messages, and run the bundle on them once, for any number of draws.

    Raises:
        DataError: The file cannot be read, or has labels that the bundle does not know.
    """
    texts, modelled = read_rows(file, classifier)
    return Traffic(name, texts, modelled, profile_texts(classifier, texts))


def measure_curve(
    traffic: Traffic, manifest: Manifest, sizes: Sequence[int], limits: Sequence[float], draws: int
) -> list[Point]:
    """Calibrate to draws of each number of labels that the rows reach, and measure.

    Args:
        traffic: the shop.
        manifest: that of the bundle.
        sizes: numbers of labels.
        limits: error rates to guarantee.
        draws: how many draws of each.
    """
    found: dict[tuple[float, Way, int], list[_Draw]] = defaultdict(list)
    for draw in range(draws):
        pool, rest = split_rows(len(traffic.texts), draw)
        done: dict[tuple[float, bytes], _Draw] = {}  # the random part of a sample often is a smaller random draw
        for size in (size for size in sizes if size <= len(pool)):
            for way, rows in draw_rows(traffic, manifest, pool, size).items():
                for limit in limits:
                    key = (limit, rows.tobytes())
                    done[key] = done.get(key) or _calibrate(traffic.modelled, (rows, rest), manifest, limit, draw)
                    found[limit, way, size].append(done[key])
    return [_point(traffic.name, *setting, some) for setting, some in found.items()]


def split_rows(rows: int, draw: int) -> tuple[Rows, Rows]:
    """Return the rows that may be labelled, in random order, and those that measure."""
    order: Rows = np.random.default_rng([11, draw]).permutation(rows)
    pool = round(POOL_SHARE * rows)
    return order[:pool], order[pool:]


def draw_rows(traffic: Traffic, manifest: Manifest, pool: Rows, size: int) -> dict[Way, Rows]:
    """Return the rows that each way of drawing calibrates to when so many rows of a pool are labelled."""
    profiles = Profiles(
        [traffic.profiles.decisions[row] for row in pool],
        [traffic.profiles.neighbours[row] for row in pool],
        traffic.profiles.vectors[pool],
    )
    sample = choose([traffic.texts[row] for row in pool], profiles, manifest.thresholds.confidence, size)
    return {
        "random": pool[:size],
        "sampled": pool[[one.row for one in sample if one.part == "random"]],
        "all sampled": pool[[one.row for one in sample]],
    }


def _calibrate(rows: ModelledRows, split: tuple[Rows, Rows], manifest: Manifest, limit: float, seed: int) -> _Draw:
    labelled, rest = split
    correction, chosen = fit_to_rows(rows.take(labelled), manifest, ErrorLimits(limit), seed=seed)
    measured, everywhere = (
        decide(some, manifest, correction.calibration, chosen.thresholds) for some in (rows.take(rest), rows)
    )
    return _Draw(len(labelled), chosen.thresholds.guarantee.certified, chosen.rows_needed, measured, everywhere)


def _point(traffic: str, max_error: float, way: Way, labels: int, draws: Sequence[_Draw]) -> Point:
    sure = [one for one in draws if one.guaranteed]
    needed = [one.rows_needed for one in draws if not one.guaranteed]
    whole, where_sure = _total(draws), _total(sure)
    broken = sum(one.measured.precision < 1 - max_error for one in sure)
    reached = [one.measured.precision >= GOAL_RIGHT and one.measured.coverage >= GOAL_COVERAGE for one in draws]
    return Point(
        traffic=traffic,
        max_error=max_error,
        way=way,
        labels=labels,
        used=float(np.mean([one.used for one in draws])),
        guaranteed=len(sure) / len(draws),
        kept=1 - broken / len(sure) if sure else None,
        broken=broken / len(draws),
        broken_everywhere=sum(one.everywhere.precision < 1 - max_error for one in sure) / len(draws),
        coverage=whole.coverage,
        right=whole.precision,
        foreign_accepted=whole.foreign[1] / max(1, whole.foreign[0]),
        guaranteed_coverage=where_sure.coverage if sure else None,
        guaranteed_right=where_sure.precision if sure else None,
        reached=float(np.mean(reached)),
        ece=whole.ece,
        rows_needed=float(np.median(needed)) if needed else None,
    )


def _total(draws: Sequence[_Draw]) -> Outcome:
    """Add up what was counted on the measuring rows; the calibration error is the mean."""
    outcomes = [one.measured for one in draws]
    return Outcome(
        (sum(one.in_scope[0] for one in outcomes), sum(one.in_scope[1] for one in outcomes)),
        (sum(one.foreign[0] for one in outcomes), sum(one.foreign[1] for one in outcomes)),
        sum(one.right for one in outcomes),
        sum(one.ece for one in outcomes) / max(1, len(outcomes)),
    )
