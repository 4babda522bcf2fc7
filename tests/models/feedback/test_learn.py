"""Learning end to end on a tiny bundle: a useful candidate is promoted, a harmful one is not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.bundle.bundle import MANIFEST, Bundle, sha256
from triage_models.bundle.manifest import SUGGESTION, IntentThreshold
from triage_models.bundle.store import BundleStore
from triage_models.bundle.verdicts import RUNS, read_verdicts
from triage_models.calibration.attempts import CALIBRATED
from triage_models.calibration.fit import Fitted
from triage_models.data.row_sketch import ROW_SKETCH, share_seen, sketch
from triage_models.data.training_rows import read_training_rows
from triage_models.data.two_wishes import fitting_rows
from triage_models.errors import DataError
from triage_models.feedback import learn as training
from triage_models.feedback.answers import Answer
from triage_models.feedback.base_rows import base_plan, has_calibration_rows
from triage_models.feedback.learn import learn
from triage_models.feedback.recalibration import recalibration_note
from triage_models.feedback.resolve import is_held_out
from triage_models.serving.classifier import Classifier
from triage_models.training.plan import TrainingPlan, make_plan
from triage_models.training.two_wishes import fit_two_wishes
from triage_worker.cli.app import app
from triage_worker.cli.learn import NOT_PROMOTED
from typer.testing import CliRunner

from tests.models.tiny import EACH, tiny_rows, write_csv

pytestmark = pytest.mark.train

WORDS = ("zorp", "flimm", "quax", "brindle", "snop", "wugget")
NEW = [f"{first} {second} {third}" for first in WORDS for second in WORDS for third in WORDS]


@pytest.fixture
def test_csv(tmp_path: Path) -> Path:
    """A test set: rows with the labels of `tiny_csv`, but other texts."""
    known = set(tiny_rows())
    return write_csv(tmp_path / "test.csv", [row for row in tiny_rows(each=EACH + 30) if row not in known])


def words_mean(label: str) -> list[tuple[str, str]]:
    """Answers of a new shop's people for words that occur nowhere else."""
    return [(text, label) for text in NEW]


def run(tmp_path: Path, tiny_bundle: Path, tiny_csv: Path, test_csv: Path, rows: list[tuple[str, str]]) -> int:
    flags = {
        "--bundle": tiny_bundle,
        "--labels": write_csv(tmp_path / "labels.csv", rows),
        "--data": tiny_csv,
        "--test": test_csv,
        "--output": tmp_path / "candidate",
        "--store": tmp_path / "store",
        "--margin": 10,  # a network this small is correct on about a third of the test rows
    }
    result = CliRunner().invoke(app, ["learn", *(str(word) for pair in flags.items() for word in pair)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code


def test_a_candidate_from_helpful_answers_is_promoted(
    tiny_bundle: Path, tiny_csv: Path, test_csv: Path, tmp_path: Path
) -> None:
    tiny_bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "tiny"))
    two_wishes = fit_two_wishes(tiny_bundle, fitting_rows())
    serving = Classifier.open(tiny_bundle, device="cpu").classify(NEW)
    taken = {one.intent for one in serving}
    meant = next(label for label in ("DAMAGED_ITEM", "CANCEL_ORDER") if taken != {label})
    assert run(tmp_path, tiny_bundle, tiny_csv, test_csv, words_mean(meant)) == 0

    store = BundleStore(tmp_path / "store")
    current = store.current()
    assert current is not None
    held = [text for text in NEW if is_held_out(Answer(text, meant))]
    before = sum(one.intent == meant for one in Classifier.open(tiny_bundle, device="cpu").classify(held))
    after = sum(one.intent == meant for one in Classifier.open(current, device="cpu").classify(held))
    assert after > before
    assert "held-out answers" in store.history()[-1].why
    line = json.loads((tmp_path / "store" / RUNS).read_text())
    assert (line["promoted"], line["candidate"]) == (True, Bundle.open(current).version)
    manifest = Bundle.open(current).manifest
    assert manifest.two_wishes is not None
    assert manifest.two_wishes != two_wishes  # the network has other scores
    assert manifest.name == Bundle.open(tiny_bundle).name
    assert manifest.training["learnt_from"]["human"] == len(NEW) - len(held)
    assert manifest.training["data_sha256"] == Bundle.open(tiny_bundle).manifest.training["data_sha256"]
    learned = [text for text in NEW if text not in held]
    assert share_seen(manifest.training[ROW_SKETCH], [*learned, *(text for text, _ in tiny_rows())]) == 1.0
    assert not manifest.thresholds.guarantee.certified  # 120 rows are too few to hold any out


def test_a_candidate_from_harmful_answers_is_not_promoted(
    tiny_bundle: Path, tiny_csv: Path, test_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every cancellation is labelled WISMO: the held-out answers agree with that, the test set does not."""
    # A network this small has to be trained longer to learn the harm at all.
    monkeypatch.setattr(training, "RECIPE", replace(training.RECIPE, epochs=10, rate=1e-3, head_rate=3e-3))
    seen = {text for text, _ in tiny_rows(each=EACH + 30)}  # the base rows and the test set
    rows = [(text, "WISMO") for text, label in tiny_rows(each=400) if label == "CANCEL_ORDER" and text not in seen]
    assert run(tmp_path, tiny_bundle, tiny_csv, test_csv, rows) == NOT_PROMOTED
    assert BundleStore(tmp_path / "store").current() is None
    line = json.loads((tmp_path / "store" / RUNS).read_text())
    assert not line["promoted"]
    assert line["why"]
    verdict = read_verdicts(tmp_path / "store")[line["candidate"]]
    assert (verdict.better, list(verdict.why)) == (False, line["why"])
    assert verdict.test is not None
    assert verdict.test.rows == line["test"]["rows"]


def test_without_answers_there_is_nothing_to_learn(tiny_bundle: Path, tiny_csv: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing to learn from: of 1 answers"):
        learn([Answer("x", "GONE")], tiny_bundle, tmp_path / "candidate", data=tiny_csv)


def test_base_data_of_other_labels_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels of messages\.csv are not those"):
        learn([Answer("x", "WISMO")], tiny_bundle, tmp_path / "candidate")


def test_another_error_rate_needs_rows_to_calibrate_with(tiny_bundle: Path, tiny_csv: Path, tmp_path: Path) -> None:
    answers = [Answer(f"where is order {number}", "WISMO") for number in range(40)]
    with pytest.raises(DataError, match=r"--max-error 0\.03 needs rows to calibrate with"):
        learn(answers, tiny_bundle, tmp_path / "candidate", data=tiny_csv, max_error=0.03)
    with pytest.raises(DataError, match="is not between"):
        learn(answers, tiny_bundle, tmp_path / "candidate", data=tiny_csv, max_error=2)
    assert not (tmp_path / "candidate").exists()


def test_a_shops_own_calibration_is_never_replaced_silently(
    tiny_bundle: Path, tiny_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, candidate = Bundle.open(tiny_bundle).manifest, tmp_path / "candidate"
    assert recalibration_note(old, candidate, replaced=True) is None
    own = old.model_copy(update={"training": {**old.training, CALIBRATED: {"data": "own.csv"}}})
    for replaced, what in ((True, "come from rows held out of --data instead"), (False, "nothing is guaranteed")):
        note = recalibration_note(own, candidate, replaced=replaced)
        assert note is not None
        assert what in note
        assert f"triage calibrate --bundle {candidate} --data own.csv" in note
    bundle = shutil.copytree(tiny_bundle, tmp_path / "calibrated")
    (bundle / MANIFEST).write_text(own.model_dump_json())
    notes: list[str] = []

    def stop(*arguments: object) -> str:
        raise InterruptedError

    monkeypatch.setattr(training, "_train", stop)
    answers = [Answer(f"where is order {number}", "WISMO") for number in range(40)]
    with pytest.raises(InterruptedError):
        learn(answers, bundle, candidate, data=tiny_csv, progress=lambda note, share: notes.append(note))
    assert any("was calibrated to own.csv by `triage calibrate`" in note for note in notes)


def test_the_split_of_the_training_is_repeated_with_the_same_files(tiny_bundle: Path, tmp_path: Path) -> None:
    """Rows that were trained on must not calibrate the candidate, whatever files are given."""
    labels = ("WISMO", "DAMAGED_ITEM", "CANCEL_ORDER")
    data = write_csv(tmp_path / "own.csv", [(f"{label} of number {n}", label) for label in labels for n in range(900)])
    others = write_csv(tmp_path / "others.csv", [(f"weather {number}",) for number in range(300)], ("text",))
    trained = make_plan(data, None, others, None, seed=0)
    record = {"data_sha256": sha256(data), "seed": 0, ROW_SKETCH: sketch(trained.train.texts)}
    old = Bundle.open(tiny_bundle).manifest.model_copy(
        update={"training": record, "labels": trained.labels, "out_of_scope_label": "OOS"}
    )
    notes: list[str] = []
    plan = base_plan(old, data, others)
    assert (plan.train, plan.held_out) == (trained.train, trained.held_out)
    assert has_calibration_rows(plan, old, data, lambda note, share: notes.append(note))
    assert not notes
    assert not has_calibration_rows(base_plan(old, data), old, data, lambda note, share: notes.append(note))
    assert "give the same --out-of-scope" in notes[0]


def test_a_bundle_that_was_trained_with_validation_rows_is_judged_by_them(tiny_bundle: Path, tmp_path: Path) -> None:
    labels = ("WISMO", "DAMAGED_ITEM", "CANCEL_ORDER")
    data = write_csv(tmp_path / "own.csv", [(f"{label} of number {n}", label) for label in labels for n in range(900)])
    other = write_csv(
        tmp_path / "validation.csv", [(f"{label} number {n}", label) for label in labels for n in range(20)]
    )
    trained = make_plan(data, other, None, None, seed=0)
    record = {"data_sha256": sha256(data), "seed": 0, ROW_SKETCH: sketch(trained.train.texts)}
    old = Bundle.open(tiny_bundle).manifest.model_copy(
        update={"training": record, "labels": trained.labels, "out_of_scope_label": "OOS"}
    )
    notes: list[str] = []
    plan = base_plan(old, data, validation=other)
    assert (plan.train, plan.held_out) == (trained.train, trained.held_out)
    assert has_calibration_rows(plan, old, data, lambda note, share: notes.append(note))
    assert not notes
    assert not has_calibration_rows(base_plan(old, data), old, data, lambda note, share: notes.append(note))
    assert "--validation" in notes[0]


def test_validation_rows_that_were_answered_do_not_judge(
    tiny_bundle: Path, tiny_csv: Path, test_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[tuple[TrainingPlan, bool]] = []

    def stop(*arguments: object) -> str:
        plan, calibrates = arguments[0], arguments[-2]
        assert isinstance(plan, TrainingPlan)
        assert isinstance(calibrates, bool)
        planned.append((plan, calibrates))
        raise InterruptedError

    monkeypatch.setattr(training, "_train", stop)
    rows = read_training_rows(test_csv)
    answers = [Answer(text, label) for text, label in zip(rows.texts[:20], rows.labels[:20], strict=True)]
    with pytest.raises(InterruptedError):
        learn(answers, tiny_bundle, tmp_path / "candidate", data=tiny_csv, validation=test_csv)
    [(plan, calibrates)] = planned
    assert calibrates
    learned = {answer.text for answer in answers if not is_held_out(answer)}
    assert set(rows.texts) - learned <= set(plan.held_out.texts)
    assert learned
    assert learned.isdisjoint(plan.held_out.texts)


def test_validation_rows_are_given_with_the_data(tmp_path: Path, test_csv: Path) -> None:
    result = CliRunner().invoke(app, ["learn", "--validation", str(test_csv), "--output", str(tmp_path / "candidate")])
    assert "--validation needs --data" in str(result.exception)


def test_stricter_thresholds_of_intents_stay_without_their_guarantee(tiny_bundle: Path) -> None:
    old = Bundle.open(tiny_bundle).manifest
    guarantee = old.thresholds.guarantee.model_copy(update={"certified": True, "risk": 0.01})
    own = {"WISMO": IntentThreshold(confidence=0.97, guarantee=guarantee)}
    strict = old.model_copy(update={"thresholds": old.thresholds.model_copy(update={"by_intent": own})})
    fitted = training._with_intent_thresholds(Fitted(old.calibration, old.thresholds, old.suggestion), strict)
    assert fitted.thresholds.by_intent is not None
    kept = fitted.thresholds.by_intent["WISMO"]
    assert (kept.confidence, kept.guarantee.certified, kept.guarantee.risk) == (0.97, False, 0.01)


def test_without_rows_to_calibrate_with_nothing_is_guaranteed_of_the_new_network(tiny_bundle: Path) -> None:
    old = Bundle.open(tiny_bundle).manifest
    certified = old.thresholds.guarantee.model_copy(update={"certified": True})
    promised = old.model_copy(
        update={
            "thresholds": old.thresholds.model_copy(update={"guarantee": certified}),
            "metrics": {**old.metrics, SUGGESTION: {"confidence": 0.6, "guarantee": certified.model_dump()}},
        }
    )
    fitted = training._fitted_before(promised)
    assert fitted.suggestion is not None
    assert fitted.suggestion.confidence == 0.6
    assert not fitted.suggestion.guarantee.certified
    assert not fitted.thresholds.guarantee.certified
    assert fitted.calibration == old.calibration


def test_out_of_scope_messages_need_the_data_beside_them(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["learn", "--out-of-scope", str(tmp_path / "others.csv")])
    assert "--out-of-scope needs --data" in str(result.exception)


def test_a_store_needs_a_test_set(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["learn", "--store", str(tmp_path / "store")])
    assert "--store needs --test" in str(result.exception)
