"""The whole of ``triage train``: from a CSV to a bundle."""

import errno
import fcntl
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from triage_models.bundle.bundle import MANIFEST
from triage_models.bundle.manifest import Manifest
from triage_models.errors import DataError
from triage_models.progress import Report
from triage_models.serving.engine import usable_cores
from triage_models.training.base import default_base, load_tokenizer
from triage_models.training.batches import token_ids
from triage_models.training.calibrate import Evidence, calibrate
from triage_models.training.candidate import Job, evidence_of, make_candidate
from triage_models.training.card import CARD, write_card
from triage_models.training.data import Rows, fingerprint, read_descriptions, split
from triage_models.training.distil import TEACHERS
from triage_models.training.folds import FOLDS, fold_evidence
from triage_models.training.plan import SMALL, Plan, make_plan
from triage_models.training.schedule import recipe_for
from triage_models.training.writer import Told, write_manifest

RISK = 0.05
"""How many of the accepted may be wrong."""

WATCHED_SHARE = 0.02
FOLDS_FOLDER = "folds"
"""Within the folder of an unfinished bundle: what the judging models said, and the one being trained."""


def train(
    data: Path,
    output: Path,
    *,
    validation: Path | None = None,
    out_of_scope: Path | None = None,
    out_of_scope_label: str | None = None,
    base: str | None = None,
    epochs: float | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    teachers: int = 1,
    descriptions: Path | None = None,
    report: Report = lambda stage, share: None,
) -> Path:
    """Train a bundle and put it at ``output``, whole or not at all.

    Args:
        data: CSV with ``text,label``; a column ``shop`` or ``group`` keeps groups together when rows are held out, a
            column ``weight`` says how often a row is drawn.
        output: the bundle's folder; a bundle that is there is replaced when the new one is complete.
        validation: rows to calibrate with; without it some are held out, or all are cross-fitted when there are few.
        out_of_scope: CSV with ``text`` of messages that have no label.
        out_of_scope_label: the label of such rows within ``data``.
        base: folder or hub id of a DistilBERT or BERT; the packaged MiniLM by default.
        epochs: passes over the data; chosen by its size by default.
        seed: of everything that is drawn.
        time_budget: seconds that training may take, calibration included.
        teachers: how many networks teach the one that serves, each trained as it is; 1 for none.
        descriptions: CSV with ``label,description``.
        report: told what is going on.

    Raises:
        DataError: what is wrong with the data or the folder, or that the disk is full, in one sentence.
    """
    check_output(output)
    torch.set_num_threads(usable_cores())
    plan = make_plan(data, validation, out_of_scope, out_of_scope_label, seed)
    described = read_descriptions(descriptions, plan.labels)
    for note in plan.notes:
        report(note, 1.0)
    with workplace(output) as folder:
        job = _job(plan, base or default_base(), epochs, time_budget, teachers, seed)
        prepare(folder, job, plan.made)
        started = time.monotonic()
        make_candidate(job, folder, logged(folder, report, "training"), whole=True)
        evidence = _evidence(plan, job, folder, report)
        report("calibrating", 0.0)
        calibration, thresholds = calibrate(evidence, len(plan.labels), risk=RISK, seed=seed)
        told = Told(output.name, job, plan, time.monotonic() - started, data, described)
        manifest = write_manifest(folder, told, calibration, thresholds, evidence)
        publish(folder, output, manifest, report)
    return output


@contextmanager
def workplace(output: Path) -> Iterator[Path]:
    """The folder beside ``output`` in which a bundle is made, for one process; a full disk is told in one sentence.

    Raises:
        DataError: the disk is full, or another process makes a bundle there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        lock = output.parent / f".{output.name}.lock"
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system takes it back from a process that dies
            try:
                yield output.parent / f".{output.name}.partial"
            finally:
                lock.unlink(missing_ok=True)
    except BlockingIOError as error:
        raise DataError(f"Another process is making {output}: wait for its end, or name another folder.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"{output} cannot be written: {error}.") from error
        raise DataError(
            f"The disk is full: make room beside {output} and in {tempfile.gettempdir()}, then run the same command "
            "again, and it goes on from where it was."
        ) from error


def check_output(output: Path) -> None:
    """Refuse to put a bundle where something else is: what is there is removed when the new bundle is complete."""
    if output.name in ("", ".."):
        raise DataError(f"{output} is no name for a bundle: name a folder of its own, such as bundles/mine.")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise DataError(f"{output} holds other files and is not a bundle: name a folder of its own.")
    if output.exists() and not output.is_dir():
        raise DataError(f"{output} is a file: name a folder for the bundle.")


def _job(plan: Plan, base: str, epochs: float | None, time_budget: float | None, teachers: int, seed: int) -> Job:
    rows = plan.train
    recipe = recipe_for(float(rows.drawn().sum()), epochs, _seconds(plan, time_budget), teachers)
    watched = None
    if len(rows) >= SMALL:
        rows, held = split(rows, WATCHED_SHARE, seed + 1)
        watched = plan.examples(held)
    longest = _max_length(load_tokenizer(base), rows.texts)
    return Job(plan.examples(rows), plan.classes, base, recipe, longest, seed, watched)


def _seconds(plan: Plan, time_budget: float | None) -> float | None:
    """The share of the budget for the final model and its teachers: a fifth goes to the rest, folds take their part."""
    if time_budget is None:
        return None
    return 0.8 * time_budget / (1.0 if len(plan.held) else 1.0 + FOLDS)


def _max_length(tokenizer: Tokenizer, texts: list[str]) -> int:
    """Enough tokens for 199 of 200 training texts, rounded up to a multiple of 8; between 64 and 128."""
    lengths = [len(ids) for ids in token_ids(tokenizer, texts)]
    return int(np.clip(8 * np.ceil(np.quantile(lengths, 0.995) / 8), 64, 128))


def _evidence(plan: Plan, job: Job, folder: Path, report: Report) -> Evidence:
    """Evidence on rows held out, or cross-fitted where none could be spared."""
    if len(plan.held):
        source = f"{len(plan.held)} rows held out"
        return evidence_of(folder, plan.held.texts, plan.numbers(plan.held), job.max_length, source)
    stage = "judging each row by a model that did not see it"
    return fold_evidence(
        job,
        len(plan.labels),
        folder / FOLDS_FOLDER,
        lambda share, loss: report(stage, share),
        leave_labels_out=plan.made,
    )


def prepare(folder: Path, job: Job, made: bool) -> None:
    """A folder to work in; what an interrupted run of the same job left there is kept, anything else goes."""
    mark = json.dumps([_fingerprint(job), job.base, job.seed, repr(job.recipe), job.classes, made], default=str)
    file = folder / "job.json"
    if folder.exists() and not (file.is_file() and file.read_text(encoding="utf-8") == mark):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(mark, encoding="utf-8")


def logged(folder: Path, report: Report, stage: str) -> Callable[[float, float], None]:
    """Pass progress on, and write a line of loss to ``training.jsonl`` for each hundredth of the way."""
    file, last = folder / "training.jsonl", -1

    def progress(share: float, loss: float) -> None:
        nonlocal last
        report(stage, min(share, 1.0))
        if int(share * 100) != last:
            last = int(share * 100)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"share": round(share, 4), "loss": round(loss, 4)}) + "\n")

    return progress


def publish(folder: Path, output: Path, manifest: Manifest, report: Report) -> None:
    """Put the finished bundle in place, with its card: two renames, so that no half of it is ever seen."""
    if write_card(folder, manifest, output):
        report(f"{output / CARD} was kept as somebody wrote it: look over its figures.", 1.0)
    for name in ("job.json", "checkpoint.pt", "checkpoint.writing"):
        (folder / name).unlink(missing_ok=True)
    for name in (FOLDS_FOLDER, TEACHERS):
        shutil.rmtree(folder / name, ignore_errors=True)
    old = output.parent / f".{output.name}.replaced"
    shutil.rmtree(old, ignore_errors=True)
    if output.exists():
        output.rename(old)
    folder.rename(output)
    shutil.rmtree(old, ignore_errors=True)


def _fingerprint(job: Job) -> str:
    examples = job.examples
    return fingerprint(Rows(list(examples.texts), [str(n) for n in examples.classes], [], examples.weights.tolist()))
