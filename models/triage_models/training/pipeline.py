"""The training pipeline (``triage train``): from a labelled CSV to a bundle."""

import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from triage_models.bundle.publishing import check_output, locked_workspace
from triage_models.calibration.by_language import languages_of
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.fit import fit_with_thresholds
from triage_models.calibration.limits import RISK, SUGGEST_RISK, ErrorLimits
from triage_models.data.splits import split_rows
from triage_models.data.training_rows import read_descriptions
from triage_models.progress import ProgressCallback
from triage_models.serving.engine import usable_cores
from triage_models.training.base_model import default_base, load_tokenizer
from triage_models.training.batches import token_ids
from triage_models.training.candidate import TrainingJob, run_candidate, train_candidate
from triage_models.training.cross_fitting import FOLDS, cross_fit
from triage_models.training.early_exit import without_exits_if_few
from triage_models.training.label_check import check_labels, report_suspects
from triage_models.training.manifest_writer import TrainingRecord, write_manifest
from triage_models.training.plan import SMALL, TrainingPlan, make_plan
from triage_models.training.recipe import Recipe, recipe_for
from triage_models.training.workspace import FOLDS_FOLDER, log_progress, prepare, publish

VALIDATION_SHARE = 0.02
"""Share of the training rows that early stopping watches, if there are enough rows."""

TRAINING_TIME_SHARE = 0.8
"""Share of a time budget for training; the rest is for export and calibration."""


def train(
    data: Path,
    output: Path,
    *,
    validation: Path | None = None,
    out_of_scope: Path | None = None,
    out_of_scope_label: str | None = None,
    generated: Path | None = None,
    base: str | None = None,
    epochs: float | None = None,
    recipe: Recipe | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    teachers: int | None = None,
    descriptions: Path | None = None,
    max_error: float = RISK,
    suggest_max_error: float = SUGGEST_RISK,
    suspects: Path | None = None,
    languages: Collection[str] = (),
    gpu_model: bool = True,
    early_exit: bool = False,
    progress: ProgressCallback = lambda stage, share: None,
) -> Path:
    """Train a bundle and write it to ``output``, completely or not at all.

    An interrupted training resumes when it is called again with the same arguments.

    Args:
        data: CSV with ``text,label``. A column ``shop`` or ``group`` keeps groups together when rows are held out; a
            column ``weight`` says how often a row is drawn.
        output: the bundle's folder; a bundle that is there is replaced when the new one is complete.
        validation: CSV to calibrate with; by default some rows are held out, or calibration is cross-fitted if there
            are few.
        out_of_scope: CSV with ``text`` of messages that have no label.
        out_of_scope_label: the label of such messages in ``data``.
        generated: CSV with ``text,label`` of rows that no customer wrote, made from templates or by a language model.
            They are only trained on, with little weight, and teach a head of their own (see
            `triage_models.training.generated_head`); nothing is judged by them.
        base: folder or hub id of a DistilBERT, BERT, RoBERTa or XLM-R; by default the packaged MiniLM.
        epochs: passes over the data; by default chosen from its size.
        recipe: the hyperparameters; by default chosen from the data's size. It says itself how many epochs, seconds
            and teachers, so none of the arguments ``epochs``, ``time_budget`` and ``teachers`` goes with it.
        seed: seed of every draw.
        time_budget: seconds that this may take, calibration included. Only training is shortened; if the rest takes
            longer than a fifth of it, ``progress`` is told by how much the budget was exceeded.
        teachers: how many networks teach the one that serves, each trained like it; by default 1, for none.
        descriptions: CSV with ``label,description``.
        max_error: the error rate among accepted messages that the guarantee allows, 0 to 1.
        suggest_max_error: the error rate that is allowed down to the threshold of suggestions, 0 to 1.
        languages: the languages of the data, ISO 639-1. The bundle refuses messages that are certainly in another one,
            and has thresholds by language, if rows were held out. None is named by default, and none refused.
        gpu_model: also write the fp16 model for GPUs, from which `triage learn` continues.
        early_exit: let texts leave the network where an early layer is sure of them, with 1,000 rows or more; a recipe
            may say so itself.
        suspects: CSV to write with the rows whose label looks wrong; None does not look for them.
        progress: called with the stage and its progress.

    Returns:
        The bundle's folder.

    Raises:
        DataError: What is wrong with the data or the folder, or that the disk is full, in one sentence.
        ValueError: A recipe is given, and an argument that it contradicts.
    """
    if recipe is not None:
        _refuse_beside_recipe(epochs=epochs, time_budget=time_budget, teachers=teachers)
    limits = ErrorLimits(max_error, suggest_max_error)
    check_output(output)
    torch.set_num_threads(usable_cores())
    plan = make_plan(data, validation, out_of_scope, out_of_scope_label, seed, generated)
    described = read_descriptions(descriptions, plan.labels, plan.notes.append)
    for note in plan.notes:
        progress(note, 1.0)
    with locked_workspace(output) as folder:
        chosen = recipe or replace(_recipe(plan, epochs, time_budget, teachers), early_exit=early_exit)
        job = _make_job(plan, base or default_base(), chosen, seed)
        prepare(folder, job, plan.synthetic_oos)
        started = time.monotonic()
        train_candidate(job, folder, log_progress(folder, progress, "training"), with_gpu_model=gpu_model)
        calibration_data = _calibration_data(plan, job, folder, progress)
        progress("calibrating", 0.0)
        fitted = fit_with_thresholds(
            calibration_data,
            len(plan.labels),
            risk=limits.overall,
            suggest_risk=limits.suggest,
            seed=seed,
            languages=languages_of(plan.held_out.texts, languages) if languages else (),
        )
        record = TrainingRecord(
            output.name, job, plan, time.monotonic() - started, data, described, languages=tuple(languages)
        )
        manifest = write_manifest(folder, record, fitted, calibration_data)
        publish(folder, output, manifest, progress)
    late = None if time_budget is None else _exceeded(time.monotonic() - started, time_budget, plan)
    if late is not None:
        progress(late, 1.0)
    if suspects is not None and (time_budget is None or time.monotonic() - started < time_budget):
        found = check_labels(plan, job.base, calibration_data.logits, fitted.calibration.temperature, seed)
        progress(report_suspects(found, suspects), 1.0)
    return output


def _refuse_beside_recipe(**arguments: float | None) -> None:
    given = [name for name, value in arguments.items() if value is not None]
    if given:
        field = "seconds" if given[0] == "time_budget" else given[0]
        raise ValueError(
            f"train() was given a recipe and {' and '.join(given)}, which the recipe says itself: leave one out, or "
            f"write dataclasses.replace(recipe, {field}=…)."
        )


def _recipe(plan: TrainingPlan, epochs: float | None, time_budget: float | None, teachers: int | None) -> Recipe:
    drawn = float(plan.train.weight_array().sum())
    return recipe_for(drawn, epochs, _training_seconds(plan, time_budget), teachers or 1)


def _make_job(plan: TrainingPlan, base: str, recipe: Recipe, seed: int) -> TrainingJob:
    rows, validation = plan.train, None
    if len(rows) >= SMALL:
        rows, watched = split_rows(rows, VALIDATION_SHARE, seed + 1)
        validation = plan.examples(watched)
    recipe = without_exits_if_few(recipe, len(rows))
    max_length = _max_length(load_tokenizer(base), rows.texts)
    generated = plan.examples(plan.generated) if len(plan.generated) else None
    return TrainingJob(plan.examples(rows), plan.classes, base, recipe, max_length, seed, validation, generated)


def _training_seconds(plan: TrainingPlan, time_budget: float | None) -> float | None:
    """Return the seconds for the final model and its teachers; each cross-fitted model takes about as long."""
    if time_budget is None:
        return None
    return TRAINING_TIME_SHARE * time_budget / (1.0 if len(plan.held_out) else 1.0 + FOLDS)


def _exceeded(seconds: float, time_budget: float, plan: TrainingPlan) -> str | None:
    """Return a sentence for a budget that was exceeded, with what took its time; None for one that was kept."""
    if seconds <= time_budget:
        return None
    models = "the model" if len(plan.held_out) else f"each of the {1 + FOLDS} models, {FOLDS} of them for calibration,"
    return (
        f"This took {seconds:.0f} s, and --time-budget is {time_budget:g} s: the budget only shortens training. To "
        f"load, export and run {models} takes as long as it takes, and longer on a busy machine."
    )


def _max_length(tokenizer: Tokenizer, texts: list[str]) -> int:
    """Return enough tokens for 199 of 200 training texts, rounded up to a multiple of 8, between 64 and 128."""
    lengths = [len(ids) for ids in token_ids(tokenizer, texts)]
    return int(np.clip(8 * np.ceil(np.quantile(lengths, 0.995) / 8), 64, 128))


def _calibration_data(
    plan: TrainingPlan, job: TrainingJob, folder: Path, progress: ProgressCallback
) -> CalibrationData:
    """Run the model on the held-out rows, or cross-fit if there are none."""
    if len(plan.held_out):
        indices = plan.class_indices(plan.held_out)
        return run_candidate(folder, plan.held_out.texts, indices, job.max_length, plan.held_out_source)
    stage = "cross-fitting: predicting each row with a model that was not trained on it"
    return cross_fit(
        job,
        len(plan.labels),
        folder / FOLDS_FOLDER,
        lambda share, loss: progress(stage, share),
        leave_labels_out=plan.synthetic_oos,
    )
