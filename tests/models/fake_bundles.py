"""Bundles for tests that move bundles around: without a model, and copies of the shipped one."""

import shutil
from pathlib import Path
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, REQUIRED, Bundle, sha256
from triage_models.bundle.manifest import ACCEPTED_ROWS

from tests.models.samples import manifest


def fake_bundle(folder: Path, version: str, content: str = "") -> Path:
    """Write a bundle that can be opened but has no model."""
    folder.mkdir(parents=True)
    for name in REQUIRED:
        (folder / name).write_text(f"{name} of {version} {content}")
    files = {name: sha256(folder / name) for name in REQUIRED}
    own = manifest(("A", "B")).model_copy(update={"version": version, "files": files})
    (folder / MANIFEST).write_text(own.model_dump_json())
    return folder


def variant(folder: Path, version: str, **changes: Any) -> Path:
    """Copy the shipped bundle, for CPUs only, with another version and other fields in its manifest.

    It has no thresholds by language, which would go before those that a test sets.
    """
    shipped = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
    folder.mkdir(parents=True)
    for name in REQUIRED:
        shutil.copyfile(DEFAULT_BUNDLE / name, folder / name)
    only_cpu: dict[str, Any] = {
        "by_language": None,
        "files": {name: shipped.files[name] for name in REQUIRED},
        "golden": {CPU_MODEL: shipped.golden[CPU_MODEL]},
    }
    if "labels" in changes:  # those of the shipped bundle name its own labels
        only_cpu["metrics"] = {name: value for name, value in shipped.metrics.items() if name != ACCEPTED_ROWS}
    own = shipped.model_copy(update={"version": version, **only_cpu, **changes})
    (folder / MANIFEST).write_text(own.model_dump_json())
    return folder
