import subprocess
import sys

import numpy as np
import pytest
from triage_models.audit.selection import PERSON, AuditPolicy, SecondReaderPolicy, uniform

IDS = [f"message-{number}" for number in range(40_000)]
EXPECTED = 1.0 - np.minimum(0.03 * np.random.default_rng(0).gamma(0.8, 1.25, 5000), 0.3)


def test_a_repeat_gives_the_same_choice_in_another_process() -> None:
    policy = AuditPolicy(0.3)
    chosen = [number for number in range(200) if policy.select(IDS[number], 0.9).selected]
    program = (
        "from triage_models.audit.selection import AuditPolicy; "
        "print([n for n in range(200) if AuditPolicy(0.3).select(f'message-{n}', 0.9).selected])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(chosen)
    assert 30 < len(chosen) < 90


def test_the_choice_is_the_same_on_every_machine() -> None:
    assert uniform("4711") == 0.12630731131772988
    assert uniform("4711", PERSON) != uniform("4711")


def test_the_share_is_kept_on_average() -> None:
    selected = sum(AuditPolicy(0.05).select(name, 0.9).selected for name in IDS)
    assert selected == pytest.approx(2000, abs=4 * np.sqrt(2000))


def test_a_larger_share_selects_all_that_a_smaller_one_selects() -> None:
    small, large = ({name for name in IDS if AuditPolicy(share).select(name, 0.9).selected} for share in (0.01, 0.02))
    assert small < large


def test_low_confidence_is_audited_more_with_the_same_mean() -> None:
    policy = AuditPolicy.tilted(0.02, EXPECTED)
    assert policy.probability(0.75) > policy.probability(0.95) > policy.probability(0.999)
    assert policy.probabilities(EXPECTED).mean() == pytest.approx(0.02, rel=1e-6)


def test_weights_are_bounded_and_undo_the_tilt() -> None:
    policy = AuditPolicy.tilted(0.02, EXPECTED)
    selections = [policy.select("any", confidence) for confidence in (0.5, 0.9, 0.9999, 1.0)]
    assert all(one.weight <= policy.largest_weight + 1e-12 for one in selections)
    assert all(one.weight * one.probability == pytest.approx(0.02) for one in selections)


def test_a_share_of_one_audits_everything() -> None:
    assert all(AuditPolicy(1.0).select(name, 0.9).selected for name in IDS[:1000])
    assert AuditPolicy.tilted(1.0, EXPECTED).probability(0.5) == 1.0


def test_a_share_of_zero_audits_nothing() -> None:
    assert not any(AuditPolicy(0.0).select(name, 0.9).selected for name in IDS[:1000])


def test_a_text_with_a_lone_surrogate_is_an_id_too() -> None:
    assert 0.0 <= uniform("\ud800") < 1.0


def test_people_read_what_the_second_reader_contradicts() -> None:
    policy = SecondReaderPolicy(ask_if_agreed=0.05)
    assert all(policy.select(name, agreed=False).selected for name in IDS[:500])
    asked = sum(policy.select(name, agreed=True).selected for name in IDS)
    assert asked == pytest.approx(2000, abs=4 * np.sqrt(2000))
    assert policy.select("any", agreed=True).weight == 20.0


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_a_probability(share: float) -> None:
    with pytest.raises(ValueError, match="share of audited events"):
        AuditPolicy(share)


def test_people_are_never_ruled_out() -> None:
    with pytest.raises(ValueError, match="above 0"):
        SecondReaderPolicy(ask_if_agreed=0.0)
