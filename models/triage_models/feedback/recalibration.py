"""Says what learning does to a bundle that a shop has calibrated to its own messages."""

from pathlib import Path

from triage_models.bundle.manifest import Manifest
from triage_models.calibration.attempts import CALIBRATED


def recalibration_note(
    old: Manifest, output: Path, *, replaced: bool, rows: str = "rows held out of --data"
) -> str | None:
    """Return what becomes of a shop's own calibration, and what to do; None if the bundle has none.

    Args:
        old: the manifest of the bundle that is trained further.
        output: the candidate's folder.
        replaced: whether the candidate is calibrated on other rows; otherwise it keeps the calibration.
        rows: what these are, in words.
    """
    own = old.training.get(CALIBRATED)
    if own is None:
        return None
    what = (
        f"The candidate's confidence and thresholds come from {rows} instead, so what they promise is not about that "
        "shop"
        if replaced
        else "The candidate keeps that confidence and its thresholds, but its network is another one, so nothing is "
        "guaranteed"
    )
    return (
        f"{old.name} was calibrated to {own['data']} by `triage calibrate`. {what}: before it serves, run "
        f"`triage calibrate --bundle {output} --data {own['data']} --output …`."
    )
