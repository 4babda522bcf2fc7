"""Bundles for tests of what moves bundles about: without a model in them, and copies of the shipped one."""

import shutil
from pathlib import Path
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import CPU_MODEL, MANIFEST, REQUIRED, Bundle, sha256

from tests.models.samples import manifest


def made(folder: Path, version: str, content: str = "") -> Path:
    """A bundle that opens, without a model in it."""
    folder.mkdir(parents=True)
    for name in REQUIRED:
        (folder / name).write_text(f"{name} of {version} {content}")
    files = {name: sha256(folder / name) for name in REQUIRED}
    told = manifest(("A", "B")).model_copy(update={"version": version, "files": files})
    (folder / MANIFEST).write_text(told.model_dump_json())
    return folder


def variant(folder: Path, version: str, **changes: Any) -> Path:
    """The shipped bundle, for CPUs only, under another version and with other fields of its manifest."""
    shipped = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
    folder.mkdir(parents=True)
    for name in REQUIRED:
        shutil.copyfile(DEFAULT_BUNDLE / name, folder / name)
    only_cpu = {
        "files": {name: shipped.files[name] for name in REQUIRED},
        "golden": {CPU_MODEL: shipped.golden[CPU_MODEL]},
    }
    told = shipped.model_copy(update={"version": version, **only_cpu, **changes})
    (folder / MANIFEST).write_text(told.model_dump_json())
    return folder
