"""Opens a bundle and verifies its files."""

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
"""In a bundle store (see `triage_models.bundle.store`), the link to the bundle that is served."""


@dataclass(frozen=True)
class Bundle:
    """A folder with a model, its tokenizer, its labels, and the calibration of its confidence.

    Attributes:
        path: the folder.
        manifest: the content of its ``triage.json``.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str, *, verify: bool = True) -> "Bundle":
        """Read ``triage.json`` and check the SHA-256 of every file.

        Args:
            path: the bundle's folder, or that of a store (see `triage_models.bundle.store`), for its current bundle.
            verify: check the hashes.

        Raises:
            BundleError: The folder, a file or a field is missing or damaged.
        """
        folder = resolve_bundle_folder(Path(path))
        bundle = cls(folder, _read_manifest(folder))
        for name in REQUIRED:
            if not (folder / name).is_file():
                raise BundleError(f"The bundle {folder} has no {name}: copy the whole folder again.")
        if verify:
            bundle.verify_files()
        return bundle

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """The bundle's version, unique among the bundles of one name."""
        return self.manifest.version

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels that the bundle predicts, in the order of the network's outputs."""
        return self.manifest.labels

    @property
    def descriptions(self) -> dict[str, str]:
        """What each label means, by label."""
        return self.manifest.descriptions

    @property
    def threshold(self) -> float:
        """The confidence, 0 to 1, from which a decision is accepted."""
        return self.manifest.thresholds.confidence

    @property
    def intent_thresholds(self) -> dict[str, float]:
        """The confidence that intents with a threshold of their own need."""
        own = self.manifest.thresholds.by_intent or {}
        return {label: threshold.confidence for label, threshold in own.items()}

    @property
    def language_thresholds(self) -> dict[str, float]:
        """The confidence that messages need in languages with a threshold of their own."""
        own = self.manifest.by_language or {}
        return {code: one.confidence for code, one in own.items() if one.confidence is not None}

    @property
    def max_length(self) -> int:
        """Tokens that the model reads, special tokens included."""
        return self.manifest.max_length

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The network's outputs in order: the labels, then the out-of-scope class if there is one."""
        oos_label = self.manifest.out_of_scope_label
        return self.labels if oos_label is None else (*self.labels, oos_label)

    def verify_files(self) -> None:
        """Compare every file with its SHA-256.

        Raises:
            BundleError: A file is missing or differs; names the first one.
        """
        for name, expected in self.manifest.files.items():
            file = self.path / name
            if not file.is_file():
                raise BundleError(f"The bundle {self.path} lacks {name}: copy the whole folder again.")
            if _read_hash(file) != expected:
                raise BundleError(
                    f"{file} is not the file that the bundle was built with (its SHA-256 differs): "
                    "copy the bundle again or train a new one."
                )


def resolve_bundle_folder(path: Path) -> Path:
    """Return the real folder of a bundle, or of a store's current bundle.

    Links are followed once, so that all files are read from one bundle even if the store changes meanwhile.
    """
    in_store = not (path / MANIFEST).exists() and (path / CURRENT).is_symlink()
    return (path / CURRENT if in_store else path).resolve()


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_hash(file: Path) -> str:
    try:
        return sha256(file)
    except OSError as error:
        raise BundleError(
            f"{file} cannot be read: {error.strerror}. Give this process's user permission to read the bundle."
        ) from error


def _read_manifest(folder: Path) -> Manifest:
    file = folder / MANIFEST
    if not folder.is_dir():
        raise BundleError(
            f"There is no bundle at {folder}: set TRIAGE_BUNDLE or --bundle to a folder with a {MANIFEST}."
        )
    if not file.is_file():
        raise BundleError(f"{folder} is not a bundle: it has no {MANIFEST}. `triage train --output DIR` creates one.")
    try:
        return Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise BundleError(f"{file} is damaged or of another version: {where}: {first['msg']}.") from error
    except (OSError, json.JSONDecodeError) as error:
        raise BundleError(f"{file} cannot be read: {error}.") from error
