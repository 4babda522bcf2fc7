"""A bundle on disk: opening one, and proving that it is what it says."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError

from triage_models.bundle.manifest import Manifest
from triage_models.errors import BundleError

MANIFEST = "triage.json"
CPU_MODEL = "model.int8.onnx"
GPU_MODEL = "model.fp16.onnx"
REQUIRED = ("config.json", "tokenizer.json", CPU_MODEL)
CURRENT = "current"
"""In a store of bundles (see `triage_models.bundle.store`), the link to the one that is served."""


@dataclass(frozen=True)
class Bundle:
    """A folder with a model, its tokenizer, its labels, and what it knows about its own confidence."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = True) -> "Bundle":
        """Read ``triage.json`` and, unless told otherwise, check every file against its SHA-256.

        Args:
            path: the bundle's folder, or a store's (see `triage_models.bundle.store`), whose current bundle it is then.
            verify: check the hashes.

        Raises:
            BundleError: the folder, a file or a field is missing or damaged.
        """
        folder = located(Path(path))
        bundle = cls(folder, _read_manifest(folder))
        for name in REQUIRED:
            if not (folder / name).is_file():
                raise BundleError(f"The bundle {folder} has no {name}: copy the whole folder again.")
        if verify:
            bundle.verify_files()
        return bundle

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def labels(self) -> tuple[str, ...]:
        return self.manifest.labels

    @property
    def descriptions(self) -> dict[str, str]:
        return self.manifest.descriptions

    @property
    def threshold(self) -> float:
        return self.manifest.thresholds.confidence

    @property
    def max_length(self) -> int:
        return self.manifest.max_length

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The network's outputs in order: the labels, then the out-of-scope class where there is one."""
        scope = self.manifest.out_of_scope_label
        return self.labels if scope is None else (*self.labels, scope)

    def verify_files(self) -> None:
        """Compare every file with its SHA-256; raises `BundleError` for the first that differs."""
        for name, expected in self.manifest.files.items():
            file = self.path / name
            if not file.is_file():
                raise BundleError(f"The bundle {self.path} lacks {name}: copy the whole folder again.")
            if _read_hash(file) != expected:
                raise BundleError(
                    f"{file} is not the file that the bundle was made with (its SHA-256 differs): "
                    "copy the bundle again or train it anew."
                )


def located(path: Path) -> Path:
    """The folder that a bundle really lies in: links are followed once, so that all files come from one bundle."""
    in_store = not (path / MANIFEST).exists() and (path / CURRENT).is_symlink()
    return (path / CURRENT if in_store else path).resolve()


def sha256(file: Path) -> str:
    """The SHA-256 of a file, as hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_hash(file: Path) -> str:
    try:
        return sha256(file)
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read: {error.strerror}. Let this process's user read the bundle."
        ) from error


def _read_manifest(folder: Path) -> Manifest:
    file = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            f"There is no bundle at {folder}: set TRIAGE_BUNDLE or --bundle to a folder with a {MANIFEST}."
        )
    if not file.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}. `triage train --output DIR` makes one.")
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BundleError(f"{file} is damaged or of another version: {where}: {first['msg']}.") from error
    except (OSError, json.JSONDecodeError) as error:
        raise BundleError(f"{file} cannot be read: {error}.") from error
