"""The figures of the page Trust, against numbers that were computed by hand."""

import pytest
from triage_worker.console.queries.trust import Answer, Decided, Traffic
from triage_worker.console.shared import trust_figures as figures
from triage_worker.console.shared.trust_chart import confidence_bars, curve_chart
from triage_worker.console.state.traffic import STEPS


def answer(label: str = "WISMO", confidence: float = 0.9, *, accepted: bool = True, **more: object) -> Answer:
    fields = {"key": "k", "text": "where", "intent": "WISMO", "audit": accepted}
    return Answer(**({**fields, "label": label, "confidence": confidence, "accepted": accepted} | more))  # type: ignore[arg-type]


def decided(accepted: dict[float, int], refused: dict[float, int], otherwise: int = 0) -> Decided:
    counted = Decided()
    for reason, counts in (("", accepted), ("low_confidence", refused)):
        for confidence, messages in counts.items():
            counted.add({"intent": "WISMO", "language": "en", "channel": ""}, reason, int(confidence * STEPS), messages)
    counted.add({"intent": "OTHER", "language": "", "channel": "chat"}, "out_of_scope", 0, otherwise)
    return counted


def point(points: list[figures.Point], threshold: float) -> figures.Point:
    return next(one for one in points if one.threshold == threshold)


def test_above_the_threshold_the_audit_says_how_much_is_right() -> None:
    # 60 messages at 95 % and 20 at 85 % are accepted, 20 are refused for another reason.
    week = decided({0.95: 60, 0.85: 20}, {}, otherwise=20)
    audit = [*[answer(confidence=0.95)] * 30, *[answer(confidence=0.85)] * 7, *[answer("OTHER", 0.85)] * 3]
    points = figures.curve(week, audit, 0.8)
    assert (points[0].threshold, points[-1].threshold, len(points)) == (0.5, 0.995, 100)
    strict, lenient = point(points, 0.9), point(points, 0.8)
    assert (strict.automated, strict.right.share, strict.right.answers) == (0.6, 1.0, 30)
    assert (lenient.automated, lenient.right.answers, lenient.right.wrong) == (0.8, 40, 3)
    assert lenient.right.share == pytest.approx(37 / 40)
    assert lenient.right.least < 37 / 40 < lenient.right.most
    assert points[-1].automated == 0.0


def test_below_the_threshold_each_group_has_the_weight_of_its_messages() -> None:
    # 80 are accepted, all audited ones of them right; 40 are refused, half of whose answers agree with the model.
    week = decided({0.95: 80}, {0.7: 40}, otherwise=40)
    audit = [answer(confidence=0.95)] * 10
    refused = [*[answer(confidence=0.7, accepted=False)] * 5, *[answer("OTHER", 0.7, accepted=False)] * 5]
    found = point(figures.curve(week, audit + refused, 0.8), 0.6)
    assert found.automated == pytest.approx(120 / 160)
    assert found.right.share == pytest.approx((80 * 1.0 + 40 * 0.5) / 120)
    assert (found.right.answers, found.right.wrong) == (20, 5)
    bounds = [figures.RightShare(own, figures.OF_EACH).extend(own).value() for own in (audit, refused)]
    assert found.right.least == pytest.approx((80 * bounds[0].least + 40 * bounds[1].least) / 120)


def test_what_nobody_has_answered_is_not_known() -> None:
    week = decided({0.95: 80}, {0.7: 40})
    points = figures.curve(week, [answer(confidence=0.95)], 0.8)
    assert point(points, 0.9).right.share == 1.0
    assert point(points, 0.6).right.share is None, "no answer about refused messages"
    assert figures.curve(week, [], 0.8)[0].right == figures.Right(None, 0.0, 1.0, 0)
    assert figures.curve(Decided(), [], 0.8)[0].automated == 0.0


def test_what_is_refused_above_the_threshold_is_not_automated_by_any() -> None:
    points = figures.curve(decided({0.95: 50}, {0.9: 50}), [], 0.8)
    assert [point(points, one).automated for one in (0.5, 0.85)] == [0.5, 0.5]


def test_answers_count_by_their_weight() -> None:
    # Weighted: 1 × 2 wrong of 1 × 2 + 3 × 1.
    found = figures.right_of([answer("OTHER", weight=2.0), *[answer()] * 3])
    assert found.share == pytest.approx(1 - 2 / 5)
    assert (found.answers, found.wrong) == (4, 1)


def test_the_goal_is_reached_by_the_threshold_that_automates_most() -> None:
    week = decided({0.95: 60, 0.85: 40}, {})
    audit = [*[answer(confidence=0.95)] * 900, *[answer(confidence=0.85)] * 95, *[answer("OTHER", 0.85)] * 5]
    points = figures.curve(week, audit, 0.8)
    likely, sure = (figures.reaching(points, 0.99, surely=surely) for surely in (False, True))
    assert likely is not None
    assert (likely.automated, likely.threshold) == (1.0, 0.85), "995 of 1,000 are right"
    assert sure is not None
    assert sure.automated == pytest.approx(0.6), "with all, less than 99 % is sure"
    assert figures.reaching(points, 1.01, surely=False) is None


def test_the_handle_snaps_to_the_nearest_threshold() -> None:
    points = figures.curve(decided({0.9: 1}, {}), [], 0.8)
    assert figures.at(points, 0.8012).threshold == 0.8
    assert figures.at(points, 0.1).threshold == 0.5


def test_slices_have_their_share_of_acceptance_and_their_answers() -> None:
    week = decided({0.95: 30}, {0.6: 10}, otherwise=5)
    audit = [answer(language="en"), answer("OTHER", language="en"), answer("OTHER", 0.6, accepted=False)]
    first, second = figures.slices(week, audit, "language")
    assert (first.value, first.messages, first.accepted, first.right.share) == ("en", 40, 0.75, 0.5)
    assert (second.value, second.messages, second.accepted, second.right.share) == ("", 5, 0.0, None)
    assert [one.value for one in figures.slices(week, [], "intent")] == ["WISMO", "OTHER"]


def test_accepted_confusions_come_first_and_no_intent_is_named() -> None:
    given = [
        answer("RETURN", 0.6, accepted=False, text="a"), answer("RETURN", 0.7, accepted=False, text="b"),
        answer("CANCEL", 0.9, text="c"), answer("OOS", 0.95, text="d"), answer("WISMO", text="right"),
        answer("OOS", 0.5, accepted=False, text="refused rightly"),
    ]  # fmt: skip
    found = figures.confusions(given, "OOS")
    assert [(one.truth, one.predicted, one.rows, one.accepted) for one in found] == [
        ("(out of scope)", "WISMO", 1, 1), ("CANCEL", "WISMO", 1, 1), ("RETURN", "WISMO", 2, 0),
    ]  # fmt: skip
    assert [one.text for one in found[2].examples] == ["b", "a"]
    assert figures.confusions([], "OOS") == []


def test_an_answer_is_suspect_if_the_model_is_much_surer_of_another_intent() -> None:
    sure = {"WISMO": 0.9, "CANCEL": 0.05, "RETURN": 0.02}
    given = [
        answer("CANCEL", scores=sure, text="no"), answer("WISMO", scores=sure), answer("OOS", scores=sure, text="none"),
        answer("CANCEL", scores={"WISMO": 0.6, "CANCEL": 0.3}), answer("UNKNOWN", scores=sure), answer("CANCEL"),
    ]  # fmt: skip
    given.append(answer("EXCHANGE", scores=sure, text="not among the three"))
    found = figures.suspects(given, {"WISMO", "CANCEL", "EXCHANGE"}, "OOS")
    assert [(one.text, one.label, one.suggested) for one in found] == [
        ("not among the three", "EXCHANGE", "WISMO"), ("none", "OOS", "WISMO"), ("no", "CANCEL", "WISMO"),
    ]  # fmt: skip
    assert [one.margin for one in found] == pytest.approx([0.9, 0.87, 0.85], abs=1e-3)


def traffic(intents: dict[str, int], step: int, accepted: int) -> Traffic:
    own = Traffic(24)
    own.intents.update(intents)
    own.languages.update({"en": sum(intents.values())})
    own.confidence.update({step: sum(intents.values())})
    own.accepted = accepted
    return own


def test_drift_names_what_has_moved_most() -> None:
    before = traffic({"WISMO": 900, "CANCEL": 100}, 190, 900)
    recent = traffic({"WISMO": 50, "CANCEL": 150}, 110, 100)
    intents, languages, confidence = figures.drift(before, recent)
    assert intents.most[0][0] == "CANCEL"
    assert intents.most[0][1:] == pytest.approx((0.1, 0.75))
    assert 0.3 < intents.divergence < 0.4
    assert languages.divergence == pytest.approx(0.0, abs=1e-6)
    assert confidence.divergence > 0.9
    assert confidence.most == [("accepted", 0.9, 0.5)]
    assert figures.drift(before, before)[0].divergence == pytest.approx(0.0)
    assert figures.drift(Traffic(24), recent) == []


def test_the_chart_has_a_dot_for_each_threshold_that_is_known() -> None:
    week = decided({0.95: 60, 0.85: 20}, {}, otherwise=20)
    points = figures.curve(week, [answer(confidence=0.95), answer(confidence=0.85)], 0.8)
    chart = curve_chart(points)
    dots = dict(zip((one.threshold for one in points), chart.dots, strict=True))
    assert dots[0.995] is None
    first, second = dots[0.9], dots[0.8]
    assert first is not None
    assert second is not None
    # 658 units of width from 44: 0.6 and 0.8 of it.
    assert (first.x, second.x) == (438.8, 570.4)
    assert first.y == 8.0, "all is right: at the top"
    assert [one.text for one in chart.rows] == ["90 %", "95 %", "100 %"]
    assert curve_chart(figures.curve(Decided(), [], 0.8)).line == ""


def test_each_message_is_in_one_bar() -> None:
    counts = [0] * (STEPS + 1)
    counts[0], counts[199], counts[200] = 4, 1, 1
    bars, ticks = confidence_bars((("accepted", counts),))
    assert [(one.kind, one.height) for one in bars] == [("accepted", 110.0), ("accepted", 55.0)]
    assert len(ticks) == 5
