"""The benchmarks and their targets: which metrics the project has to reach, on which data."""

from collections.abc import Callable
from dataclasses import dataclass

from triage_models.benchmarks import measurements
from triage_models.benchmarks.measurements import BenchmarkContext, MeasuredValues
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.errors import DataError


@dataclass(frozen=True)
class Target:
    """What is asked of a metric.

    Attributes:
        metric: its name.
        required: the value that it has to reach.
        goal: the value that the project aims at.
        lower_is_better: whether a smaller value is better.
    """

    metric: str
    required: float
    goal: float
    lower_is_better: bool = False

    def is_met(self, value: float) -> bool:
        """Whether a value reaches the required one."""
        return self._reaches(value, self.required)

    def is_goal_reached(self, value: float) -> bool:
        """Whether a value reaches the goal."""
        return self._reaches(value, self.goal)

    def _reaches(self, value: float, limit: float) -> bool:
        return value <= limit if self.lower_is_better else value >= limit


@dataclass(frozen=True)
class Measurement:
    """One line of the table: a metric with its 95 % interval (for the cost, the interquartile range of its rounds)."""

    target: Target
    value: float
    interval: list[float]


@dataclass(frozen=True)
class Benchmark:
    """Metrics that one measurement gives.

    Attributes:
        name: how the command line selects it.
        title: how the table names it.
        folder: the folder of its data set, below the data folder; an absolute path if it is part of the project.
        targets: the targets of its metrics.
        measure: measures it.
    """

    name: str
    title: str
    folder: str
    targets: tuple[Target, ...]
    measure: Callable[[BenchmarkContext], MeasuredValues]


LEARNING = (
    Target("errors remaining", 0.5, 0.4, lower_is_better=True),
    Target("test points lost", 0.2, 0.1, lower_is_better=True),
)

BENCHMARKS = (
    Benchmark(
        "ecomintent",
        "ecomintent/test.csv",
        "ecomintent",
        (Target("accuracy", 0.998, 0.9995),),
        measurements.ecomintent,
    ),
    Benchmark(
        "sofmattress",
        "SOFMattress mapped to the 9 intents",
        "sofmattress",
        (
            Target("accuracy", 0.88, 0.92),
            Target("selective_accuracy", 0.95, 0.97),
            Target("coverage", 0.70, 0.80),
            Target("out of scope accepted as an intent", 0.03, 0.01, lower_is_better=True),
        ),
        measurements.sofmattress,
    ),
    Benchmark(
        "posts",
        "held-out posts on social media",
        str(CHANNELS_CSV.parent),
        (
            Target("accuracy", 0.915, 0.95),
            Target("selective_accuracy", 0.95, 0.97),
            Target("coverage", 0.72, 0.85),
            Target("false_acceptance_rate", 0.05, 0.02, lower_is_better=True),
        ),
        measurements.held_out_posts,
    ),
    Benchmark(
        "channels",
        "held-out messages of other channels",
        str(CHANNELS_CSV.parent),
        (
            Target("accuracy", 0.945, 0.97),
            Target("selective_accuracy", 0.96, 0.98),
            Target("coverage", 0.80, 0.85),
            Target("false_acceptance_rate", 0.05, 0.02, lower_is_better=True),
        ),
        measurements.held_out_channels,
    ),
    Benchmark(
        "bot",
        "SOFMattress as its own bot, 21 labels",
        "sofmattress",
        (Target("all_traffic_accuracy", 0.713, 0.78), Target("all_traffic_mcc", 0.64, 0.70)),
        measurements.sofmattress_bot,
    ),
    Benchmark(
        "banking77", "BANKING77, all data", "banking77", (Target("accuracy", 0.925, 0.94),), measurements.banking77
    ),
    Benchmark(
        "clinc150",
        "CLINC150, all data",
        "clinc150",
        (Target("accuracy", 0.960, 0.970), Target("oos_auroc", 0.960, 0.975)),
        measurements.clinc150,
    ),
    Benchmark(
        "learning",
        "300 rows of SOFMattress, by a bundle of templates",
        "sofmattress",
        LEARNING,
        measurements.learning_from_templates,
    ),
    Benchmark(
        "learning-shipped",
        "300 rows of SOFMattress, by the shipped bundle",
        "sofmattress",
        LEARNING,
        measurements.learning_from_shipped,
    ),
    Benchmark(
        "cost",
        "serving cost of the confidence",
        "pilot_corpus",
        (Target("cost", 0.05, 0.02, lower_is_better=True),),
        measurements.serving_cost,
    ),
)


def run_benchmark(benchmark: Benchmark, context: BenchmarkContext) -> list[Measurement]:
    """Run one benchmark, training what it needs.

    Raises:
        DataError: Its data is missing.
    """
    folder = context.data / benchmark.folder
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}: docs/evaluation.md says where to download the data set; set TRIAGE_DATA or "
            "--data to the folder that contains it."
        )
    found = benchmark.measure(context)
    return [Measurement(target, *found[target.metric]) for target in benchmark.targets]
