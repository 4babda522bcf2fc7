"""How each figure of the table is measured: on which data, by which bundle, training what it needs."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from triage_models.benchmarks.confidence_cost import confidence_cost, summary
from triage_models.benchmarks.feedback import DRAWS, gain
from triage_models.benchmarks.sofmattress import SHOP_SCOPE, write_mapped
from triage_models.data.labelled import LABEL, TEXT
from triage_models.data.tables import write_table
from triage_models.metrics.bootstrap import RESAMPLES, exact_share
from triage_models.metrics.rows import read_rows
from triage_models.report.evaluation import run

COST_ROWS = 1024
TEMPLATES_EACH = 500

Figure = tuple[float, list[float]]
"""A value and its interval."""

Found = dict[str, Figure]


@dataclass(frozen=True)
class Place:
    """Where things are: the public data sets, the shipped bundle, and a folder for what is made here."""

    data: Path
    bundle: Path
    runs: Path
    fresh: bool = False
    tell: Callable[[str], None] = lambda text: None


def ecomintent(place: Place) -> Found:
    """The shipped bundle on the test rows of the templates."""
    found = run(place.data / "ecomintent" / "test.csv", place.bundle, output=_report(place, "ecomintent"))
    return _figures(found, "accuracy")


def mattress_mapped(place: Place) -> Found:
    """The shipped bundle on a real shop's chat, in the nine intents."""
    data = write_mapped(place.data / "sofmattress", place.runs / "data" / "sofmattress_mapped.csv")
    found = run(data, place.bundle, output=_report(place, "sofmattress_mapped"))
    intents = sum(rows for label, rows in found["false_acceptances"].items() if label != "OTHER")
    return {
        **_figures(found, "accuracy", "selective_accuracy", "coverage"),
        "foreign accepted as an intent": _share(intents, found["out_of_scope_rows"]),
    }


def mattress_bot(place: Place) -> Found:
    """That shop's own bot, trained and measured as it would be."""
    folder = place.data / "sofmattress"
    bundle = _trained(place, "sofmattress_bot", folder / "v1_train.csv")
    found = run(folder / "v1_test.csv", bundle, SHOP_SCOPE, _report(place, "sofmattress_bot"))
    return _figures(found, "all_traffic_accuracy", "all_traffic_mcc")


def banking(place: Place) -> Found:
    """Many labels that lie close together."""
    folder = place.data / "banking77"
    bundle = _trained(place, "banking77", folder / "train.csv")
    return _figures(run(folder / "test.csv", bundle, output=_report(place, "banking77")), "accuracy")


def clinc(place: Place) -> Found:
    """Many labels, and messages that have none."""
    folder = place.data / "clinc150"
    bundle = _trained(place, "clinc150", folder / "train.csv", folder / "oos_train.csv")
    data = _joined(place.runs / "data" / "clinc150_test.csv", folder / "test.csv", folder / "oos_test.csv")
    return _figures(run(data, bundle, "oos", _report(place, "clinc150")), "accuracy", "oos_auroc")


def cost(place: Place) -> Found:
    """What the confidence takes of the serving."""
    texts = read_rows(place.data / "pilot_corpus" / "messages.csv").texts[:COST_ROWS]
    return {"cost": summary(confidence_cost(place.bundle, texts))}


def learning(place: Place) -> Found:
    """From a bundle that knows templates alone, as one has whose shop has no messages of its own yet."""
    data = _templates(place)
    return _gained(place, _trained(place, "templates", data), data)


def learning_shipped(place: Place) -> Found:
    """From the shipped bundle, which knows customers' messages already."""
    from triage_models.training.ecommerce import assemble  # noqa: PLC0415 (torch is heavy)

    data = place.runs / "data" / "ecommerce.csv"
    assemble(place.data, data)
    return _gained(place, place.bundle, data)


def _templates(place: Place) -> Path:
    """`TEMPLATES_EACH` rows a label of ecomintent, as a file."""
    from triage_models.training.prototypes import some_of_each  # noqa: PLC0415 (torch is heavy)

    rows = read_rows(place.data / "ecomintent" / "train.csv")
    chosen = some_of_each(np.unique(rows.labels, return_inverse=True)[1], TEMPLATES_EACH, seed=0)
    return write_table(
        place.runs / "data" / "templates.csv", [TEXT, LABEL], ((rows.texts[row], rows.labels[row]) for row in chosen)
    )


def _gained(place: Place, bundle: Path, data: Path) -> Found:
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


def _trained(place: Place, name: str, data: Path, out_of_scope: Path | None = None) -> Path:
    """A bundle trained on this data as a user would; one that is there for the same data is taken again."""
    from triage_models.training import train  # noqa: PLC0415 (torch is heavy, and only half of the table needs it)

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
    return write_table(
        output, [TEXT, LABEL], (row for rows in read for row in zip(rows.texts, rows.labels, strict=True))
    )


def _report(place: Place, name: str) -> Path:
    return place.runs / "reports" / name


def _figures(found: dict[str, Any], *names: str) -> Found:
    """Figures of a run; one that is undefined (nothing was accepted) counts as 0, of nothing known."""
    return {name: (found[name] or 0.0, found[f"{name}_ci"] or [0.0, 1.0]) for name in names}


def _share(part: int, of: int) -> Figure:
    """A share with its interval: by bootstrap, which for a single share is binomial; exact where it is 0 or 1."""
    share = part / of
    if share in (0, 1):
        return share, list(exact_share(share, of))
    low, high = np.percentile(np.random.default_rng(0).binomial(of, share, RESAMPLES) / of, [2.5, 97.5])
    return share, [float(low), float(high)]
