"""What the model has to reach, and how each figure is measured."""

import csv
import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import DataError
from models.evaluation.bootstrap import RESAMPLES, exact_share
from models.evaluation.confidence_cost import confidence_cost, summary
from models.evaluation.learning import DRAWS, gain
from models.evaluation.mapped import SHOP_SCOPE, write_mapped
from models.evaluation.rows import read_rows
from models.evaluation.run import run

COST_ROWS = 1024
TEMPLATES_EACH = 500


@dataclass(frozen=True)
class Bar:
    """A figure and what is asked of it; ``most`` where less is better."""

    figure: str
    bar: float
    aim: float
    most: bool = False

    def met(self, value: float) -> bool:
        """Whether the bar is met."""
        return value <= self.bar if self.most else value >= self.bar


@dataclass(frozen=True)
class Measured:
    """One line of the table: a figure with its 95 % interval (for the cost: the middle half of its rounds)."""

    bar: Bar
    value: float
    interval: list[float]


@dataclass(frozen=True)
class Place:
    """Where things are: the public data sets, the shipped bundle, and a folder for what is made here."""

    data: Path
    bundle: Path
    runs: Path
    fresh: bool = False
    tell: Callable[[str], None] = lambda text: None


@dataclass(frozen=True)
class Benchmark:
    """Figures that one measurement gives. ``folder`` is the data set's, below the data folder."""

    name: str
    title: str
    folder: str
    bars: tuple[Bar, ...]
    measure: Callable[[Place], dict[str, tuple[float, list[float]]]]


def _ecomintent(place: Place) -> dict[str, tuple[float, list[float]]]:
    found = run(place.data / "ecomintent" / "test.csv", place.bundle, output=_report(place, "ecomintent"))
    return _figures(found, "accuracy")


def _mattress_mapped(place: Place) -> dict[str, tuple[float, list[float]]]:
    data = write_mapped(place.data / "sofmattress", place.runs / "data" / "sofmattress_mapped.csv")
    found = run(data, place.bundle, output=_report(place, "sofmattress_mapped"))
    intents = sum(rows for label, rows in found["false_acceptances"].items() if label != "OTHER")
    return {
        **_figures(found, "accuracy", "selective_accuracy", "coverage"),
        "foreign accepted as an intent": _share(intents, found["out_of_scope_rows"]),
    }


def _mattress_bot(place: Place) -> dict[str, tuple[float, list[float]]]:
    folder = place.data / "sofmattress"
    bundle = _trained(place, "sofmattress_bot", folder / "v1_train.csv")
    found = run(folder / "v1_test.csv", bundle, SHOP_SCOPE, _report(place, "sofmattress_bot"))
    return _figures(found, "all_traffic_accuracy", "all_traffic_mcc")


def _banking(place: Place) -> dict[str, tuple[float, list[float]]]:
    folder = place.data / "banking77"
    bundle = _trained(place, "banking77", folder / "train.csv")
    return _figures(run(folder / "test.csv", bundle, output=_report(place, "banking77")), "accuracy")


def _clinc(place: Place) -> dict[str, tuple[float, list[float]]]:
    folder = place.data / "clinc150"
    bundle = _trained(place, "clinc150", folder / "train.csv", folder / "oos_train.csv")
    data = _joined(place.runs / "data" / "clinc150_test.csv", folder / "test.csv", folder / "oos_test.csv")
    return _figures(run(data, bundle, "oos", _report(place, "clinc150")), "accuracy", "oos_auroc")


def _cost(place: Place) -> dict[str, tuple[float, list[float]]]:
    texts = read_rows(place.data / "pilot_corpus" / "messages.csv").texts[:COST_ROWS]
    return {"cost": summary(confidence_cost(place.bundle, texts))}


def _learning(place: Place) -> dict[str, tuple[float, list[float]]]:
    """From a bundle that knows templates alone, as one has whose shop has no messages of its own yet."""
    data = _templates(place)
    return _gained(place, _trained(place, "templates", data), data)


def _learning_shipped(place: Place) -> dict[str, tuple[float, list[float]]]:
    from models.training.ecommerce import assemble  # noqa: PLC0415 (torch is heavy)

    data = place.runs / "data" / "ecommerce.csv"
    assemble(place.data, data)
    return _gained(place, place.bundle, data)


def _templates(place: Place) -> Path:
    """`TEMPLATES_EACH` rows a label of ecomintent, as a file."""
    from models.training.prototypes import some_of_each  # noqa: PLC0415 (torch is heavy)

    rows = read_rows(place.data / "ecomintent" / "train.csv")
    chosen = some_of_each(np.unique(rows.labels, return_inverse=True)[1], TEMPLATES_EACH, seed=0)
    return _written(place.runs / "data" / "templates.csv", ((rows.texts[row], rows.labels[row]) for row in chosen))


def _gained(place: Place, bundle: Path, data: Path) -> dict[str, tuple[float, list[float]]]:
    """Over all draws; the interval is from the luckiest draw to the unluckiest."""
    mapped = write_mapped(place.data / "sofmattress", place.runs / "data" / "sofmattress_mapped.csv")
    test = place.data / "ecomintent" / "test.csv"
    gains = []
    for draw in range(DRAWS):
        gains.append(gain(read_rows(mapped), bundle, place.runs / "learning", data=data, test=test, draw=draw))
        place.tell(gains[-1].line())
    before, after = (
        np.array([(~getattr(one.rest, which).right).sum() for one in gains]) for which in ("before", "after")
    )
    lost = [-one.test_points for one in gains]
    return {
        "errors kept": (
            float(after.sum() / before.sum()),
            [float((after / before).min()), float((after / before).max())],
        ),
        "test points lost": (float(np.mean(lost)), [min(lost), max(lost)]),
    }


LEARNING = (Bar("errors kept", 0.5, 0.4, most=True), Bar("test points lost", 0.2, 0.1, most=True))

BENCHMARKS = (
    Benchmark("ecomintent", "ecomintent/test.csv", "ecomintent", (Bar("accuracy", 0.998, 0.9995),), _ecomintent),
    Benchmark(
        "sofmattress",
        "SOFMattress mapped to the 9 intents",
        "sofmattress",
        (
            Bar("accuracy", 0.88, 0.92),
            Bar("selective_accuracy", 0.95, 0.97),
            Bar("coverage", 0.70, 0.80),
            Bar("foreign accepted as an intent", 0.03, 0.01, most=True),
        ),
        _mattress_mapped,
    ),
    Benchmark(
        "bot",
        "SOFMattress as its own bot, 21 labels",
        "sofmattress",
        (Bar("all_traffic_accuracy", 0.713, 0.78), Bar("all_traffic_mcc", 0.64, 0.70)),
        _mattress_bot,
    ),
    Benchmark("banking77", "BANKING77, all data", "banking77", (Bar("accuracy", 0.925, 0.94),), _banking),
    Benchmark(
        "clinc150",
        "CLINC150, all data",
        "clinc150",
        (Bar("accuracy", 0.960, 0.970), Bar("oos_auroc", 0.960, 0.975)),
        _clinc,
    ),
    Benchmark("learning", "300 rows of SOFMattress, by a bundle of templates", "sofmattress", LEARNING, _learning),
    Benchmark(
        "learning-shipped", "300 rows of SOFMattress, by the shipped bundle", "sofmattress", LEARNING, _learning_shipped
    ),
    Benchmark(
        "cost", "serving cost of the confidence part", "pilot_corpus", (Bar("cost", 0.05, 0.02, most=True),), _cost
    ),
)


def measure(benchmark: Benchmark, place: Place) -> list[Measured]:
    """Measure one benchmark, training what it needs.

    Raises:
        DataError: its data is not there.
    """
    if not (place.data / benchmark.folder).is_dir():
        folder = place.data / benchmark.folder
        raise DataError(
            f"There is no folder {folder}: docs/evaluation.md says where the data set can be had, "
            "and TRIAGE_DATA or --data names the folder that holds it."
        )
    found = benchmark.measure(place)
    return [Measured(bar, *found[bar.figure]) for bar in benchmark.bars]


def _trained(place: Place, name: str, data: Path, out_of_scope: Path | None = None) -> Path:
    """A bundle trained on this data as a user would; one that is there for the same data is taken again."""
    from models.training import train  # noqa: PLC0415 (torch is heavy, and only half of the table needs it)

    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (data, out_of_scope) if path is not None))
    output = place.runs / f"{name}-{digest.hexdigest()[:10]}"
    if place.fresh:
        shutil.rmtree(output, ignore_errors=True)
    if output.is_dir():
        place.tell(f"{name}: taking the bundle of an earlier run, {output}")
        return output
    place.tell(f"{name}: training {output}")
    return train(data, output, out_of_scope=out_of_scope)


def _joined(output: Path, *parts: Path) -> Path:
    """The rows of several CSVs as one."""
    read = [read_rows(part) for part in parts]
    return _written(output, (row for rows in read for row in zip(rows.texts, rows.labels, strict=True)))


def _written(output: Path, rows: Iterable[tuple[str, str]]) -> Path:
    """Texts with their labels as a CSV."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    return output


def _report(place: Place, name: str) -> Path:
    return place.runs / "reports" / name


def _figures(found: dict[str, Any], *names: str) -> dict[str, tuple[float, list[float]]]:
    """Figures of a run; one that is undefined (nothing was accepted) counts as 0, of nothing known."""
    return {name: (found[name] or 0.0, found[f"{name}_ci"] or [0.0, 1.0]) for name in names}


def _share(part: int, of: int) -> tuple[float, list[float]]:
    """A share with its interval: by bootstrap, which for a single share is binomial; exact where it is 0 or 1."""
    share = part / of
    if share in (0, 1):
        return share, list(exact_share(share, of))
    low, high = np.percentile(np.random.default_rng(0).binomial(of, share, RESAMPLES) / of, [2.5, 97.5])
    return share, [float(low), float(high)]
