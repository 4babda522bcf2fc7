"""Measures each benchmark: on which data and with which bundle, training it if needed."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triage_models.benchmarks.confidence_cost import confidence_cost, summarize
from triage_models.benchmarks.held_out_channels import write_other_channels, write_posts
from triage_models.benchmarks.learning_gain import DRAWS, learning_gain
from triage_models.benchmarks.sofmattress_mapping import SHOP_OOS_LABEL, write_mapped
from triage_models.data.evaluation_rows import read_labelled_rows
from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.sampling import sample_per_class
from triage_models.data.tables import write_table
from triage_models.metrics.bootstrap import RESAMPLES, clopper_pearson_interval
from triage_models.report.evaluation import evaluate

COST_ROWS = 1024
TEMPLATE_ROWS_PER_LABEL = 500

MeasuredValue = tuple[float, list[float]]
"""A value and its interval."""

MeasuredValues = dict[str, MeasuredValue]
"""Measured values by name of the metric."""


@dataclass(frozen=True)
class BenchmarkContext:
    """What benchmarks work with.

    Attributes:
        data: folder of the public data sets.
        bundle: folder of the bundle to measure.
        runs: folder for trained bundles, assembled data and reports.
        fresh: train again even if an earlier run left a bundle.
        report: called with a line of progress.
    """

    data: Path
    bundle: Path
    runs: Path
    fresh: bool = False
    report: Callable[[str], None] = lambda line: None


def ecomintent(context: BenchmarkContext) -> MeasuredValues:
    """Evaluate the bundle on the test rows of ecomintent."""
    result = evaluate(context.data / "ecomintent" / "test.csv", context.bundle, output=_report(context, "ecomintent"))
    return _values(result, "accuracy")


def sofmattress(context: BenchmarkContext) -> MeasuredValues:
    """Evaluate the bundle on a real shop's chat, mapped to the nine intents."""
    result = evaluate(_mapped_sofmattress(context), context.bundle, output=_report(context, "sofmattress_mapped"))
    intents = sum(rows for label, rows in result["false_acceptances"].items() if label != "OTHER")
    return {
        **_values(result, "accuracy", "selective_accuracy", "coverage"),
        "out of scope accepted as an intent": _share(intents, result["out_of_scope_rows"]),
    }


def held_out_posts(context: BenchmarkContext) -> MeasuredValues:
    """Evaluate the bundle on the held-out posts on social media."""
    return _held_out(context, "held_out_posts", write_posts)


def held_out_channels(context: BenchmarkContext) -> MeasuredValues:
    """Evaluate the bundle on the held-out messages of the other channels."""
    return _held_out(context, "held_out_channels", write_other_channels)


def sofmattress_bot(context: BenchmarkContext) -> MeasuredValues:
    """Train the shop's own bot on its own labels, and evaluate it."""
    folder = context.data / "sofmattress"
    bundle = _train(context, "sofmattress_bot", folder / "v1_train.csv")
    result = evaluate(folder / "v1_test.csv", bundle, SHOP_OOS_LABEL, _report(context, "sofmattress_bot"))
    return _values(result, "all_traffic_accuracy", "all_traffic_mcc")


def banking77(context: BenchmarkContext) -> MeasuredValues:
    """Train and evaluate on many labels that are close to each other."""
    folder = context.data / "banking77"
    bundle = _train(context, "banking77", folder / "train.csv")
    return _values(evaluate(folder / "test.csv", bundle, output=_report(context, "banking77")), "accuracy")


def clinc150(context: BenchmarkContext) -> MeasuredValues:
    """Train and evaluate on many labels, with out-of-scope messages."""
    folder = context.data / "clinc150"
    bundle = _train(context, "clinc150", folder / "train.csv", folder / "oos_train.csv")
    test = _concatenate(context.runs / "data" / "clinc150_test.csv", folder / "test.csv", folder / "oos_test.csv")
    return _values(evaluate(test, bundle, "oos", _report(context, "clinc150")), "accuracy", "oos_auroc")


def serving_cost(context: BenchmarkContext) -> MeasuredValues:
    """Measure the share of serving time that the confidence takes."""
    texts = read_labelled_rows(context.data / "pilot_corpus" / "messages.csv").texts[:COST_ROWS]
    return {"cost": summarize(confidence_cost(context.bundle, texts))}


def learning_from_templates(context: BenchmarkContext) -> MeasuredValues:
    """Learn with a bundle trained on templates only, like that of a shop without messages of its own."""
    data = _template_csv(context)
    return _learning(context, _train(context, "templates", data), data)


def learning_from_shipped(context: BenchmarkContext) -> MeasuredValues:
    """Learn with the shipped bundle, which was trained on customers' messages."""
    from triage_models.training.ecommerce import assemble  # noqa: PLC0415 (torch is slow to import)

    data = context.runs / "data" / "ecommerce.csv"
    assemble(context.data, data)
    return _learning(context, context.bundle, data)


def _template_csv(context: BenchmarkContext) -> Path:
    """Write `TEMPLATE_ROWS_PER_LABEL` rows per label of ecomintent to a file."""
    rows = read_labelled_rows(context.data / "ecomintent" / "train.csv")
    classes = np.unique(rows.labels, return_inverse=True)[1]
    chosen = sample_per_class(classes, TEMPLATE_ROWS_PER_LABEL, seed=0)
    return write_table(
        context.runs / "data" / "templates.csv", [TEXT, LABEL], ((rows.texts[row], rows.labels[row]) for row in chosen)
    )


def _mapped_sofmattress(context: BenchmarkContext) -> Path:
    return write_mapped(context.data / "sofmattress", context.runs / "data" / "sofmattress_mapped.csv")


def _held_out(context: BenchmarkContext, name: str, write: Callable[[Path], Path]) -> MeasuredValues:
    data = write(context.runs / "data" / f"{name}.csv")
    result = evaluate(data, context.bundle, output=_report(context, name))
    return _values(result, "accuracy", "selective_accuracy", "coverage", "false_acceptance_rate")


def _learning(context: BenchmarkContext, bundle: Path, data: Path) -> MeasuredValues:
    """Measure learning over all draws; the interval is from the best draw to the worst."""
    shop = read_labelled_rows(_mapped_sofmattress(context))
    test = context.data / "ecomintent" / "test.csv"
    gains = []
    for draw in range(DRAWS):
        gains.append(learning_gain(shop, bundle, context.runs / "learning", data=data, test=test, draw=draw))
        context.report(gains[-1].summary())
    before = np.array([one.rest.serving.errors for one in gains])
    after = np.array([one.rest.candidate.errors for one in gains])
    lost = [-one.test_points for one in gains]
    return {
        "errors remaining": (
            float(after.sum() / before.sum()),
            [float((after / before).min()), float((after / before).max())],
        ),
        "test points lost": (float(np.mean(lost)), [min(lost), max(lost)]),
    }


def _train(context: BenchmarkContext, name: str, data: Path, out_of_scope: Path | None = None) -> Path:
    """Train a bundle with the defaults, or reuse that of an earlier run on the same data."""
    from triage_models.training import train  # noqa: PLC0415 (torch is slow to import, and few benchmarks need it)

    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (data, out_of_scope) if path is not None))
    output = context.runs / f"{name}-{digest.hexdigest()[:10]}"
    if context.fresh:
        shutil.rmtree(output, ignore_errors=True)
    if output.is_dir():
        context.report(f"{name}: reusing the bundle of an earlier run, {output}")
        return output
    context.report(f"{name}: training {output}")
    return train(data, output, out_of_scope=out_of_scope)


def _concatenate(output: Path, *parts: Path) -> Path:
    """Write the rows of several CSVs as one."""
    read = [read_labelled_rows(part) for part in parts]
    return write_table(
        output, [TEXT, LABEL], (row for rows in read for row in zip(rows.texts, rows.labels, strict=True))
    )


def _report(context: BenchmarkContext, name: str) -> Path:
    return context.runs / "reports" / name


def _values(result: dict[str, Any], *names: str) -> MeasuredValues:
    """Pick metrics of an evaluation; an undefined one (nothing was accepted) counts as 0 with an interval of 0 to 1."""
    return {name: (result[name] or 0.0, result[f"{name}_ci"] or [0.0, 1.0]) for name in names}


def _share(part: int, whole: int) -> MeasuredValue:
    """Return a share with its interval: by bootstrap, which is binomial for a single share; exact if it is 0 or 1."""
    share = part / whole
    if share in (0, 1):
        return share, list(clopper_pearson_interval(share, whole))
    low, high = np.percentile(np.random.default_rng(0).binomial(whole, share, RESAMPLES) / whole, [2.5, 97.5])
    return share, [float(low), float(high)]
