"""Calibrates a bundle to a shop's own messages (``triage calibrate``): confidence and thresholds, without training."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage_models.bundle.bundle import MANIFEST, Bundle, sha256
from triage_models.bundle.card import CARD, write_card
from triage_models.bundle.manifest import Calibration, Manifest
from triage_models.bundle.publishing import check_output, locked_workspace, replace_folder
from triage_models.bundle.two_wishes import TWO_WISHES
from triage_models.calibration.attempts import CALIBRATED, EARLIER, replaced_manifest, with_earlier
from triage_models.calibration.correction import Correction, correct_calibration
from triage_models.calibration.judged_metrics import judged_metrics
from triage_models.calibration.limits import RISK, SUGGEST_RISK, ErrorLimits
from triage_models.calibration.rows_needed import UNATTAINABLE
from triage_models.calibration.shop_rows import ModelledRows, ShopRows, read_shop_rows, run_model
from triage_models.calibration.thresholds import ChosenThresholds, OwnThreshold, ScoredRows, choose_thresholds
from triage_models.data.row_sketch import ROW_SKETCH, share_seen, sketch
from triage_models.errors import DataError
from triage_models.paths import DEFAULT_BUNDLE
from triage_models.progress import ProgressCallback
from triage_models.serving.classifier import Classifier
from triage_models.serving.opening import Device

MOST_TRAINED = 0.05
"""Short messages, such as greetings, are in every shop's rows: only a larger share was taken from training."""


def calibrate(
    data: Path,
    output: Path,
    bundle: Path = DEFAULT_BUNDLE,
    *,
    max_error: float = RISK,
    suggest_max_error: float = SUGGEST_RISK,
    max_error_for: Mapping[str, float] | None = None,
    out_of_scope_label: str | None = None,
    device: Device = "auto",
    clean_email: bool = True,
    seed: int = 0,
    progress: ProgressCallback = lambda stage, share: None,
) -> dict[str, Any]:
    """Fit the confidence and the thresholds of a bundle to labelled messages, and write it as a new bundle.

    Network, tokenizer and labels stay. The thresholds are tested on the messages; the result says what is guaranteed
    there. Without a guarantee, the bundle gets the threshold that it had, or a stricter one.

    Args:
        data: CSV with the columns ``text,label``, of messages that the bundle was not trained on. A label may be
            several, joined by ``|``, any of which is correct.
        output: the new bundle's folder; a bundle that is there is replaced when the new one is complete.
        bundle: the folder of the bundle to calibrate.
        max_error: the error rate among accepted messages that is to be guaranteed, 0 to 1.
        suggest_max_error: the error rate that is allowed down to the threshold of suggestions, 0 to 1.
        max_error_for: the error rates of intents that need a stricter one.
        out_of_scope_label: the label of rows that none of the bundle's labels fits; by default the bundle's own name
            for it, or OOS.
        device: where to run.
        clean_email: read of an e-mail only what its sender wrote, as is done with messages that are served.
        seed: seed of the cross-fitting.
        progress: called with the stage and its progress.

    Returns:
        ``max_error``, ``coverage``, ``accepted_rows``, ``guaranteed`` and ``rows_needed``, and what they come from;
        ``earlier_calibrations`` is how many others of this network are known.

    Raises:
        DataError: The data cannot be used, a limit cannot be kept, or the output cannot be written.
        BundleError: The bundle cannot be opened.
        DeviceError: The device is not active.
    """
    limits = ErrorLimits(max_error, suggest_max_error, max_error_for or {})
    check_output(output)
    classifier = Classifier.open(bundle, device=device, clean_email=clean_email)
    manifest = classifier.bundle.manifest
    limits = limits.for_labels(manifest.labels)
    rows = _read(data, manifest, out_of_scope_label, progress)
    source = f"{len(rows):,} rows of {data.name}"
    modelled = run_model(classifier, rows, source, lambda share: progress("classifying", share))
    progress("calibrating", 0.0)
    correction, chosen = fit_to_rows(modelled, manifest, limits, seed=seed)
    calibrated = _manifest(output.name, manifest, (correction.calibration, chosen), modelled, (data, rows))
    calibrated = with_earlier(calibrated, [manifest, *replaced_manifest(output)])
    progress("writing the bundle", 0.0)
    _write(classifier.bundle, calibrated, output, progress)
    accepted, errors = chosen.messages
    messages = {"rows": sum(rows.counts), "accepted": accepted, "errors": errors}
    return _result(calibrated, chosen, limits, output) | {"messages": messages}


def fit_to_rows(
    modelled: ModelledRows, manifest: Manifest, limits: ErrorLimits, *, seed: int
) -> tuple[Correction, ChosenThresholds]:
    """Correct a bundle's calibration to rows, and choose its thresholds.

    Args:
        modelled: the rows.
        manifest: that of the bundle.
        limits: the error rates that are allowed.
        seed: seed of the cross-fitting.
    """
    data, labels, thresholds = modelled.data, manifest.labels, manifest.thresholds
    correction = correct_calibration(data, len(labels), manifest.calibration, thresholds.confidence, seed=seed)
    familiar = data.similarity[:, : len(labels)].max(axis=1) >= thresholds.familiarity
    scored = ScoredRows(
        confidence=correction.confidence,
        expected=correction.expected,
        eligible=familiar & modelled.readable & (data.logits.argmax(axis=1) < len(labels)),
        correct=data.correct(len(labels)),
        in_scope=data.is_in_scope(len(labels)),
        predicted=data.logits[:, : len(labels)].argmax(axis=1),
        counts=modelled.counts if (modelled.counts > 1).any() else None,
    )
    own = OwnThreshold(correction.own_threshold, thresholds.guarantee.risk, thresholds.familiarity)
    chosen = choose_thresholds(scored, labels, limits, own)
    return correction, chosen


def _read(data: Path, manifest: Manifest, requested: str | None, progress: ProgressCallback) -> ShopRows:
    rows = read_shop_rows(
        data, manifest.labels, manifest.out_of_scope_label, requested, lambda note: progress(note, 1.0)
    )
    digest, before = sha256(data), manifest.training.get(CALIBRATED, {})
    if digest == manifest.training.get("data_sha256"):
        raise DataError(
            f"{manifest.name} was trained on {data}, so its errors there say nothing: give messages that "
            "it has not seen."
        )
    seen = share_seen(before.get(ROW_SKETCH, []), rows.texts)
    if digest == before.get("data_sha256") or seen == 1.0:
        raise DataError(
            f"{manifest.name} was calibrated to {data} already{_under_another_name(digest, before)}: calibrate the "
            f"bundle that it comes from, {before['from']['name']} {before['from']['version']}."
        )
    if seen > 0:
        progress(
            f"{manifest.name} was calibrated to {seen:.0%} of these rows already, so they count twice, and what is "
            f"guaranteed is only about right: calibrate the bundle that it comes from, {before['from']['name']} "
            f"{before['from']['version']}, with all rows.",
            1.0,
        )
    trained = share_seen(manifest.training.get(ROW_SKETCH, []), rows.texts)
    if trained > MOST_TRAINED:
        progress(
            f"{manifest.name} was trained on {trained:.0%} of these rows, and is right on them more often than on "
            "others, so what is guaranteed here does not hold for traffic: give messages that it has not seen.",
            1.0,
        )
    return rows


def _under_another_name(digest: str, before: dict[str, Any]) -> str:
    return "" if digest == before.get("data_sha256") else f" (its rows are all among those of {before['data']})"


def _manifest(
    name: str,
    old: Manifest,
    fitted: tuple[Calibration, ChosenThresholds],
    modelled: ModelledRows,
    source: tuple[Path, ShopRows],
) -> Manifest:
    calibration, chosen = fitted
    file, rows = source
    now, digest = datetime.now(UTC), sha256(file)
    limits = [chosen.thresholds.guarantee.risk, chosen.suggestion.guarantee.risk, chosen.thresholds.by_intent]
    identity = hashlib.sha256(f"{old.version} {digest} {limits}".encode()).hexdigest()
    record = {
        "from": {"name": old.name, "version": old.version},
        "data": file.name,
        "data_sha256": digest,
        ROW_SKETCH: sketch(rows.texts),
        "rows": len(rows),
        "messages": sum(rows.counts),
        "rows_by_label": dict(sorted(Counter(rows.labels).items())),
        "rows_needed": chosen.rows_needed,
    }
    return old.model_copy(
        update={
            "name": name,
            "version": now.strftime("%Y.%m.%d-") + identity[:8],
            "created_at": now.isoformat(timespec="seconds"),
            "calibration": calibration,
            "thresholds": chosen.thresholds,
            "by_language": None,  # these rows have the shop's own mix of languages, which the threshold is about
            "metrics": judged_metrics(modelled.data, old.labels, chosen.suggestion, chosen.accepted)
            | {name: found for name, found in old.metrics.items() if name == TWO_WISHES},
            "training": {**old.training, CALIBRATED: record},
        }
    )


def _write(bundle: Bundle, manifest: Manifest, output: Path, progress: ProgressCallback) -> None:
    with locked_workspace(output) as workspace:
        folder = workspace.with_suffix(".calibrated")  # in the workspace there may be a training that can continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name in manifest.files:
            shutil.copyfile(bundle.path / name, folder / name)
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if write_card(folder, manifest, output):
            progress(f"{output / CARD} was edited and therefore not overwritten: check its figures.", 1.0)
        Bundle.open(folder)  # what was copied is what was measured
        replace_folder(folder, output)


def _result(manifest: Manifest, chosen: ChosenThresholds, limits: ErrorLimits, output: Path) -> dict[str, Any]:
    thresholds, suggestion = manifest.thresholds, chosen.suggestion
    guarantee = thresholds.guarantee
    return {
        "max_error": limits.overall,
        "coverage": guarantee.coverage,
        "accepted_rows": guarantee.accepted_rows,
        "guaranteed": guarantee.certified,
        "rows_needed": chosen.rows_needed,
        "attainable": chosen.rows_needed < UNATTAINABLE,
        "rows": guarantee.calibration_rows,
        "errors": guarantee.errors,
        "upper_bound": guarantee.upper_bound,
        "confidence": guarantee.confidence,
        "earlier_calibrations": len(manifest.training[CALIBRATED][EARLIER]),
        "threshold": thresholds.confidence,
        "labels_not_judged": manifest.metrics["labels_not_judged"],
        "by_intent": {
            label: {
                "max_error": own.guarantee.risk,
                "guaranteed": own.guarantee.certified,
                "accepted_rows": own.guarantee.accepted_rows,
                "errors": own.guarantee.errors,
                "threshold": own.confidence,
                "rows_needed": chosen.rows_needed_by_intent[label],
            }
            for label, own in (thresholds.by_intent or {}).items()
        },
        "suggest": {
            "max_error": suggestion.guarantee.risk,
            "guaranteed": suggestion.guarantee.certified,
            "coverage": suggestion.guarantee.coverage,
            "threshold": suggestion.confidence,
        },
        "bundle": {"name": manifest.name, "version": manifest.version, "path": str(output)},
    }
