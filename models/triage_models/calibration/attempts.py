"""Records how often a network was calibrated: whoever tries until a guarantee is given may have it by luck."""

from collections.abc import Iterable
from pathlib import Path

from triage_models.bundle.bundle import Bundle
from triage_models.bundle.manifest import Manifest
from triage_models.errors import BundleError

CALIBRATED = "calibrated"
"""The entry of ``training`` in the manifest that says what a bundle was calibrated to."""

EARLIER = "earlier"
"""The entry of `CALIBRATED` with the versions of the calibrations of the same network that came before."""


def replaced_manifest(output: Path) -> list[Manifest]:
    """Return the manifest of the bundle that is replaced at ``output``, if there is one that can be read."""
    try:
        return [Bundle.open(output, verify=False).manifest]
    except BundleError:
        return []


def with_earlier(new: Manifest, known: Iterable[Manifest]) -> Manifest:
    """Return the manifest of a calibrated bundle with the calibrations that came before.

    Only those count that had a chance of their own: another network, or the same rows with the same limits, is none.

    Args:
        new: the manifest.
        known: those of the bundle that was calibrated, and of the one that is replaced.
    """
    earlier = dict[str, str]()
    for manifest in known:
        before = manifest.training.get(CALIBRATED)
        if before is not None and manifest.files == new.files:
            for version in (*before.get(EARLIER, ()), manifest.version):
                earlier[_identity(version)] = version
    earlier.pop(_identity(new.version), None)
    record = {**new.training[CALIBRATED], EARLIER: list(earlier.values())}
    return new.model_copy(update={"training": {**new.training, CALIBRATED: record}})


def _identity(version: str) -> str:
    """Return the part of a version that says what was calibrated to what, without the date."""
    return version.rpartition("-")[2]
