"""Adds early exits to a trained bundle, whose network stays as it is, and calibrates it again.

The rows that its training held out judge it again, so that thresholds and guarantee are those of its answers with
exits.
"""

import shutil
import time
from dataclasses import fields
from pathlib import Path

import onnx
import torch

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, Bundle, sha256
from triage_models.bundle.manifest import Manifest
from triage_models.bundle.publishing import check_output, locked_workspace
from triage_models.calibration.by_language import languages_of
from triage_models.calibration.fit import fit_with_thresholds
from triage_models.calibration.limits import SUGGEST_RISK
from triage_models.data.row_sketch import ROW_SKETCH, SEEN_SHARE, share_seen
from triage_models.errors import DataError
from triage_models.progress import ProgressCallback
from triage_models.serving.engine import usable_cores
from triage_models.training.candidate import TrainingJob, add_early_exit, run_candidate
from triage_models.training.exit_graph import layers_of, leaves_early
from triage_models.training.manifest_writer import TrainingRecord, write_manifest
from triage_models.training.plan import TrainingPlan, make_plan
from triage_models.training.recipe import Recipe
from triage_models.training.workspace import publish


def add_exits_to_bundle(
    bundle: Path,
    csv: Path,
    output: Path,
    *,
    generated: Path | None = None,
    progress: ProgressCallback = lambda stage, share: None,
) -> Path:
    """Write a copy of a bundle from which texts leave early.

    It has no fp16 model, which would be more than half of it: `triage bundle add-gpu-model` makes one of 8-bit weights.

    Args:
        bundle: the bundle's folder. It is one of `triage train` that held rows out.
        csv: the data that it was trained on.
        output: the folder of the copy; a bundle that is there is replaced.
        generated: the generated rows that it was trained on.
        progress: called with the stage and its progress.

    Returns:
        ``output``.

    Raises:
        DataError: The data is not what the bundle was trained on, or held no rows out; the bundle has exits already;
            or the output cannot be written.
        BundleError: The bundle cannot be opened.
    """
    opened = Bundle.open(bundle)
    manifest = opened.manifest
    if leaves_early(opened.path / CPU_MODEL):
        raise DataError(f"Texts leave the network of {bundle} early already: nothing was written.")
    if sha256(csv) != manifest.training.get("data_sha256"):
        raise DataError(
            f"{csv} is not the data that {bundle} was trained on, so the rows held out would be others: give the file "
            "that it was trained on, or train a bundle with exits by `triage train --early-exit`."
        )
    plan = _plan(csv, generated, manifest)
    job = TrainingJob(
        plan.examples(plan.train), plan.classes, manifest.training["base"],
        _recipe(manifest), manifest.max_length,
        manifest.training["seed"], generated=plan.examples(plan.generated) if len(plan.generated) else None,
    )  # fmt: skip
    check_output(output)
    torch.set_num_threads(usable_cores())
    started = time.monotonic()
    with locked_workspace(output) as folder:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in manifest.files:
            if name != GPU_MODEL:
                shutil.copyfile(opened.path / name, folder / name)
        progress("adding exits", 0.0)
        model = folder / CPU_MODEL
        add_early_exit([model], job, layers=layers_of(onnx.load(str(model)).graph))
        progress("calibrating", 0.0)
        written = _calibrate(folder, csv, plan, job, manifest, output.name, started)
        publish(folder, output, written, progress)
    return output


def _recipe(manifest: Manifest) -> Recipe:
    """Return how the bundle was trained, as far as this version of Triage knows it, with exits."""
    known = {field.name for field in fields(Recipe)}
    given = {name: value for name, value in manifest.training["recipe"].items() if name in known}
    return Recipe(**{**given, "early_exit": True})


def _plan(csv: Path, generated: Path | None, manifest: Manifest) -> TrainingPlan:
    """Hold out the rows that were held out of the bundle's training."""
    plan = make_plan(csv, None, None, None, manifest.training["seed"], generated)
    if not len(plan.held_out):
        raise DataError(f"{csv} is too small to hold rows out: train a bundle with `triage train --early-exit`.")
    if share_seen(manifest.training.get(ROW_SKETCH, []), plan.held_out.texts) > SEEN_SHARE:
        raise DataError(
            f"The rows of {csv} that would judge the bundle are among those that it was trained on, since it was "
            "trained with other files besides, or has learned: train a bundle with `triage train --early-exit`."
        )
    return plan


def _calibrate(
    folder: Path, csv: Path, plan: TrainingPlan, job: TrainingJob, before: Manifest, name: str, started: float
) -> Manifest:
    texts = plan.held_out.texts
    data = run_candidate(folder, texts, plan.class_indices(plan.held_out), job.max_length, plan.held_out_source)
    fitted = fit_with_thresholds(
        data,
        len(plan.labels),
        risk=before.thresholds.guarantee.risk,
        suggest_risk=SUGGEST_RISK,
        seed=job.seed,
        languages=languages_of(texts, before.languages) if before.languages else (),
    )
    extra = {"base": before.training["base"], "exits_added_to": f"{before.name} {before.version}"}
    seconds = time.monotonic() - started
    record = TrainingRecord(
        name, job, plan, seconds, csv, before.descriptions, before.languages or (), extra, suffix="-exits"
    )
    return write_manifest(folder, record, fitted, data)
