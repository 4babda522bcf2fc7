"""Learns from answers (``triage learn``, without Kafka): trains a candidate and compares it with the serving bundle.

The network of the serving bundle is trained further for a few minutes, on the answers, each drawn several times, and on
a sample of the rows that it was trained on.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from triage_models.bundle.bundle import CPU_MODEL, Bundle
from triage_models.bundle.manifest import Manifest
from triage_models.bundle.publishing import check_output, locked_workspace
from triage_models.calibration.by_language import languages_of
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.fit import Fitted, fit_with_thresholds
from triage_models.calibration.limits import SUGGEST_RISK, check_rate
from triage_models.data.corpus import MESSAGES_CSV
from triage_models.data.evaluation_rows import LabelledRows, read_labelled_rows, resolve_oos_labels
from triage_models.data.labelled import normalize_text
from triage_models.data.row_sketch import ROW_SKETCH, merge, sketch
from triage_models.data.training_rows import TrainingRows, exclude_texts
from triage_models.data.two_wishes import fitting_rows
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer
from triage_models.feedback.base_rows import base_plan, has_calibration_rows
from triage_models.feedback.bundle_comparison import compare_bundles
from triage_models.feedback.promotion import MARGIN, BundleComparison, PromotionDecision, decide_promotion
from triage_models.feedback.recalibration import recalibration_note
from triage_models.feedback.resolve import LLM_PER_HUMAN, ResolvedLabels, resolve_labels
from triage_models.feedback.training_mix import mix_rows
from triage_models.progress import ProgressCallback
from triage_models.serving.engine import usable_cores
from triage_models.training.candidate import TrainingJob, run_candidate, train_candidate
from triage_models.training.early_exit import without_exits_if_few
from triage_models.training.exit_graph import leaves_early
from triage_models.training.manifest_writer import TrainingRecord, write_manifest
from triage_models.training.plan import TrainingPlan
from triage_models.training.recipe import Recipe
from triage_models.training.two_wishes import fit_two_wishes
from triage_models.training.workspace import log_progress, prepare, publish

RECIPE = Recipe(epochs=2, batch=32, rate=1e-4, head_rate=3e-4, noise=0.3, words_frozen=True)


@dataclass(frozen=True)
class LearningResult:
    """The result of learning from answers.

    Attributes:
        bundle: the candidate's folder.
        version: the candidate's version.
        decision: whether to promote it.
        report: the figures, as values that JSON can hold.
    """

    bundle: Path
    version: str
    decision: PromotionDecision
    report: dict[str, object]


def learn(
    answers: Sequence[Answer],
    serving: Path,
    output: Path,
    *,
    data: Path | None = None,
    out_of_scope: Path | None = None,
    validation: Path | None = None,
    test: Path | None = None,
    margin: float = MARGIN,
    llm_per_human: float = LLM_PER_HUMAN,
    seed: int = 0,
    max_error: float | None = None,
    clean_email: bool = True,
    progress: ProgressCallback = lambda stage, share: None,
) -> LearningResult:
    """Train a candidate on answers and compare it with the serving bundle.

    Args:
        answers: oldest first.
        serving: the bundle to start from and to improve on.
        output: the candidate's folder; a bundle that is there is replaced.
        data: the CSV that the bundle was trained on. By default the project's corpus is used, which needs the same
            labels, and the candidate gets the serving bundle's threshold without its guarantee.
        out_of_scope: the CSV of out-of-scope messages that the bundle was trained on beside ``data``.
        validation: the CSV that the bundle was calibrated with when it was trained, if that was a file of its own.
        test: CSV with ``text,label`` of the test set.
        margin: how many points the candidate may be worse on the test set.
        llm_per_human: LLM answers to learn from, at most, per human answer.
        seed: seed of every draw.
        max_error: the error rate among accepted messages that the candidate's guarantee allows, 0 to 1; by default
            that of the serving bundle. Another one needs ``data``.
        clean_email: compare the bundles on what the senders of e-mails wrote, as messages that are served are read.
        progress: called with the stage and its progress.

    Raises:
        DataError: There is nothing to learn from, or a file cannot be used.
        BundleError: The serving bundle cannot be opened.
    """
    if max_error is not None:
        check_rate(f"--max-error {max_error:g}", max_error)
    check_output(output)
    torch.set_num_threads(usable_cores())
    bundle = Bundle.open(serving)
    base = base_plan(bundle.manifest, data, out_of_scope, validation)
    test_rows = None if test is None else _read_test(test, bundle.manifest, progress)
    excluded = {normalize_text(text) for text in test_rows.texts} if test_rows else set()
    resolved = resolve_labels(answers, bundle.labels, base.oos_label, excluded=excluded, llm_per_human=llm_per_human)
    if not resolved.human and not resolved.llm:
        raise DataError(
            f"There is nothing to learn from: of {len(answers)} answers none is left ({_left_out(resolved)})."
        )
    rows = mix_rows(resolved, base.train, base.classes, excluded, seed)
    unseen, _ = exclude_texts(base.held_out, rows)  # people may have answered a message that is held out
    plan = TrainingPlan(base.labels, base.oos_label, rows, unseen)
    calibrates = has_calibration_rows(plan, bundle.manifest, data, progress)
    if not calibrates:
        _refuse_other_risk(bundle.manifest, max_error)
    judges = "rows held out of --data" if validation is None else "rows of --validation"
    note = recalibration_note(bundle.manifest, output, replaced=calibrates, rows=judges)
    if note is not None:
        progress(note, 1.0)
    version = _train(plan, bundle, output, data, resolved, seed, max_error, calibrates, progress)
    progress("comparing with the serving bundle", 0.0)
    on_held_out, on_test = _compare(bundle.path, output, resolved, test_rows, base.oos_label, clean_email)
    decision = decide_promotion(on_held_out, on_test, margin=margin)
    report: dict[str, object] = {
        "candidate": version,
        "serving": bundle.version,
        "better": decision.better,
        "why": list(decision.reasons),
        "answers": _answer_counts(len(answers), resolved),
        "margin": margin,
        "calibrate_again": note,
        "held_out": on_held_out.to_json(),
        "test": on_test.to_json() if on_test else None,
    }
    return LearningResult(output, version, decision, report)


def _read_test(test: Path, manifest: Manifest, progress: ProgressCallback) -> LabelledRows:
    def on_note(note: str) -> None:
        progress(note, 1.0)

    rows = read_labelled_rows(test, on_note)
    return rows.with_labels_of(manifest.labels, manifest.out_of_scope_label, on_note)


def _train(
    plan: TrainingPlan,
    bundle: Bundle,
    output: Path,
    data: Path | None,
    resolved: ResolvedLabels,
    seed: int,
    max_error: float | None,
    calibrates: bool,
    progress: ProgressCallback,
) -> str:
    """Train the candidate, write it to ``output``, and return its version."""
    old = bundle.manifest
    started = time.monotonic()
    examples = plan.examples(plan.train)
    recipe = replace(RECIPE, early_exit=leaves_early(bundle.path / CPU_MODEL))
    recipe = without_exits_if_few(recipe, len(examples))
    job = TrainingJob(examples, plan.classes, str(bundle.path), recipe, old.max_length, seed, start=bundle.path)
    with locked_workspace(output) as folder:
        prepare(folder, job, plan.synthetic_oos)
        train_candidate(job, folder, log_progress(folder, progress, "learning"), with_gpu_model=True)
        progress("calibrating", 0.0)
        calibration_data, fitted = _calibrate(plan, job, folder, old, resolved, seed, max_error, calibrates)
        extra: dict[str, object] = {
            "data": old.training.get("data"),
            "data_sha256": old.training.get("data_sha256"),
            ROW_SKETCH: merge(old.training.get(ROW_SKETCH, []), sketch(plan.train.texts)),
            "learnt_from": {"bundle": old.version, "human": len(resolved.human), "llm": len(resolved.llm)},
        }
        seconds = time.monotonic() - started
        languages = old.languages or ()
        record = TrainingRecord(old.name, job, plan, seconds, data or MESSAGES_CSV, old.descriptions, languages, extra)
        manifest = write_manifest(folder, record, fitted, calibration_data)
        publish(folder, output, manifest, progress)
    if old.two_wishes is not None:
        # It was fitted to scores of the network before.
        fit_two_wishes(output, fitting_rows(), old.two_wishes.false_seconds)
    return manifest.version


def _calibrate(
    plan: TrainingPlan,
    job: TrainingJob,
    folder: Path,
    old: Manifest,
    resolved: ResolvedLabels,
    seed: int,
    max_error: float | None,
    calibrates: bool,
) -> tuple[CalibrationData, Fitted]:
    """Calibrate on rows that the serving bundle was not trained on; without such rows, reuse its calibration."""
    if calibrates:
        source = f"{len(plan.held_out)} rows held out"
        indices = plan.class_indices(plan.held_out)
        calibration_data = run_candidate(folder, plan.held_out.texts, indices, job.max_length, source)
        suggest = SUGGEST_RISK if old.suggestion is None else old.suggestion.guarantee.risk
        fitted = fit_with_thresholds(
            calibration_data,
            len(plan.labels),
            risk=max_error or old.thresholds.guarantee.risk,
            suggest_risk=suggest,
            seed=seed,
            languages=languages_of(plan.held_out.texts, old.languages) if old.languages else (),
        )
        return calibration_data, _with_intent_thresholds(fitted, old)
    rows = TrainingRows([one.text for one in resolved.held_out], [one.label for one in resolved.held_out])
    source = f"{len(rows)} held-out answers by people"
    calibration_data = run_candidate(folder, rows.texts, plan.class_indices(rows), job.max_length, source)
    return calibration_data, _with_intent_thresholds(_fitted_before(old), old)


def _fitted_before(old: Manifest) -> Fitted:
    """Return the calibration and the thresholds of a bundle without their guarantees, which were about its network."""
    untested = {"certified": False, "method": f"threshold of {old.version}, the bundle before learning"}
    guarantee = old.thresholds.guarantee.model_copy(update=untested)
    suggestion = old.suggestion
    if suggestion is not None:
        suggestion = suggestion.model_copy(update={"guarantee": suggestion.guarantee.model_copy(update=untested)})
    thresholds = old.thresholds.model_copy(update={"guarantee": guarantee})
    by_language = old.by_language and {
        code: one.model_copy(update={"guarantee": None}) for code, one in old.by_language.items()
    }
    return Fitted(old.calibration, thresholds, suggestion, by_language=by_language)


def _refuse_other_risk(old: Manifest, max_error: float | None) -> None:
    if max_error not in (None, old.thresholds.guarantee.risk):
        raise DataError(
            f"--max-error {max_error:g} needs rows to calibrate with, and there are none: give --data with the CSV "
            f"that {old.name} was trained on (2,500 rows or more, or with --validation), or run `triage calibrate` "
            "on the candidate."
        )


def _with_intent_thresholds(fitted: Fitted, old: Manifest) -> Fitted:
    """Keep the stricter thresholds of intents; what they promised was tested with the network before learning."""
    if old.thresholds.by_intent is None:
        return fitted
    own = {
        label: one.model_copy(
            update={
                "confidence": max(one.confidence, fitted.thresholds.confidence),
                "guarantee": one.guarantee.model_copy(update={"certified": False}),
            }
        )
        for label, one in old.thresholds.by_intent.items()
    }
    return fitted._replace(thresholds=fitted.thresholds.model_copy(update={"by_intent": own}))


def _compare(
    serving: Path,
    candidate: Path,
    resolved: ResolvedLabels,
    test_rows: LabelledRows | None,
    oos_label: str,
    clean_email: bool,
) -> tuple[BundleComparison, BundleComparison | None]:
    """Compare both bundles on the held-out answers and, if there is one, on the test set."""
    rows = LabelledRows([one.text for one in resolved.held_out], [one.label for one in resolved.held_out], {})
    compare = partial(compare_bundles, serving, candidate, clean_email=clean_email)
    on_held_out = compare(rows, frozenset({oos_label}))
    if test_rows is None:
        return on_held_out, None
    test_oos_labels = resolve_oos_labels(None, oos_label, set(test_rows.labels))
    return on_held_out, compare(test_rows, test_oos_labels)


def _answer_counts(read: int, resolved: ResolvedLabels) -> dict[str, object]:
    return {
        "read": read,
        "human": len(resolved.human),
        "llm": len(resolved.llm),
        "held_out": len(resolved.held_out),
        "left_out": resolved.left_out,
    }


def _left_out(resolved: ResolvedLabels) -> str:
    reasons = [f"{number} {reason}" for reason, number in resolved.left_out.items()]
    if resolved.held_out:
        reasons.append(f"{len(resolved.held_out)} are held out to evaluate on")
    return ", ".join(reasons) or "none was given"
