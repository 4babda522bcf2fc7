"""The page Trust, on a state that events fill."""

from datetime import timedelta
from typing import Any

import pytest
from triage_schemas.events import ThresholdEvent
from triage_worker.console.queries import trust as queries
from triage_worker.console.shared.kept import KEPT_S

from tests.worker.console.conftest import Console
from tests.worker.console.filling import MODEL, NOW, audit, intent, label, request
from tests.worker.fallback.events import event


def part(page: str, name: str) -> str:
    """The section of a page with this heading, with its blanks as one."""
    return " ".join(page.split(f'id="{name}"', 1)[1].split("</section>", 1)[0].split())


async def fill(console: Console) -> None:
    """40 messages are accepted, 10 refused, 20 of them audited and answered, and 4 of the refused ones answered."""
    put = console.topics.events
    await put("output_topic", *(intent(one, language="en") for one in range(40)))
    await put("fallback_topic", *(event("hm", 100 + one, confidence=0.7, language="de") for one in range(10)))
    await put("review_topic", *(audit(f"audited {one}", one, scores={"WISMO": 0.93}) for one in range(20)))
    await put("labels_topic", *(label(one, text=f"audited {one}", audited=True) for one in range(19)))
    wrong = label(19, "RETURN_REQUEST", text="<b>send</b> it to jo@example.com", audited=False)
    await put("labels_topic", wrong)
    await put("review_topic", *(request("refused", 100 + one, confidence=0.7) for one in range(4)))
    await put("labels_topic", *(label(100 + one, "OTHER", text="refused") for one in range(3)))
    await put("labels_topic", label(103, "CANCEL_ORDER", text="refused"))


async def test_the_handle_is_at_the_threshold_in_force(console: Console) -> None:
    await fill(console)
    page = (await (await console.signed_in()).get("/trust")).text
    title = part(page, "handle-title")
    assert "At a threshold of 80.0 % you automate 80 % of last week, and 95.0 % of that is right" in title
    assert "by 20 answers." in title
    assert 'value="80.0"' in title
    assert "the threshold in force is 80.0 %" in title
    assert "50 messages, 20 answers of the audit, 4 answers about refused messages" in page


async def test_the_handle_can_be_moved_without_the_script(console: Console) -> None:
    await fill(console)
    page = (await (await console.signed_in()).get("/trust?threshold=60")).text
    # 40 accepted of which 95 % are right, 10 refused of which 75 % would be.
    assert "you automate 100 % of last week, and 91.0 % of that is right" in part(page, "handle-title")


@pytest.mark.parametrize("asked", ["nan", "-1", "1e9", "x", ""])
async def test_a_threshold_that_is_none_is_the_one_in_force(console: Console, asked: str) -> None:
    await fill(console)
    page = (await (await console.signed_in()).get(f"/trust?threshold={asked}")).text
    assert 'value="80.0"' in part(page, "handle-title")


async def test_a_threshold_that_an_audit_has_raised_is_in_force(console: Console) -> None:
    await fill(console)
    raised = ThresholdEvent(
        model=MODEL, version=1, threshold=0.9, previous=0.8, reason="audit", alarm="promise", estimate=0.1, lower=0.06,
        upper=0.2, answers=50, answered_until=NOW, decided_at=NOW,
    )  # fmt: skip
    await console.topics.events("control_topic", raised, key=b"ecommerce:1")
    page = (await (await console.signed_in()).get("/trust")).text
    assert "the threshold in force is 90.0 %" in page


async def test_slices_confusions_and_suspects(console: Console) -> None:
    await fill(console)
    page = (await (await console.signed_in()).get("/trust")).text
    languages = part(page, "by-language")
    assert "95.0 %" in languages
    assert languages.index(">en<") < languages.index(">de<"), "the most frequent first"
    confused = part(page, "confusions")
    assert "RETURN_REQUEST, taken for WISMO: 1 message, 1 of them accepted" in confused
    assert "CANCEL_ORDER, taken for OTHER: 1 message, 0 of them accepted" in confused
    assert "&lt;b&gt;send&lt;/b&gt; it to [EMAIL_1]" in confused
    assert "jo@example.com" not in page
    suspect = part(page, "suspects")
    assert "RETURN_REQUEST" in suspect
    assert "93 %" in suspect
    assert "refused" not in suspect


async def test_drift_compares_a_day_with_the_days_before(console: Console) -> None:
    before = [intent(one) for one in range(150)]
    await console.topics.events("output_topic", *before, at=NOW - timedelta(days=3))
    page = (await (await console.signed_in()).get("/trust")).text
    assert "too few messages to compare: 0 in the last day, 150 before" in part(page, "drift")
    await console.topics.events("output_topic", *(intent(200 + one, intent="CANCEL_ORDER") for one in range(150)))
    console.clock.seconds += KEPT_S
    moved = part((await (await console.signed_in()).get("/trust")).text, "drift")
    assert "CANCEL_ORDER 0.0 % → 100.0 %" in moved
    assert ", notable" in moved
    assert "TRIAGE_CONSOLE_DAYS=14" in moved


async def test_the_page_says_what_is_missing(console: Console) -> None:
    browser = await console.signed_in()
    assert "No message was decided in the last week" in (await browser.get("/trust")).text
    await console.topics.events("output_topic", intent(1))
    assert "No message was decided" in (await browser.get("/trust")).text, "figures are kept for a while"
    console.clock.seconds += KEPT_S
    page = (await browser.get("/trust")).text
    assert "Set TRIAGE_AUDIT_SHARE of the worker" in page
    assert "nobody knows yet" in part(page, "handle-title")
    assert "There are no answers of people yet" in part(page, "confusions")


async def test_the_first_answer_of_an_audit_counts_and_the_last_of_a_review(console: Console) -> None:
    await console.topics.events("output_topic", intent(1))
    await console.topics.events("review_topic", request("hm", 2))
    later: dict[str, Any] = {"labelled_at": NOW + timedelta(minutes=1)}
    await console.topics.events("labels_topic", label(1, audited=True), label(2, "WISMO"))
    await console.topics.events(
        "labels_topic", label(1, "OTHER", audited=False, **later), label(2, "OTHER", **later), at=NOW
    )
    page = (await (await console.signed_in()).get("/trust")).text
    assert "1 answer of the audit, 1 answer about refused" in page
    assert "No answer contradicts the model." in part(page, "confusions")


async def test_the_latest_answers_of_an_audit_count(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_ANSWERS", 10)
    await console.topics.events("output_topic", intent(1))
    await console.topics.events("labels_topic", *(label(one, "OTHER", audited=False) for one in range(10)))
    later: dict[str, Any] = {"labelled_at": NOW + timedelta(minutes=1)}
    await console.topics.events("labels_topic", *(label(20 + one, audited=True, **later) for one in range(10)))
    page = (await (await console.signed_in()).get("/trust")).text
    assert "10 answers of the audit" in page
    assert "No answer contradicts the model." in part(page, "confusions")


async def test_each_bundle_has_its_own_figures(console: Console) -> None:
    await fill(console)
    other = MODEL.model_copy(update={"version": "2"})
    await console.topics.events("output_topic", *(intent(500 + one, model=other) for one in range(3)), at=NOW)
    browser = await console.signed_in()
    page = (await browser.get("/trust?model=ecommerce+2")).text
    assert "ecommerce 2, in the last seven days: 3 messages, 0 answers of the audit" in page
    assert "50 messages" in (await browser.get("/trust?model=ecommerce+1")).text
    assert (await browser.get("/trust?model=%3Cscript%3E")).status_code == 200


async def test_only_leads_see_it(console: Console) -> None:
    assert (await (await console.signed_in("rita", "reviewer")).get("/trust")).status_code == 403
