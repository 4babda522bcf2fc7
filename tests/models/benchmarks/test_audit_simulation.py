"""The simulation of the audit, small: seeds decide everything, and drift is told from no drift."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from triage_models.benchmarks.audit_population import synthetic_shop
from triage_models.benchmarks.audit_runs import Setting, measure_false_alarms, measure_notice, measure_protection
from triage_models.benchmarks.audit_simulation import main
from triage_models.benchmarks.audit_streams import DRIFTS, Drift, SecondReader, draw_stream

SHOP = synthetic_shop()
LOUD: list[Drift] = [drift for drift in DRIFTS if drift != "a sale"]


@pytest.mark.parametrize("reader", [None, SecondReader()])
@pytest.mark.parametrize("drift", LOUD)
def test_a_drift_ends_with_the_same_share_wrong(drift: Drift, reader: SecondReader | None) -> None:
    stream = draw_stream(SHOP, drift, 5000, 45_000, np.random.default_rng(0), reader=reader)
    assert stream.wrong[:5000].mean() == pytest.approx(SHOP.usual.error_rate, abs=0.01)
    assert stream.wrong[25_000:].mean() == pytest.approx(0.1, abs=0.01)
    assert stream.events.error[25_000:].mean() == pytest.approx(0.1, abs=0.015)


def test_a_sale_changes_what_is_asked_and_not_how_much_is_wrong() -> None:
    stream = draw_stream(SHOP, "a sale", 20_000, 20_000, np.random.default_rng(0))
    usual, sale = (np.bincount(part, minlength=9) for part in np.split(stream.events.intent, 2))
    assert sale.max() > 1.5 * usual.max()
    assert stream.wrong[20_000:].mean() == pytest.approx(SHOP.usual.error_rate, abs=0.01)


def test_no_drift_is_no_alarm_and_drift_is_noticed() -> None:
    setting = Setting("made up", SecondReader(), streams=10)
    assert measure_false_alarms(SHOP, setting, 4000).any_alarm <= 0.1
    notice = measure_notice(SHOP, setting, "one label changes its meaning", 300, 300)
    assert notice.median is not None
    assert notice.median < 40
    assert notice.too_early <= 0.1


def test_the_controller_keeps_wrong_events_back_and_leaves_a_sale_alone() -> None:
    setting = Setting("made up", SecondReader(), streams=2)
    drift = measure_protection(SHOP, setting, "a new language", 300)
    assert drift.wrong_controlled < 0.7 * drift.wrong_fixed
    assert 0.0 < drift.coverage_lost < 0.6
    sale = measure_protection(SHOP, setting, "a sale", 300)
    assert (sale.changes, sale.coverage_lost, sale.wrong_controlled) == (0, 0, sale.wrong_fixed)


def test_the_same_seed_gives_the_same_results() -> None:
    setting = Setting("made up", None, streams=3)
    first, second = (measure_notice(SHOP, setting, "sudden errors", 200, 400) for _ in range(2))
    other = measure_notice(SHOP, Setting("made up", None, streams=3, seed=1), "sudden errors", 200, 400)
    assert first == second
    assert first.answers != other.answers


def test_without_data_it_simulates_a_made_up_shop(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "picture.svg"
    assert main(["--streams", "1", "--events", "100", "--json", "--workers", "1", "--picture", str(file)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"false_alarms", "notices", "protections", "widths"} == set(printed)
    picture = file.read_text(encoding="utf-8")
    texts = [one.text for one in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert set(LOUD) <= set(texts)
    assert "prefers-color-scheme: dark" in picture


def test_missing_data_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--data", str(tmp_path), "--runs", str(tmp_path / "runs")]) == 2
    assert str(tmp_path) in capsys.readouterr().err
