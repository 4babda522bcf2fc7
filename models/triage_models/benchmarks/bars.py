"""What the model has to reach: figures with their bars, and what they are measured on."""

from collections.abc import Callable
from dataclasses import dataclass

from triage_models.benchmarks import measurements
from triage_models.benchmarks.measurements import Found, Place
from triage_models.errors import DataError


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
class Benchmark:
    """Figures that one measurement gives. ``folder`` is the data set's, below the data folder."""

    name: str
    title: str
    folder: str
    bars: tuple[Bar, ...]
    measure: Callable[[Place], Found]


LEARNING = (Bar("errors kept", 0.5, 0.4, most=True), Bar("test points lost", 0.2, 0.1, most=True))

BENCHMARKS = (
    Benchmark(
        "ecomintent", "ecomintent/test.csv", "ecomintent", (Bar("accuracy", 0.998, 0.9995),), measurements.ecomintent
    ),
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
        measurements.mattress_mapped,
    ),
    Benchmark(
        "bot",
        "SOFMattress as its own bot, 21 labels",
        "sofmattress",
        (Bar("all_traffic_accuracy", 0.713, 0.78), Bar("all_traffic_mcc", 0.64, 0.70)),
        measurements.mattress_bot,
    ),
    Benchmark("banking77", "BANKING77, all data", "banking77", (Bar("accuracy", 0.925, 0.94),), measurements.banking),
    Benchmark(
        "clinc150",
        "CLINC150, all data",
        "clinc150",
        (Bar("accuracy", 0.960, 0.970), Bar("oos_auroc", 0.960, 0.975)),
        measurements.clinc,
    ),
    Benchmark(
        "learning", "300 rows of SOFMattress, by a bundle of templates", "sofmattress", LEARNING, measurements.learning
    ),
    Benchmark(
        "learning-shipped",
        "300 rows of SOFMattress, by the shipped bundle",
        "sofmattress",
        LEARNING,
        measurements.learning_shipped,
    ),
    Benchmark(
        "cost",
        "serving cost of the confidence part",
        "pilot_corpus",
        (Bar("cost", 0.05, 0.02, most=True),),
        measurements.cost,
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
