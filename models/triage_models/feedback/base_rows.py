"""The rows that a bundle was trained on, split as they were then."""

from pathlib import Path

from triage_models.bundle.bundle import sha256
from triage_models.bundle.manifest import Manifest
from triage_models.data.corpus import MESSAGES_CSV
from triage_models.data.labelled import match_labels
from triage_models.data.row_sketch import ROW_SKETCH, SEEN_SHARE, share_seen
from triage_models.errors import DataError
from triage_models.progress import ProgressCallback
from triage_models.training.plan import TrainingPlan, make_plan


def base_plan(
    manifest: Manifest, data: Path | None, out_of_scope: Path | None = None, validation: Path | None = None
) -> TrainingPlan:
    """Plan the base data as it was split when the bundle was trained, with the bundle's name for out of scope.

    Args:
        manifest: that of the serving bundle.
        data: the CSV that it was trained on; by default the project's corpus.
        out_of_scope: the CSV of out-of-scope messages that it was trained on beside ``data``.
        validation: the CSV that it was calibrated with when it was trained; None if rows of ``data`` were held out.

    Raises:
        DataError: The bundle has no out-of-scope output, or the data has other labels.
    """
    oos_label = manifest.out_of_scope_label
    if oos_label is None:
        raise DataError(f"{manifest.name} has no out-of-scope output, so it cannot learn further: train a new bundle.")
    csv = data or MESSAGES_CSV
    its_name = None if out_of_scope is None else oos_label
    plan = make_plan(csv, validation, out_of_scope, its_name, int(manifest.training.get("seed", 0)))
    for rows in (plan.train, plan.held_out):
        rows.labels[:] = match_labels(rows.labels, [*manifest.labels, oos_label])
    plan.labels = tuple(sorted(match_labels(plan.labels, manifest.labels)))
    if plan.labels != manifest.labels:
        different = ", ".join(sorted(set(plan.labels) ^ set(manifest.labels))[:5])
        raise DataError(
            f"The labels of {csv.name} are not those of {manifest.name} (different: {different}): "
            "give the CSV that it was trained on with --data."
        )
    for rows in (plan.train, plan.held_out):
        rows.labels[:] = [oos_label if label == plan.oos_label else label for label in rows.labels]
    plan.oos_label = oos_label
    return plan


def has_calibration_rows(plan: TrainingPlan, old: Manifest, data: Path | None, progress: ProgressCallback) -> bool:
    """Whether there are rows that neither the serving bundle nor the candidate is trained on; says so if it is not.

    Args:
        plan: the base data, split by `base_plan`.
        old: the manifest of the serving bundle.
        data: the CSV that the base data was read from.
        progress: called with a sentence if the split is another one than that of the training.
    """
    if data is None or not len(plan.held_out) or sha256(data) != old.training.get("data_sha256"):
        return False
    if share_seen(old.training.get(ROW_SKETCH, []), plan.held_out.texts) <= SEEN_SHARE:
        return True
    progress(
        f"{old.name} was trained on rows that are held out now to judge the candidate, so it was trained with other "
        "files than these: give the same --out-of-scope and --validation as then. Until then the candidate keeps the "
        "thresholds, without a guarantee.",
        1.0,
    )
    return False
