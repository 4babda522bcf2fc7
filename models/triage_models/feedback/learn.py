"""``triage learn`` without Kafka: from answers and a bundle that serves to a candidate, and whether it is better.

The network of the serving bundle is trained on for some minutes: on the answers, each drawn several times, among a
sample of the rows that it was once trained on, so that it forgets nothing of them.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from triage_models.bundle.bundle import Bundle, sha256
from triage_models.bundle.manifest import Calibration, Manifest, Thresholds
from triage_models.data.labelled import folded
from triage_models.errors import DataError
from triage_models.feedback.answers import Answer
from triage_models.feedback.compare import compare_bundles
from triage_models.feedback.rehearsal import base_csv, base_plan, learning_rows
from triage_models.feedback.resolve import LLM_PER_HUMAN, Settled, settle
from triage_models.feedback.verdict import MARGIN, Compared, Verdict, judge
from triage_models.metrics.rows import LabelledRows, read_rows, scope_labels
from triage_models.progress import Report
from triage_models.serving.engine import usable_cores
from triage_models.training.calibrate import Evidence, calibrate
from triage_models.training.candidate import Job, evidence_of, make_candidate
from triage_models.training.data import Rows
from triage_models.training.plan import Plan
from triage_models.training.run import RISK, check_output, logged, prepare, publish, workplace
from triage_models.training.schedule import Recipe
from triage_models.training.writer import Told, write_manifest

RECIPE = Recipe(epochs=2, batch=32, rate=1e-4, head_rate=3e-4, noise=0.3, words_frozen=True)


@dataclass(frozen=True)
class Learned:
    """A candidate at ``bundle``, the verdict on it, and the report: plain values that JSON can hold."""

    bundle: Path
    version: str
    verdict: Verdict
    report: dict[str, object]


def learn(
    answers: Sequence[Answer],
    serving: Path,
    output: Path,
    *,
    data: Path | None = None,
    test: Path | None = None,
    margin: float = MARGIN,
    llm_per_human: float = LLM_PER_HUMAN,
    seed: int = 0,
    report: Report = lambda stage, share: None,
) -> Learned:
    """Train a candidate on answers, put it at ``output``, and judge it beside the bundle that serves.

    Args:
        answers: oldest first.
        serving: the bundle to go on from and to beat.
        output: the candidate's folder; a bundle that is there is replaced.
        data: the CSV that the bundle was trained on. Without it the project's corpus stands in, where the labels are
            the same, and the serving bundle's threshold is kept, without its guarantee.
        test: CSV with ``text,label`` of the old test set.
        margin: how many points the candidate may be worse on it.
        llm_per_human: how many answers of LLMs are learnt from, at most, for each of people's.
        seed: of everything that is drawn.
        report: told what is going on.

    Raises:
        DataError: nothing to learn from, or what is wrong with which file.
        BundleError: the serving bundle cannot be opened.
    """
    check_output(output)
    torch.set_num_threads(usable_cores())
    bundle = Bundle.open(serving)
    base = base_plan(bundle.manifest, data)
    tested = None if test is None else read_rows(test)
    unwanted = {folded(text) for text in tested.texts} if tested else set()
    settled = settle(answers, bundle.labels, base.scope, unwanted=unwanted, llm_per_human=llm_per_human)
    if not settled.human and not settled.llm:
        raise DataError(
            f"There is nothing to learn from: of {len(answers)} answers none is left ({_why_none(settled)})."
        )
    rows = learning_rows(settled, base, unwanted, seed)
    plan = Plan(base.labels, base.scope, rows, base.held)
    _make(plan, bundle, output, data, settled, seed, report)
    held = LabelledRows([one.text for one in settled.held], [one.label for one in settled.held], {})
    verdict, figures = _judged(bundle.path, output, held, tested, base.scope, margin, report)
    made = Bundle.open(output, verify=False).version
    return Learned(
        output,
        made,
        verdict,
        {
            "candidate": made,
            "serving": bundle.version,
            "better": verdict.better,
            "why": list(verdict.why),
            "answers": _counted(answers, settled),
            "margin": margin,
            **figures,
        },
    )


def _make(
    plan: Plan, bundle: Bundle, output: Path, data: Path | None, settled: Settled, seed: int, report: Report
) -> None:
    old = bundle.manifest
    started = time.monotonic()
    job = Job(
        plan.examples(plan.train), plan.classes, str(bundle.path), RECIPE, old.max_length, seed, start=bundle.path
    )
    with workplace(output) as folder:
        prepare(folder, job, plan.made)
        make_candidate(job, folder, logged(folder, report, "learning"), whole=True)
        report("calibrating", 0.0)
        evidence, calibration, thresholds = _calibrated(plan, job, folder, old, data, settled, seed)
        learnt: dict[str, object] = {
            "data": old.training.get("data"),
            "data_sha256": old.training.get("data_sha256"),
            "learnt_from": {"bundle": old.version, "human": len(settled.human), "llm": len(settled.llm)},
        }
        told = Told(old.name, job, plan, time.monotonic() - started, base_csv(data), old.descriptions, learnt)
        publish(folder, output, write_manifest(folder, told, calibration, thresholds, evidence), report)


def _calibrated(
    plan: Plan, job: Job, folder: Path, old: Manifest, data: Path | None, settled: Settled, seed: int
) -> tuple[Evidence, Calibration, Thresholds]:
    """Calibration and thresholds from rows that the serving bundle never saw; where nobody has such, its own."""
    if data is not None and len(plan.held) and sha256(data) == old.training.get("data_sha256"):
        evidence = evidence_of(
            folder, plan.held.texts, plan.numbers(plan.held), job.max_length, f"{len(plan.held)} rows held out"
        )
        return evidence, *calibrate(evidence, len(plan.labels), risk=RISK, seed=seed)
    held = Rows([one.text for one in settled.held], [one.label for one in settled.held])
    evidence = evidence_of(
        folder, held.texts, plan.numbers(held), job.max_length, f"{len(held)} of people's held-out answers"
    )
    kept = old.thresholds.guarantee.model_copy(
        update={"certified": False, "method": f"kept from {old.version}, which had not learnt yet"}
    )
    return evidence, old.calibration, old.thresholds.model_copy(update={"guarantee": kept})


def _judged(
    serving: Path,
    candidate: Path,
    held: LabelledRows,
    tested: LabelledRows | None,
    scope: str,
    margin: float,
    report: Report,
) -> tuple[Verdict, dict[str, object]]:
    report("comparing with the bundle that serves", 0.0)
    on_held = compare_bundles(serving, candidate, held, frozenset({scope}))
    on_test: Compared | None = None
    if tested is not None:
        on_test = compare_bundles(serving, candidate, tested, scope_labels(None, scope, set(tested.labels)))
    figures: dict[str, object] = {"held_out": on_held.figures(), "test": on_test.figures() if on_test else None}
    return judge(on_held, on_test, margin=margin), figures


def _counted(answers: Sequence[Answer], settled: Settled) -> dict[str, object]:
    return {
        "read": len(answers),
        "human": len(settled.human),
        "llm": len(settled.llm),
        "held_out": len(settled.held),
        "left_out": settled.counts,
    }


def _why_none(settled: Settled) -> str:
    told = [f"{number} {what}" for what, number in settled.counts.items()]
    if settled.held:
        told.append(f"{len(settled.held)} are held out to judge by")
    return ", ".join(told) or "none was given"
