"""``triage.json`` of a new bundle: what it is, what it was made from, and the proof that it works here."""

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, sha256
from triage_models.bundle.manifest import Calibration, Golden, Manifest, Thresholds
from triage_models.serving.engine import Engine
from triage_models.training.base import PACKAGED
from triage_models.training.calibrate import Evidence
from triage_models.training.candidate import Job
from triage_models.training.card import CARD
from triage_models.training.data import fingerprint
from triage_models.training.plan import Plan

GOLDEN_TEXTS = 16
CONFUSIONS = 10
TOLERANCE = {CPU_MODEL: 0.6, GPU_MODEL: 0.1}
"""Largest drift of a logit between processors: int8 kernels round differently with and without VNNI."""

LIBRARIES = ("onnx", "onnxruntime", "tokenizers", "torch", "transformers")


@dataclass(frozen=True)
class Told:
    """What a bundle tells of its making; ``learnt`` is added to, and goes before, what else ``training`` says."""

    name: str
    job: Job
    plan: Plan
    seconds: float
    data: Path
    descriptions: dict[str, str]
    learnt: dict[str, object] = field(default_factory=dict)


def write_manifest(
    folder: Path, told: Told, calibration: Calibration, thresholds: Thresholds, evidence: Evidence
) -> Manifest:
    """Write ``triage.json`` into a folder that has every file that serves."""
    now = datetime.now(UTC)
    files = {file.name: sha256(file) for file in sorted(folder.iterdir()) if _belongs(file)}
    manifest = Manifest(
        name=told.name,
        version=now.strftime("%Y.%m.%d-") + fingerprint(told.plan.train)[:8],
        created_at=now.isoformat(timespec="seconds"),
        labels=told.plan.labels,
        out_of_scope_label=told.plan.scope,
        descriptions=told.descriptions,
        max_length=told.job.max_length,
        calibration=calibration,
        thresholds=thresholds,
        golden={name: _golden(folder, name, told) for name in (CPU_MODEL, GPU_MODEL)},
        files=files,
        metrics=_metrics(evidence, told.plan.labels),
        training=_training(told),
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return manifest


def _belongs(file: Path) -> bool:
    """A card is for people, who may correct it: its hash is not kept."""
    return file.is_file() and file.name not in (MANIFEST, CARD, "job.json") and not file.name.startswith("checkpoint")


def _golden(folder: Path, model: str, told: Told) -> Golden:
    """Texts over all classes with the logits that this machine's CPU computes."""
    classes, texts = told.job.examples.classes, told.job.examples.texts
    firsts = [int(np.flatnonzero(classes == number)[0]) for number in np.unique(classes)]
    spread = np.linspace(0, len(firsts) - 1, min(GOLDEN_TEXTS, len(firsts))).astype(int)
    chosen = tuple(texts[firsts[at]] for at in spread)
    engine = Engine.open(folder, model, told.job.max_length)
    logits = engine.outputs(engine.encode(chosen)).logits
    return Golden(texts=chosen, logits=tuple(tuple(row) for row in logits.tolist()), tolerance=TOLERANCE[model])


def _metrics(evidence: Evidence, labels: Sequence[str]) -> dict[str, object]:
    """Accuracy in scope and the worst confusions on the calibration rows; `triage evaluate` gives the rest."""
    known = (evidence.classes >= 0) & (evidence.classes < len(labels))
    truth, taken = evidence.classes[known], evidence.logits[known, : len(labels)].argmax(axis=1)
    right = taken == truth
    mixed = Counter(zip(truth[~right].tolist(), taken[~right].tolist(), strict=True))
    return {
        "measured_on": evidence.source,
        "rows_in_scope": int(known.sum()),
        "rows_out_of_scope": int((~known).sum()),
        "accuracy_in_scope": round(float(right.mean()), 5) if known.any() else None,
        "confusions": [(labels[a], labels[b], times) for (a, b), times in mixed.most_common(CONFUSIONS)],
    }


def _base_name(base: str) -> str:
    """A hub id as it is; of a folder its name, since where it was on this machine is nobody else's concern."""
    if not Path(base).exists():
        return base
    return PACKAGED if Path(base).parent.name == PACKAGED else Path(base).resolve().name


def _training(told: Told) -> dict[str, object]:
    return {
        "data": told.data.name,
        "data_sha256": sha256(told.data),
        "rows": len(told.plan.train),
        "rows_by_label": dict(sorted(Counter(told.plan.train.labels).items())),
        "base": _base_name(told.job.base),
        "seed": told.job.seed,
        "recipe": told.job.recipe.__dict__,
        "seconds": round(told.seconds),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "python": platform.python_version(),
        **told.learnt,
    }
