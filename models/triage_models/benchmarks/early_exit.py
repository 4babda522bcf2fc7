"""Measures what early exits bring and cost (``make early-exit``): the shipped bundle as it is, and with exits.

The network is not trained again. Both are calibrated on the rows that were held out of the bundle's training, and
evaluated on held-out messages of other hands and on SOFMattress.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from triage_models.benchmarks.leave_out import other_strangers
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, sha256
from triage_models.bundle.manifest import Manifest
from triage_models.calibration.by_language import languages_of
from triage_models.calibration.fit import fit_with_thresholds
from triage_models.calibration.limits import SUGGEST_RISK
from triage_models.errors import DataError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.report.evaluation import evaluate
from triage_models.serving.engine import Engine

if TYPE_CHECKING:
    from triage_models.training.candidate import TrainingJob
    from triage_models.training.plan import TrainingPlan

FIGURES = ("accuracy", "aurc", "coverage", "selective_accuracy", "false_acceptance_rate")
ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """Make both bundles, measure them and print the figures.

    Returns:
        0 if everything was measured; 2 if data is missing.
    """
    options = _parse(arguments)
    log = Console(stderr=True, highlight=False, soft_wrap=True)
    folders = {"whole": options.runs / "exits_none", "early exit": options.runs / "exits_early"}
    try:
        plan = _prepare(options.bundle, options.data, options.runs, folders, log)
    except DataError as error:
        log.print(f"early-exit: {error}")
        return 2
    table = Table("", *FIGURES)
    for part in other_strangers(options.data):
        data = part.write(options.runs / "data" / f"{part.name}.csv")
        for name, folder in folders.items():
            found = evaluate(data, folder, output=options.runs / "reports" / f"{folder.name}_{part.name}")
            table.add_row(f"{part.title}, {name}", *(f"{found[figure]:.4f}" for figure in FIGURES))
    console = Console(highlight=False)
    console.print(table)
    rates = {name: median(rate) for name, rate in _rates(folders, plan.held_out.texts).items()}
    console.print(
        f"{len(plan.held_out)} held-out rows, one thread, messages per second of CPU time: "
        + ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
        + f", {rates['early exit'] / rates['whole']:.2f} times as many"
    )
    return 0


def _prepare(bundle: Path, public: Path, runs: Path, folders: dict[str, Path], log: Console) -> "TrainingPlan":
    """Write the bundle without and with exits, each calibrated on the rows that its training held out."""
    from triage_models.training import ecommerce  # noqa: PLC0415 (torch is slow to import, and an extra)
    from triage_models.training.candidate import TrainingJob, add_early_exit  # noqa: PLC0415
    from triage_models.training.plan import make_plan  # noqa: PLC0415

    csv = runs / "data" / "early_exit.csv"
    ecommerce.assemble(public, csv)
    plan = make_plan(csv, None, None, None, 0, public / "ecomintent" / "train.csv")
    manifest = Manifest.model_validate_json((bundle / MANIFEST).read_text(encoding="utf-8"))
    job = TrainingJob(
        plan.examples(plan.train), plan.classes, "", ecommerce.RECIPE, manifest.max_length, 0,
        generated=plan.examples(plan.generated),
    )  # fmt: skip
    for name, folder in folders.items():
        log.print(f"{name} …")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(bundle, folder, ignore=shutil.ignore_patterns("*.fp16.onnx"))
        if name != "whole":
            add_early_exit([folder / CPU_MODEL], job, layers=6)
        _calibrate(folder, manifest, plan, job)
    return plan


def _calibrate(folder: Path, manifest: Manifest, plan: "TrainingPlan", job: "TrainingJob") -> None:
    from triage_models.training.candidate import run_candidate  # noqa: PLC0415
    from triage_models.training.golden_texts import choose_golden_texts  # noqa: PLC0415
    from triage_models.training.manifest_writer import golden_of  # noqa: PLC0415

    texts = plan.held_out.texts
    data = run_candidate(folder, texts, plan.class_indices(plan.held_out), job.max_length, plan.held_out_source)
    languages = languages_of(texts, manifest.languages or ())
    risk = manifest.thresholds.guarantee.risk
    fitted = fit_with_thresholds(
        data, len(plan.labels), risk=risk, suggest_risk=SUGGEST_RISK, seed=0, languages=languages
    )
    golden = golden_of(folder, CPU_MODEL, choose_golden_texts(folder / CPU_MODEL, job), job.max_length)
    changed = manifest.model_copy(
        update={
            "by_language": fitted.by_language,
            "calibration": fitted.calibration,
            "thresholds": fitted.thresholds,
            "golden": {CPU_MODEL: golden},
            "files": {name: sha256(folder / name) for name in manifest.files if (folder / name).is_file()},
        }
    )
    (folder / MANIFEST).write_text(changed.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _rates(folders: dict[str, Path], texts: Sequence[str]) -> dict[str, list[float]]:
    """Run the texts through both bundles in turns, and return the messages per second of CPU time of each round."""
    engines = {name: Engine.open(folder, CPU_MODEL, 64) for name, folder in folders.items()}
    found: dict[str, list[float]] = {name: [] for name in folders}
    for _ in range(ROUNDS):
        for name, seconds in _round(engines, texts):
            found[name].append(len(texts) / seconds)
    return found


def _round(engines: dict[str, Engine], texts: Sequence[str]) -> Iterator[tuple[str, float]]:
    for name, engine in engines.items():
        encoded = engine.encode(texts)
        started = time.thread_time()
        engine.outputs(encoded)
        yield name, time.thread_time() - started


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m triage_models.benchmarks.early_exit", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the public data sets")
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="folder of the bundle")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder for bundles, data and reports")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
