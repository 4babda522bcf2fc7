"""The metrics that a bundle's manifest records of the rows that it was calibrated on."""

from collections import Counter
from collections.abc import Sequence

from triage_models.bundle.accepted_rows import AcceptedRows, write_cells
from triage_models.bundle.manifest import ACCEPTED_ROWS, SUGGESTION, Suggestion
from triage_models.calibration.calibration_data import CalibrationData

CONFUSIONS = 10


def judged_metrics(
    data: CalibrationData, labels: Sequence[str], suggestion: Suggestion | None, accepted: AcceptedRows | None
) -> dict[str, object]:
    """Return accuracy in scope, the most frequent confusions, and which labels have no row among those judged.

    `triage evaluate` computes everything else.

    Args:
        data: the rows that the calibration and the thresholds come from.
        labels: the bundle's labels.
        suggestion: the threshold of suggestions, which is written among the metrics (see `Manifest.suggestion`).
        accepted: the accepted rows, which are written there, too.
    """
    in_scope = data.is_in_scope(len(labels))
    truth, predicted = data.classes[in_scope], data.logits[in_scope, : len(labels)].argmax(axis=1)
    correct = predicted == truth
    confusions = Counter(zip(truth[~correct].tolist(), predicted[~correct].tolist(), strict=True))
    return {
        "measured_on": data.source,
        "rows_in_scope": int(in_scope.sum()),
        "rows_out_of_scope": int((~in_scope).sum()),
        "labels_not_judged": [label for number, label in enumerate(labels) if number not in set(truth.tolist())],
        "accuracy_in_scope": round(float(correct.mean()), 5) if in_scope.any() else None,
        "confusions": [(labels[a], labels[b], times) for (a, b), times in confusions.most_common(CONFUSIONS)],
        **({} if suggestion is None else {SUGGESTION: suggestion.model_dump()}),
        **({} if accepted is None else {ACCEPTED_ROWS: write_cells(accepted, labels)}),
    }
