"""A bundle whose files and hashes are in order, with no model in it: for tests of what only moves bundles about."""

from pathlib import Path

from models.bundle import MANIFEST, REQUIRED, sha256
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
