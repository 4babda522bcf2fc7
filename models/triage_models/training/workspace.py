"""The folder in which a bundle is trained: resuming, logging, and publishing the finished bundle."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from triage_models.bundle.card import CARD, write_card
from triage_models.bundle.manifest import Manifest
from triage_models.bundle.publishing import replace_folder
from triage_models.data.training_rows import TrainingRows, fingerprint
from triage_models.progress import ProgressCallback
from triage_models.training.batches import Examples
from triage_models.training.candidate import CHECKPOINTS_FOLDER, TrainingJob
from triage_models.training.distillation import TEACHERS_FOLDER

FOLDS_FOLDER = "folds"
"""In the folder of an unfinished bundle: the predictions of the cross-fitted models, and the current one."""

JOB_FILE = "job.json"
"""In the folder of an unfinished bundle: identifies the job, so that another job does not resume it."""

LOG = "training.jsonl"


def prepare(folder: Path, job: TrainingJob, synthetic_oos: bool) -> None:
    """Create the folder, or continue in it if an interrupted run of the same job left it; other content is removed."""
    identity = [_fingerprint(job.examples), job.base, job.seed, repr(job.recipe), job.classes, synthetic_oos]
    if job.generated is not None:
        identity.append(_fingerprint(job.generated))
    if job.examples.groups:  # they decide which rows a cross-fitted model leaves out
        identity.append(sha256("\0".join(job.examples.groups).encode()).hexdigest())
    mark = json.dumps(identity, default=str)
    file = folder / JOB_FILE
    if folder.exists() and not (file.is_file() and file.read_text(encoding="utf-8") == mark):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(mark, encoding="utf-8")


def _fingerprint(examples: Examples) -> str:
    classes = [str(number) for number in examples.classes]
    return fingerprint(TrainingRows(list(examples.texts), classes, [], examples.weights.tolist()))


def log_progress(folder: Path, progress: ProgressCallback, stage: str) -> Callable[[float, float], None]:
    """Return a callback that reports progress and logs the loss to ``training.jsonl`` at every per cent."""
    file, last = folder / LOG, -1

    def log(share: float, loss: float) -> None:
        nonlocal last
        progress(stage, min(share, 1.0))
        if int(share * 100) != last:
            last = int(share * 100)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"share": round(share, 4), "loss": round(loss, 4)}) + "\n")

    return log


def publish(folder: Path, output: Path, manifest: Manifest, progress: ProgressCallback) -> None:
    """Write the card and move the finished bundle into place by two renames, so that no half of it is ever seen."""
    if write_card(folder, manifest, output):
        progress(f"{output / CARD} was edited and therefore not overwritten: check its figures.", 1.0)
    (folder / JOB_FILE).unlink(missing_ok=True)
    for name in (FOLDS_FOLDER, TEACHERS_FOLDER, CHECKPOINTS_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    replace_folder(folder, output)
