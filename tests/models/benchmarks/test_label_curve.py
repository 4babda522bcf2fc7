"""The curve of labels: what is labelled never measures, and the pages have the figures."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.benchmarks import label_curve_runs
from triage_models.benchmarks.held_out_channels import channels, write_channel
from triage_models.benchmarks.label_curve import main
from triage_models.benchmarks.label_curve_outcomes import Baseline, Outcome, decide, measure_baseline
from triage_models.benchmarks.label_curve_pages import BEGIN, END, FIGURES, PICTURE, pages, result_tables, write_pages
from triage_models.benchmarks.label_curve_picture import draw
from triage_models.benchmarks.label_curve_results import CHANNELS, OTHERS, POSTS, SHOP, Results, first_labels
from triage_models.benchmarks.label_curve_runs import (
    Point,
    Rows,
    Traffic,
    Way,
    draw_rows,
    measure_curve,
    read_traffic,
    split_rows,
)
from triage_models.benchmarks.suite import EXIT_INCOMPLETE
from triage_models.bundle.bundle import Bundle
from triage_models.calibration import calibrate
from triage_models.calibration.bundle_calibration import fit_to_rows
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.calibration.limits import ErrorLimits
from triage_models.calibration.shop_rows import ModelledRows
from triage_models.data.corpus import read_messages
from triage_models.data.tables import write_table
from triage_models.errors import DataError
from triage_models.labelling.profiles import Profiles
from triage_models.serving.decision import Decision

from tests.models.serving.shipped import FIRST_ROWS, shipped_classifier
from tests.models.tiny import write_csv

DOCS = Path(__file__).parents[3] / "docs"
MANIFEST = Bundle.open(DEFAULT_BUNDLE, verify=False).manifest
ROWS = 200


def modelled(count: int = ROWS) -> ModelledRows:
    """Make up rows that are predicted with a margin, nine of ten correctly, the others out of scope."""
    random = np.random.default_rng(0)
    labels = len(MANIFEST.labels)
    logits = random.normal(size=(count, labels + 1)).astype(np.float32)
    best = random.integers(0, labels, count)
    logits[np.arange(count), best] += random.uniform(2, 9, count).astype(np.float32)
    classes = np.where(random.random(count) < 0.9, logits[:, :labels].argmax(axis=1), labels)
    similarity = np.clip(0.7 + 0.03 * logits, -1, 1).astype(np.float32)
    data = CalibrationData(logits, similarity, classes, "made up")
    return ModelledRows(data, np.ones(count, dtype=bool), np.ones(count, dtype=np.int64))


def traffic() -> Traffic:
    """Make up a shop, in which the bundle is the less certain the later a message comes."""
    confidences = np.linspace(1.0, MANIFEST.thresholds.confidence, ROWS)
    decisions = [Decision(MANIFEST.labels[0], float(one), True, None, {}, 1.0, False) for one in confidences]
    vectors = np.random.default_rng(1).normal(size=(ROWS, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    letters = "abcdefghij"
    texts = [f"message {letters[row // 100]} {letters[row // 10 % 10]} {letters[row % 10]}" for row in range(ROWS)]
    return Traffic(SHOP, texts, modelled(), Profiles(decisions, [MANIFEST.labels[0]] * ROWS, vectors))


def point(traffic_name: str = SHOP, way: Way = "random", labels: int = 100, max_error: float = 0.05) -> Point:
    return Point(
        traffic=traffic_name,
        max_error=max_error,
        way=way,
        labels=labels,
        used=50.0,
        guaranteed=0.9,
        kept=0.96,
        broken=0.036,
        broken_everywhere=0.02,
        coverage=0.861,
        right=0.972,
        foreign_accepted=0.04,
        guaranteed_coverage=0.852,
        guaranteed_right=0.981,
        reached=0.6,
        ece=0.04,
        rows_needed=120.0,
    )


def results(*points: Point) -> Results:
    baselines = [Baseline(name, 90, 10, 0.83, 0.95, 0.9, 0.98, 0.96, 1, 0.8) for name in (SHOP, CHANNELS, "email")]
    return Results("ecommerce 1", 3, baselines, list(points))


def test_rows_that_measure_are_never_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    shop, asked = traffic(), []

    def remember(rows: ModelledRows, split: tuple[Rows, Rows], *arguments: object) -> object:
        asked.append(split)
        return label_curve_runs._Draw(len(split[0]), False, 10, OUTCOME, OUTCOME)

    monkeypatch.setattr(label_curve_runs, "_calibrate", remember)
    measure_curve(shop, MANIFEST, [40, 80, 1000], [0.05], 2)
    assert (
        len(asked) == 2 * 5
    )  # the random part of the larger sample is the smaller random draw; 1,000 rows are not there
    for labelled, rest in asked:
        assert not {*labelled} & {*rest}
        assert len(rest) == 80


OUTCOME = Outcome((70, 60), (10, 1), 59, 0.04)


def test_a_draw_calibrates_to_its_labelled_rows_and_is_measured_on_the_rest() -> None:
    shop = traffic()
    (one,) = (one for one in measure_curve(shop, MANIFEST, [60], [0.2], 1) if one.way == "random")
    pool, rest = split_rows(ROWS, 0)
    correction, chosen = fit_to_rows(shop.modelled.take(pool[:60]), MANIFEST, ErrorLimits(0.2), seed=0)
    expected = decide(shop.modelled.take(rest), MANIFEST, correction.calibration, chosen.thresholds)
    assert (one.coverage, one.right, one.ece) == (expected.coverage, expected.precision, expected.ece)
    assert one.guaranteed == float(chosen.thresholds.guarantee.certified)
    assert (one.labels, one.used) == (60, 60.0)


def test_a_sample_is_calibrated_to_by_its_random_part() -> None:
    shop = traffic()
    pool, _ = split_rows(ROWS, 3)
    drawn = draw_rows(shop, MANIFEST, pool, 40)
    assert list(drawn["random"]) == list(pool[:40])
    assert list(drawn["sampled"]) == list(pool[:20])
    assert list(drawn["all sampled"][:20]) == list(pool[:20])
    assert len({*drawn["all sampled"]}) == 40
    uncertain = drawn["all sampled"][20:32]
    assert list(uncertain) == sorted(pool[20:], reverse=True)[:12]  # the last messages are the least certain


def test_the_result_is_that_of_triage_calibrate(tmp_path: Path) -> None:
    messages = read_messages()[: FIRST_ROWS : FIRST_ROWS // 180]
    classifier = shipped_classifier()
    shop = read_traffic("own", write_csv(tmp_path / "own.csv", [(one.text, one.label) for one in messages]), classifier)
    pool, _ = split_rows(len(shop.texts), 0)
    drawn = draw_rows(shop, MANIFEST, pool, len(pool) - 10)
    labels = {one.text: one.label for one in messages}
    lines = [
        (shop.texts[row], labels[shop.texts[row]], "random" if row in drawn["sampled"] else "diverse")
        for row in drawn["all sampled"]
    ]
    file = write_table(tmp_path / "labelled.csv", ["text", "label", "part"], lines)
    stated = calibrate(file, tmp_path / "calibrated", device="cpu", max_error=0.1)
    _, chosen = fit_to_rows(shop.modelled.take(drawn["sampled"]), MANIFEST, ErrorLimits(0.1), seed=0)
    assert stated["rows"] == len(drawn["sampled"])
    assert stated["threshold"] == pytest.approx(chosen.thresholds.confidence, abs=1e-6)
    assert stated["guaranteed"] is chosen.thresholds.guarantee.certified


def test_guarantees_are_counted_and_broken_ones_of_all_draws() -> None:
    good = Outcome((100, 90), (10, 0), 89, 0.0)
    bad = Outcome((100, 60), (10, 10), 60, 0.0)
    draws = [
        label_curve_runs._Draw(50, True, 0, good, good),
        label_curve_runs._Draw(50, True, 0, bad, good),
        label_curve_runs._Draw(50, False, 70, bad, bad),
        label_curve_runs._Draw(50, False, 90, good, good),
    ]
    found = label_curve_runs._point(SHOP, 0.05, "random", 50, draws)
    assert (found.guaranteed, found.kept, found.broken, found.broken_everywhere) == (0.5, 0.5, 0.25, 0.0)
    assert (found.guaranteed_coverage, found.guaranteed_right) == (150 / 200, 149 / 160)
    assert (found.coverage, found.right) == (300 / 400, 298 / 320)
    assert (found.foreign_accepted, found.reached, found.rows_needed) == (0.5, 0.5, 80.0)
    nothing = label_curve_runs._point(SHOP, 0.05, "random", 50, draws[2:])
    assert (nothing.guaranteed, nothing.kept, nothing.guaranteed_right) == (0.0, None, None)


def test_a_row_that_cannot_be_read_is_not_accepted() -> None:
    every, half = modelled(), replace(modelled(), readable=np.arange(ROWS) >= ROWS // 2)
    before, after = (measure_baseline("made up", rows, MANIFEST) for rows in (every, half))
    assert 0 < after.coverage < before.coverage


def test_the_bundle_as_it_is_has_an_interval_and_the_best_threshold() -> None:
    rows = modelled()
    found = measure_baseline("made up", rows, MANIFEST)
    assert found.right_low < found.right < found.right_high
    assert found.in_scope + found.foreign == ROWS
    predicted = rows.data.logits[:, : len(MANIFEST.labels)].argmax(axis=1)
    perfect = replace(rows, data=replace(rows.data, classes=predicted))
    best = measure_baseline("made up", perfect, MANIFEST).best_coverage
    assert best > found.best_coverage
    read = np.arange(ROWS) % 2 == 0
    half = measure_baseline("made up", replace(perfect, readable=read), MANIFEST).best_coverage
    assert half == pytest.approx(best / 2, abs=0.05)


def test_a_number_of_labels_counts_only_if_all_larger_ones_reach_it() -> None:
    points = [replace(point(labels=n), guaranteed=share) for n, share in ((25, 0.9), (50, 0.1), (100, 0.8), (200, 1.0))]
    assert first_labels(points, lambda one: one.guaranteed >= 0.8) == 100
    assert first_labels(points[:2], lambda one: one.guaranteed >= 0.8) is None


def test_figures_are_the_same_after_writing_and_reading() -> None:
    written = results(point(), replace(point(way="sampled"), kept=None))
    assert Results.from_json(written.to_json()) == written


def test_the_pages_get_tables_and_keep_the_rest(tmp_path: Path) -> None:
    ways: tuple[Way, ...] = ("random", "sampled", "all sampled")
    shops = (SHOP, POSTS, OTHERS, CHANNELS)
    exact = replace(point(), right=0.97249996)
    some = results(
        *(replace(exact, traffic=shop, way=way, labels=size) for shop in shops for way in ways for size in (100, 200))
    )
    for page in pages(some):
        (tmp_path / page).write_text(f"before\n\n{BEGIN}\nold figures\n{END}\n\nafter\n", encoding="utf-8")
    for _ in range(2):
        write_pages(some, tmp_path)
    curve, other = ((tmp_path / page).read_text(encoding="utf-8") for page in ("calibrate.md", "evaluation.md"))
    for text in (curve, other):
        assert (text[:7], text[-7:]) == ("before\n", "\nafter\n")
        assert "old figures" not in text
    stored = Results.from_json((tmp_path / FIGURES).read_text(encoding="utf-8"))
    assert [text in page for text, page in zip(pages(stored).values(), (curve, other), strict=True)] == [True, True]
    assert "| 100 | `sample` | 90 % | 96 % | 4 % (2 %) | 0.861 | 0.973 |" in curve
    assert "| at most 5 % wrong is guaranteed in four of five draws | 100 | 100 |" in curve
    assert "| e-mail | 90, 10 | 0.830 | 0.950 (0.900 – 0.980) | 0.960 | 1 of 10 | yes, not clearly |" in other
    assert len(re.findall(r"^\| posts \| 5 % \|", other, flags=re.MULTILINE)) == 2
    ElementTree.fromstring((tmp_path / PICTURE).read_text(encoding="utf-8"))
    assert [table.row_count for table in result_tables(some)] == [3, 24]


def test_a_page_without_the_marks_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "calibrate.md").write_text("no marks", encoding="utf-8")
    with pytest.raises(DataError, match=r"calibrate\.md does not have the lines"):
        write_pages(results(point()), tmp_path)
    assert (tmp_path / "calibrate.md").read_text(encoding="utf-8") == "no marks"


def test_the_picture_has_a_line_for_each_limit_and_way_in_three_panels() -> None:
    ways: tuple[Way, ...] = ("random", "sampled")
    drawn = results(*(point(SHOP, way, n, risk) for way in ways for n in (25, 400) for risk in (0.05, 0.03)))
    picture = draw(drawn)
    ElementTree.fromstring(picture)
    assert len(re.findall("<polyline", picture)) == 3 * 2 * 2
    assert "held-out" not in picture


def test_the_documentation_has_the_figures_of_the_file() -> None:
    figures = Results.from_json((DOCS / FIGURES).read_text(encoding="utf-8"))
    for page, text in pages(figures).items():
        block = (DOCS / page).read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
        assert block.strip() == text
    assert (DOCS / PICTURE).read_text(encoding="utf-8") == draw(figures)


def test_the_channels_are_those_of_the_held_out_messages(tmp_path: Path) -> None:
    assert channels()[:2] == ["post", "chat"]
    assert len(channels()) == 6
    lines = write_channel(tmp_path / "chat.csv", "chat").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 80
    assert all(line.endswith(",chat") for line in lines[1:])


def test_without_data_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", str(tmp_path), "--runs", str(tmp_path / "runs"), "--docs", str(tmp_path / "none")]
    assert main(arguments) == EXIT_INCOMPLETE
    assert "label-curve: There is no file" in capsys.readouterr().err
