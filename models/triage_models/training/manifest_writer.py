"""Writes ``triage.json`` of a new bundle: its labels, thresholds, hashes, golden texts and training record."""

import importlib.metadata
import platform
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, sha256
from triage_models.bundle.card import CARD
from triage_models.bundle.manifest import Golden, Manifest
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.fit import Fitted
from triage_models.calibration.judged_metrics import judged_metrics
from triage_models.data.row_sketch import ROW_SKETCH, sketch
from triage_models.data.training_rows import fingerprint
from triage_models.serving.engine import Engine
from triage_models.training.base_model import PACKAGED
from triage_models.training.candidate import TrainingJob
from triage_models.training.golden_texts import choose_golden_texts
from triage_models.training.plan import TrainingPlan
from triage_models.training.workspace import JOB_FILE

TOLERANCE = {CPU_MODEL: 0.6, GPU_MODEL: 0.1}
"""Largest drift of a logit between processors: int8 kernels round differently with and without VNNI."""

LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class TrainingRecord:
    """How a bundle was trained, for its manifest.

    Attributes:
        name: the bundle's name.
        job: what was trained.
        plan: the rows.
        seconds: how long it took.
        data: the training data.
        descriptions: what each label means.
        languages: the languages that the bundle answers; empty names none.
        extra: further entries of ``training`` in the manifest; they take precedence.
        suffix: of the version, for a bundle of the same rows with other weights: events name the version alone.
    """

    name: str
    job: TrainingJob
    plan: TrainingPlan
    seconds: float
    data: Path
    descriptions: dict[str, str]
    languages: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)
    suffix: str = ""


def write_manifest(folder: Path, record: TrainingRecord, fitted: Fitted, data: CalibrationData) -> Manifest:
    """Write ``triage.json`` into a folder that contains every other file of the bundle.

    Args:
        folder: the folder of the unfinished bundle.
        record: how it was trained.
        fitted: the calibration and the thresholds.
        data: the rows that calibration and thresholds come from, for the metrics.
    """
    now = datetime.now(UTC)
    golden = choose_golden_texts(folder / CPU_MODEL, record.job)
    files = {file.name: sha256(file) for file in sorted(folder.iterdir()) if _is_hashed(file)}
    manifest = Manifest(
        name=record.name,
        version=now.strftime("%Y.%m.%d-") + fingerprint(record.plan.learned)[:8] + record.suffix,
        created_at=now.isoformat(timespec="seconds"),
        labels=record.plan.labels,
        languages=record.languages or None,
        by_language=fitted.by_language,
        out_of_scope_label=record.plan.oos_label,
        descriptions=record.descriptions,
        max_length=record.job.max_length,
        calibration=fitted.calibration,
        thresholds=fitted.thresholds,
        golden={
            name: golden_of(folder, name, golden, record.job.max_length)
            for name in (CPU_MODEL, GPU_MODEL)
            if name in files
        },
        files=files,
        metrics=judged_metrics(data, record.plan.labels, fitted.suggestion, fitted.accepted),
        training=_training(record),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def _is_hashed(file: Path) -> bool:
    """Whether a file belongs to the bundle and has a hash. The card has none, so that people may correct it."""
    return file.is_file() and file.name not in (MANIFEST, CARD, JOB_FILE)


def golden_of(folder: Path, model: str, texts: tuple[str, ...], max_length: int) -> Golden:
    """Compute the logits of texts on this machine's CPU.

    Args:
        folder: the bundle's folder.
        model: the name of the model's file.
        texts: N texts.
        max_length: tokens that the model reads.
    """
    engine = Engine.open(folder, model, max_length)
    logits = engine.outputs(engine.encode(texts)).logits
    return Golden(texts=texts, logits=tuple(tuple(row) for row in logits.tolist()), tolerance=TOLERANCE[model])


def _base_name(base: str) -> str:
    """Return a hub id as it is, and of a folder its name only: its path on this machine concerns nobody else."""
    if not Path(base).exists():
        return base
    return PACKAGED if Path(base).parent.name == PACKAGED else Path(base).resolve().name


def _training(record: TrainingRecord) -> dict[str, object]:
    return {
        "data": record.data.name,
        "data_sha256": sha256(record.data),
        ROW_SKETCH: sketch(record.plan.learned.texts),
        "rows": len(record.plan.train),
        "rows_by_label": dict(sorted(Counter(record.plan.train.labels).items())),
        "generated_rows": len(record.plan.generated),
        "base": _base_name(record.job.base),
        "seed": record.job.seed,
        "recipe": record.job.recipe.__dict__,
        "seconds": round(record.seconds),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        **record.extra,
    }
