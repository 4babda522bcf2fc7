"""The page Try it, with the shipped bundle."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from triage_models.serving.occlusion import Influences, Piece
from triage_schemas.events import ThresholdEvent
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings
from triage_worker.console.app import make_app
from triage_worker.console.queries.similarity import similarities
from triage_worker.console.shared.marked_words import listed, segments
from triage_worker.console.shared.trials import BURST, LONGEST, TooManyError, Trials

from tests.worker.console.conftest import Browser, Console
from tests.worker.console.filling import MODEL, NOW, intent, label, source


@pytest.fixture(scope="session")
def trials() -> Iterator[Trials]:
    """One for all tests: the bundle is opened once."""
    opened = Trials(Settings())
    yield opened
    opened.close()


@pytest.fixture
async def reader(console: Console, trials: Trials) -> Browser:
    console.parts = replace(console.parts, trials=trials)
    app = make_app(console.parts, CollectorRegistry())
    console.app = app
    trials._buckets.clear()
    return await console.signed_in("rea", "reader")


def part(page: str, name: str) -> str:
    """The section of a page with this heading, with its blanks as one."""
    return " ".join(page.split(f'id="{name}"', 1)[1].split("</section>", 1)[0].split())


async def test_a_text_is_decided_and_the_page_says_why(reader: Browser) -> None:
    answer = await reader.post("/try", text="where is my parcel, order 48213?", channel="chat")
    page = answer.text
    decided = part(page, "decision")
    assert answer.status_code == 200
    assert "Accepted" in decided
    assert "<strong>WISMO</strong>" in decided
    assert "<dt>language</dt><dd>en</dd>" in decided
    assert '<mark class="strong">' in part(page, "why")
    assert "none of the intents" in part(page, "scores")
    routed = part(page, "route")
    assert "<strong>fires</strong>" in routed
    assert "intent is WISMO, not" in routed


async def test_a_refused_text_has_a_reason_and_a_route_only_if_a_person_says_so(reader: Browser) -> None:
    page = (await reader.post("/try", text="hello there")).text
    assert "It asks for none of the intents." in part(page, "decision")
    assert "Nowhere, before the LLM or a person" in part(page, "route")
    german = (await reader.post("/try", text="Ich möchte mein Paket zurückschicken")).text
    assert "The model has not learned this language." in part(german, "decision")


async def test_second_wishes_are_named(reader: Browser) -> None:
    page = (await reader.post("/try", text="where is my parcel, and can i send one back")).text
    assert "<dt>asks besides for</dt><dd>WISMO" in part(page, "decision")


async def test_a_raised_threshold_refuses_what_the_bundle_accepts(console: Console, reader: Browser) -> None:
    first = (await reader.post("/try", text="where is my parcel")).text
    version = part(first, "decision").split("<dt>decided by</dt><dd>ecommerce ", 1)[1].split(" ", 1)[0]
    raised = ThresholdEvent(
        model=MODEL.model_copy(update={"version": version}), version=1, threshold=0.9999, previous=0.8, reason="audit",
        alarm="promise", estimate=0.1, lower=0.06, upper=0.2, answers=50, answered_until=NOW, decided_at=NOW,
    )  # fmt: skip
    await console.topics.events("control_topic", raised, key=f"ecommerce:{version}".encode())
    decided = part((await reader.post("/try", text="where is my parcel")).text, "decision")
    assert "Refused" in decided
    assert "an audit has raised the threshold" in decided


async def test_decided_messages_like_it_are_shown_masked(console: Console, reader: Browser) -> None:
    empty = part((await reader.post("/try", text="the blue lamp came broken")).text, "nearest")
    assert "There is no decided message yet." in empty
    await console.topics.events(
        "labels_topic",
        label(1, "DAMAGED_ITEM", text="my lamp came broken, write to jo@example.com", source=source(1)),
        label(2, "WISMO", text="when will it be here", source=source(2)),
    )
    near = part((await reader.post("/try", text="the blue lamp came broken")).text, "nearest")
    assert "DAMAGED_ITEM" in near
    assert "[EMAIL_1]" in near
    assert "jo@example.com" not in near
    assert "when will it be here" not in near
    assert "From 2 answers of people and 0 of the LLM" in near


async def test_the_page_says_when_another_bundle_serves(console: Console, reader: Browser) -> None:
    assert 'class="warning"' not in (await reader.post("/try", text="where is it")).text
    await console.topics.events("output_topic", intent(1, model=MODEL.model_copy(update={"name": "shop"})))
    page = (await reader.post("/try", text="where is it")).text
    assert "messages were decided by shop 1: set TRIAGE_BUNDLE" in page


async def test_hostile_texts_are_text_and_nothing_of_them_is_kept(console: Console, reader: Browser) -> None:
    text = "<script>alert(1)</script> \u202e\x1b[31m " + "w" * 900
    page = (await reader.post("/try", text=text, channel='"><img src=x>')).text
    assert "<script>alert" not in page
    assert "<img" not in page
    assert not set("\u202e\x1b") & set(part(page, "why"))
    assert console.topics.sent == []
    assert "alert(1)" not in (await reader.get("/try")).text


@pytest.mark.parametrize(("text", "says"), [(" \n", "Type a message first."), ("a " * LONGEST, "This is too long")])
async def test_what_cannot_be_tried_is_said(reader: Browser, text: str, says: str) -> None:
    answer = await reader.post("/try", text=text)
    assert answer.status_code == 422
    assert says in answer.text


async def test_a_form_without_the_token_is_refused(reader: Browser) -> None:
    assert (await reader.client.post("/try", data={"text": "where is it"})).status_code == 403


async def test_somebody_who_asks_too_often_has_to_wait(reader: Browser, trials: Trials) -> None:
    for _ in range(BURST):
        trials._count("rea")
    answer = await reader.post("/try", text="where is it")
    assert answer.status_code == 429
    assert "Wait" in answer.text
    trials._count("otto")
    with pytest.raises(TooManyError):
        trials._count("rea")


async def test_without_a_bundle_the_page_says_what_to_set(console: Console, tmp_path: Path) -> None:
    nothing = Trials(Settings(bundle=BundlePaths(tmp_path / "none")))
    console.app = make_app(replace(console.parts, trials=nothing), CollectorRegistry())
    answer = await (await console.signed_in()).post("/try", text="where is it")
    nothing.close()
    assert answer.status_code == 503
    assert "Set TRIAGE_BUNDLE of the console to the bundle that the worker serves" in answer.text


def test_words_are_marked_by_what_they_do() -> None:
    text = "please send it back, ok"
    pieces = [Piece(0, 6, 0.01), Piece(7, 11, 0.4), Piece(12, 14, 0.1), Piece(15, 20, 0.9), Piece(21, 23, -0.3)]
    alone = Influences(pieces)
    assert [(one.text, one.kind) for one in segments(text, alone)] == [
        ("please", ""), (" ", ""), ("send", "some"), (" ", ""), ("it", "some"), (" ", ""), ("back,", "strong"),
        (" ", ""), ("ok", "against"),
    ]  # fmt: skip
    assert [(one.text, one.kind) for one in listed(text, alone)] == [
        ("“back,”", "strong"), ("“send”", "some"), ("“ok”", "against"), ("“it”", "some"),
    ]  # fmt: skip
    assert [one.text for one in segments("as it is", Influences([]))] == ["as it is"]


def test_words_that_carry_it_together_are_all_strong() -> None:
    both = Influences([Piece(0, 6, 0.01), Piece(7, 11, 0.0), Piece(12, 14, 0.0)], (1, 0), 0.8)
    assert [one.kind for one in segments("please send it", both) if one.text.strip()] == ["strong", "strong", ""]
    assert [(one.text, one.fall) for one in listed("please send it", both)] == [("“send” “please”", 0.8)]


def test_texts_are_alike_by_the_letters_that_they_share() -> None:
    same, near, other, empty = similarities("broken lamp", ["broken lamp", "brokn lamps", "where is it", ""])
    assert same == pytest.approx(1.0)
    assert 0.3 < near < 0.9
    assert other == pytest.approx(0.0, abs=0.05)
    assert empty == 0.0
