"""The folder in which a bundle is built: locking, resuming, logging, and publishing the finished bundle."""

import errno
import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from triage_models.bundle.bundle import MANIFEST
from triage_models.bundle.manifest import Manifest
from triage_models.data.training_rows import TrainingRows, fingerprint
from triage_models.errors import DataError
from triage_models.progress import ProgressCallback
from triage_models.training.candidate import CHECKPOINT, TrainingJob
from triage_models.training.card import CARD, write_card
from triage_models.training.distillation import TEACHERS_FOLDER

FOLDS_FOLDER = "folds"
"""In the folder of an unfinished bundle: the predictions of the cross-fitted models, and the current one."""

JOB_FILE = "job.json"
"""In the folder of an unfinished bundle: identifies the job, so that another job does not resume it."""

LOG = "training.jsonl"


@contextmanager
def locked_workspace(output: Path) -> Iterator[Path]:
    """Yield the folder next to ``output`` in which one process at a time builds a bundle.

    Raises:
        DataError: The disk is full or not writable, or another process builds a bundle there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        lock_file = output.parent / f".{output.name}.lock"
        with lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released by the system if this process dies
            try:
                yield output.parent / f".{output.name}.partial"
            finally:
                lock_file.unlink(missing_ok=True)
    except BlockingIOError as error:
        raise DataError(f"Another process is making {output}: wait until it ends, or choose another folder.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"{output} cannot be written: {error}.") from error
        raise DataError(
            f"The disk is full: free space for {output} and in {tempfile.gettempdir()}, then run the same command "
            "again; it continues where it stopped."
        ) from error


def check_output(output: Path) -> None:
    """Refuse a folder that holds anything but a bundle: publishing replaces what is there.

    Raises:
        DataError: The output is not an empty folder, a bundle, or a new path.
    """
    if output.name in ("", ".."):
        raise DataError(f"{output} is not a name for a bundle: choose a folder of its own, such as bundles/mine.")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise DataError(f"{output} holds other files and is not a bundle: choose a folder of its own.")
    if output.exists() and not output.is_dir():
        raise DataError(f"{output} is a file: choose a folder for the bundle.")


def prepare(folder: Path, job: TrainingJob, synthetic_oos: bool) -> None:
    """Create the folder, or continue in it if an interrupted run of the same job left it; other content is removed."""
    examples = job.examples
    data = TrainingRows(list(examples.texts), [str(n) for n in examples.classes], [], examples.weights.tolist())
    identity = [fingerprint(data), job.base, job.seed, repr(job.recipe), job.classes, synthetic_oos]
    mark = json.dumps(identity, default=str)
    file = folder / JOB_FILE
    if folder.exists() and not (file.is_file() and file.read_text(encoding="utf-8") == mark):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(mark, encoding="utf-8")


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
    for name in (JOB_FILE, CHECKPOINT, Path(CHECKPOINT).with_suffix(".writing").name):
        (folder / name).unlink(missing_ok=True)
    for name in (FOLDS_FOLDER, TEACHERS_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)
    replaced = output.parent / f".{output.name}.replaced"
    shutil.rmtree(replaced, ignore_errors=True)
    if output.exists():
        output.rename(replaced)
    folder.rename(output)
    shutil.rmtree(replaced, ignore_errors=True)
