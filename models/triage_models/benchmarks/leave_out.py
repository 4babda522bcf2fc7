"""Measures how a bundle does on kinds of shop that it has never seen (``make leave-one-out``).

The recipe of the shipped bundle is trained once without all `KINDS` of shop of the project's corpus (or without one),
and evaluated on each kind that was left out, on the held-out messages of other channels, and on SOFMattress, which is
in no training data. Design choices follow these scores, not the score on known shops.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from triage_models.benchmarks.held_out_channels import write_other_channels, write_posts, write_settled
from triage_models.benchmarks.leave_out_results import Result, result_table, write_results
from triage_models.benchmarks.sofmattress_mapping import write_mapped
from triage_models.benchmarks.suite import EXIT_INCOMPLETE, print_results
from triage_models.data.corpus import COLUMNS, read_messages
from triage_models.data.held_out import CHANNELS_CSV
from triage_models.data.tables import write_table
from triage_models.errors import ModelError
from triage_models.progress import progress_display
from triage_models.report.evaluation import evaluate

KINDS = {
    "beauty": (
        "ayurveda", "braces_supports", "cosmetics", "dental_care", "glucose_meters", "haircare", "perfume", "pharmacy",
        "skincare", "supplements",
    ),
    "electronics": ("audio", "cameras", "gaming", "laptops", "phones", "printers_office", "wearables"),
    "fashion": (
        "bridal_wear", "ethnic_wear", "football_boots", "lingerie", "menswear", "sarees_blouses", "shoes",
        "womens_fashion",
    ),
    "food": ("coffee_tea", "groceries", "honey_spices", "meal_kits", "subscription_boxes"),
    "home": (
        "bathroom", "bedding_linen", "furniture", "home_decor", "kids_furniture", "paint_flooring",
        "recliners",
    ),
}  # fmt: skip
"""Kinds of shop, and the shops of each in the corpus; marketplaces, deliveries, telecom and travel are of none."""

ALL = "all"
"""Leaves out all kinds at once: one training for five measurements."""

QUICK_EPOCHS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Train without the kinds, evaluate, print and write the results.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        bundle = train_without(
            options.kind, options.data, options.runs, quick=options.quick, seed=options.seed, log=log
        )
        _measure(bundle, options, log)
        if options.early_exit:
            _measure(_with_exits(bundle, options.data, options.runs), options, log)
    except ModelError as error:
        log.print(f"leave-one-out: {error}")
        return EXIT_INCOMPLETE
    return 0


def run_name(kind: str, *, quick: bool) -> str:
    """Return the name of a run, after which its bundle, data and reports are named."""
    return f"without_{kind}{'_quick' if quick else ''}"


def train_without(kind: str, public: Path, runs: Path, *, quick: bool, seed: int, log: Console) -> Path:
    """Train a bundle without kinds of shop.

    Args:
        kind: one of `KINDS`, or `ALL`.
        public: folder of the public data sets.
        runs: folder for the bundle and its data.
        quick: use two epochs: less than half the time, and slightly worse.
        seed: seed of every draw.
        log: where progress is shown.

    Returns:
        The bundle's folder.

    Raises:
        DataError: Data is missing.
    """
    from triage_models.training import ecommerce  # noqa: PLC0415 (torch is slow to import, and an extra)

    name = run_name(kind, quick=quick)
    training, shops = _training_data(runs, name), frozenset(shop for one in _kinds(kind) for shop in KINDS[one])
    ecommerce.assemble(public, training, without=shops)
    with progress_display(log) as progress:
        epochs = QUICK_EPOCHS if quick else ecommerce.EPOCHS
        return ecommerce.train_on(training, public, runs / name, epochs=epochs, seed=seed, progress=progress)


def _with_exits(bundle: Path, public: Path, runs: Path) -> Path:
    """Return a copy of a bundle of `train_without` from which texts leave early."""
    from triage_models.training import ecommerce  # noqa: PLC0415
    from triage_models.training.exits_of_bundle import add_exits_to_bundle  # noqa: PLC0415

    output, training = bundle.with_name(f"{bundle.name}_early_exit"), _training_data(runs, bundle.name)
    return add_exits_to_bundle(bundle, training, output, generated=public / ecommerce.GENERATED)


def _training_data(runs: Path, name: str) -> Path:
    return runs / "data" / f"{name}.csv"


def _kinds(kind: str) -> tuple[str, ...]:
    return tuple(KINDS) if kind == ALL else (kind,)


def _measure(bundle: Path, options: argparse.Namespace, log: Console) -> None:
    """Evaluate a bundle on what was left out and on other strangers, print the results and write them."""
    results, reports = [], options.runs / "reports"
    for part in [*(_left_out(one) for one in _kinds(options.kind)), *other_strangers(options.data)]:
        log.print(f"{part.title} …")
        data = part.write(options.runs / "data" / f"{part.name}.csv")
        figures = evaluate(data, bundle, output=reports / f"{bundle.name}_{part.name}")
        results.append(Result(part.title, figures, part.left_out))
    written = write_results(reports / f"{bundle.name}.json", bundle.name, results, seed=options.seed)
    print_results(result_table(results), reports)
    log.print(f"The same figures, all with intervals: {written}")


class Part(NamedTuple):
    """A data set to measure on: its names in files and in the table, what writes it, and whether it was left out."""

    name: str
    title: str
    write: Callable[[Path], Path]
    left_out: bool = False


def _left_out(kind: str) -> Part:
    return Part(kind, f"shops of {kind}", partial(write_left_out, kind), left_out=True)


def other_strangers(public: Path) -> Iterator[Part]:
    """Yield what no bundle is trained on: held-out English messages, and SOFMattress if it is there."""
    yield from held_out_strangers()
    if (public / "sofmattress").is_dir():
        yield Part("sofmattress_mapped", "SOFMattress mapped", partial(write_mapped, public / "sofmattress"))


def held_out_strangers() -> Iterator[Part]:
    """Yield the held-out English messages, which are in a checkout."""
    if CHANNELS_CSV.is_file():
        yield Part("held_out_posts", "held out: posts", write_posts)
        yield Part("held_out_channels", "held out: other channels", write_other_channels)
        yield Part("held_out_settled", "held out: settled, English", write_settled)


def write_left_out(kind: str, output: Path) -> Path:
    """Write the corpus rows of a kind of shop as a CSV to evaluate on; metrics are sliced by the further columns."""
    return write_table(output, COLUMNS, (row[: len(COLUMNS)] for row in read_messages() if row.shop in KINDS[kind]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.leave_out", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--kind", choices=[ALL, *sorted(KINDS)], default=ALL, help="the kind of shop to leave out")
    parser.add_argument("--quick", action="store_true", help="two epochs: less than half the time")
    parser.add_argument("--early-exit", action="store_true", help="measure the bundle with early exits, too")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for the bundle, data and reports")
    parser.add_argument("--seed", type=int, default=0, help="seed of every draw")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
