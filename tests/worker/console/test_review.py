"""The review in the browser: who gets which message, what an answer publishes, and what takes it back."""

import asyncio
import re
from dataclasses import replace
from typing import Any

import orjson
import pytest
from aiokafka.structs import TopicPartition
from triage_schemas.events import IntentEvent, LabelEvent
from triage_worker.console.queries import review as queries
from triage_worker.console.signing_in.roles import Person
from triage_worker.streaming.async_processor import PendingEvent
from triage_worker.streaming.review_outputs import OutputBuilder
from triage_worker.streaming.review_verdicts import Labelled
from triage_worker.streaming.tracking.offset_tracker import PartitionTracker
from triage_worker.streaming.tracking.output import Output

from tests.worker.console.conftest import Browser, Console
from tests.worker.console.filling import NOW, audit, intent, label, request
from tests.worker.fakes import record
from tests.worker.fallback.events import LABELS


async def begin(browser: Browser, **form: str) -> str:
    """Take the next message; returns the page."""
    return (await browser.post("/review/next", **form)).text


async def answer(browser: Browser, offset: int, kind: str = "review", **form: str) -> str:
    return (await browser.post(f"/review/message/{kind}:customer.messages:0:{offset}/answer", **form)).text


def shows(page: str, text: str) -> bool:
    return f">{text}</div>" in page


async def published(console: Console, topic: str) -> list[dict[str, Any]]:
    return [{"value": one.value, "key": one.key, "headers": dict(one.headers)} for one in console.topics.sent
            if one.topic == topic]  # fmt: skip


async def acts(console: Console) -> list[str]:
    rows = await console.parts.database.read(lambda state: state.execute("SELECT act FROM acts ORDER BY id").fetchall())
    return [row[0] for row in rows]


async def test_one_key_answers_and_shows_the_next_message(console: Console) -> None:
    await console.topics.events("review_topic", request("first", 1), request("second", 2))
    browser = await console.signed_in("rita", "reviewer")
    page = await begin(browser)
    assert shows(page, "first")
    assert 'data-key="1"' in page
    assert re.search(r'name="label" value="WISMO" data-key="1"', page)
    page = await answer(browser, 1, label="CANCEL_ORDER")
    assert shows(page, "second")
    assert "CANCEL_ORDER." in page, "what was done is said"
    assert "Nothing waits for you" in await answer(browser, 2, none="1")
    assert await acts(console) == ["claim", "answer", "claim", "answer"]


async def test_an_answer_publishes_what_the_review_at_a_terminal_publishes(console: Console) -> None:
    asked = request("hm", 7)
    await console.topics.events("review_topic", asked, key=b"chat-1")
    browser = await console.signed_in("rita", "reviewer")
    await begin(browser)
    await answer(browser, 7, label="CANCEL_ORDER")
    place = TopicPartition("customer.intents.review", 0)
    read = replace(record(place, 0, asked.write(), key=b"chat-1"), headers=())
    pending = PendingEvent(PartitionTracker[Output](place), read, asked)
    outputs = replace(OutputBuilder.from_settings(console.parts.settings, "OOS"), clock=console.clock)
    terminal = outputs.build(pending, Labelled("CANCEL_ORDER"))
    assert terminal.companion is not None
    [published_intent] = await published(console, "customer.intents")
    [published_label] = await published(console, "customer.labels")
    assert published_intent == {"value": terminal.value, "key": b"chat-1", "headers": dict(terminal.headers)}
    assert published_label["value"] == terminal.companion.value
    assert published_label["headers"] == dict(terminal.companion.headers)


async def test_two_people_never_get_the_same_message(console: Console) -> None:
    await console.topics.events("review_topic", *(request(f"text {number}", number) for number in range(20)))
    people = [await console.signed_in(f"person-{number}", "reviewer") for number in range(8)]
    pages = await asyncio.gather(*(begin(browser) for browser in people))
    texts = [re.findall(r">(text \d+)</div>", page)[0] for page in pages]
    assert len(set(texts)) == len(people)


async def test_somebody_elses_message_cannot_be_answered_or_seen(console: Console) -> None:
    await console.topics.events("review_topic", request("secret", 1))
    first, second = await console.signed_in("rita", "reviewer"), await console.signed_in("otto", "reviewer")
    await begin(first)
    assert not shows((await second.get("/review/message/review:customer.messages:0:1")).text, "secret")
    page = await answer(second, 1, label="WISMO")
    assert "Somebody else has this message now." in page
    assert await published(console, "customer.labels") == []


async def test_a_claim_of_another_console_counts_if_it_came_first(console: Console) -> None:
    """Both consoles have claimed it; the order on the topic decides."""
    await console.topics.events("review_topic", request("contested", 1), request("other", 2))
    key = "review:customer.messages:0:1"
    until = int(console.clock() * 1000) + 300_000
    await console.parts.acts.publish(Person("otto", "reviewer", "password"), "claim", key, {"until": until})
    browser = await console.signed_in("rita", "reviewer")
    assert shows(await begin(browser), "other")


async def test_a_message_that_is_left_open_goes_to_somebody_else(console: Console) -> None:
    await console.topics.events("review_topic", request("left", 1))
    first, second = await console.signed_in("rita", "reviewer"), await console.signed_in("otto", "reviewer")
    await begin(first)
    assert "Nothing waits for you" in await begin(second)
    console.clock.seconds += 301
    assert shows(await begin(second), "left")
    assert "Somebody else has this message now." in await answer(first, 1, label="WISMO")


async def test_what_is_skipped_goes_to_others_and_back_only_on_request(console: Console) -> None:
    await console.topics.events("review_topic", request("hard", 1))
    first, second = await console.signed_in("rita", "reviewer"), await console.signed_in("otto", "reviewer")
    await begin(first)
    await first.post("/review/message/review:customer.messages:0:1/skip")
    console.clock.seconds += 60
    assert "Nothing waits for you" in await begin(first)
    assert shows(await begin(second), "hard")
    await second.post("/review/message/review:customer.messages:0:1/skip")
    console.clock.seconds += 60
    assert shows(await begin(first, skipped="1"), "hard")


async def test_an_answer_that_is_taken_back_is_corrected_by_the_next_one(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    browser = await console.signed_in("rita", "reviewer")
    await begin(browser)
    await answer(browser, 1, label="WISMO")
    console.clock.seconds += 5
    page = (await browser.post("/review/undo", key="review:customer.messages:0:1")).text
    assert shows(page, "hm")
    console.clock.seconds += 5
    await answer(browser, 1, label="CANCEL_ORDER")
    intents = [IntentEvent.read(one["value"]) for one in await published(console, "customer.intents")]
    assert [(one.intent, one.corrects) for one in intents] == [("WISMO", None), ("CANCEL_ORDER", "WISMO")]
    for topic in ("customer.intents", "customer.labels"):
        ids = [one["headers"]["ce_id"] for one in await published(console, topic)]
        assert len(set(ids)) == 2, "readers drop events whose id they have seen"
    assert [LabelEvent.read(one["value"]).label for one in await published(console, "customer.labels")] == [
        "WISMO",
        "CANCEL_ORDER",
    ]


async def test_only_who_answered_can_take_it_back(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    first, second = await console.signed_in("rita", "reviewer"), await console.signed_in("otto", "reviewer")
    await begin(first)
    await answer(first, 1, label="WISMO")
    page = (await second.post("/review/undo", key="review:customer.messages:0:1")).text
    assert "cannot be taken back" in page
    assert "undo" not in await acts(console)


async def test_an_audit_looks_like_any_message_until_it_is_answered(console: Console) -> None:
    await console.topics.events("review_topic", audit("where is it", 1))
    browser = await console.signed_in("rita", "reviewer")
    page = await begin(browser)
    assert shows(page, "where is it")
    below = page.split("<main", 1)[1]
    assert "audit" not in below.replace("/review/message/audit", "").lower().replace("audit:customer", "")
    assert "likely" not in below, "the model's opinion would influence the person"
    page = await answer(browser, 1, "audit", label="CANCEL_ORDER")
    assert "This was an audit, and the model said WISMO (0.93)." in page
    [made] = [LabelEvent.read(one["value"]) for one in await published(console, "customer.labels")]
    assert made.audited is not None
    assert (made.audited.agreed, made.audited.accepted) == (False, True)
    page = (await browser.post("/review/undo", key="audit:customer.messages:0:1")).text
    assert "cannot be taken back" in page


async def test_half_of_the_other_messages_are_blind_too(console: Console) -> None:
    await console.topics.events("review_topic", *(request("hm", number) for number in range(200)))
    keys = [f"review:customer.messages:0:{number}" for number in range(200)]
    items = [await console.parts.database.read(lambda state, key=key: queries.item(state, key)) for key in keys]  # type: ignore[misc]
    blind = sum(one is not None and one.blind for one in items)
    assert 60 < blind < 140


async def test_personal_data_is_hidden_until_somebody_asks_and_that_is_recorded(console: Console) -> None:
    text = "write to anna.smith@example.com please"
    await console.topics.events("review_topic", request(text, 1))
    browser = await console.signed_in("rita", "reviewer")
    page = await begin(browser)
    assert "anna.smith@example.com" not in page
    assert "[EMAIL_1]" in page
    page = (await browser.post("/review/message/review:customer.messages:0:1/reveal")).text
    assert "anna.smith@example.com" in page
    assert (await acts(console))[-1] == "reveal"


HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '"><img src=x onerror=alert(1)>',
    "template": "{{ 7 * 7 }} {% raw %}",
    "right to left": "pay \u202e000,1\u202c now \u2066x\u2069",
    "terminal": "\x1b[2J\x1b]0;owned\x07",
    "zero": "a\u0000b",
    "long word": "w" * 60_000,
    "lone surrogate": "\ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_texts_are_shown_as_text(console: Console, name: str) -> None:
    text = HOSTILE[name].encode("utf-8", "replace").decode()
    fields = orjson.loads(request("x", 1).write()) | {"text": text, "channel": text[:100]}
    topic = "customer.intents.review"
    await console.topics.put(topic, [console.topics.read(topic, orjson.dumps(fields), [], NOW, b"k")])
    browser = await console.signed_in("rita", "reviewer")
    page = await begin(browser)
    assert "What does this customer want?" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert not set("\u202e\u2066\x1b\x07\x00") & set(page)
    if name == "template":
        assert "{{ 7 * 7 }}" in page


async def test_the_conversation_before_the_message_is_shown(console: Console) -> None:
    await console.topics.events("output_topic", intent(1, text="hello there"))
    await console.topics.events("review_topic", request("still nothing", 2))
    await console.topics.events("output_topic", intent(3, text="later"))
    page = await begin(await console.signed_in("rita", "reviewer"))
    assert shows(page, "hello there")
    assert not shows(page, "later")


async def test_similar_decided_messages_are_shown(console: Console) -> None:
    await console.topics.events("labels_topic", label(8, "CANCEL_ORDER", text="please cancel my subscription"))
    await console.topics.events("review_topic", request("cancel that subscription", 1))
    page = await begin(await console.signed_in("rita", "reviewer"))
    assert "please cancel my subscription" in page


async def test_an_answer_at_a_terminal_closes_the_message_here(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    await console.topics.events("labels_topic", label(1))
    assert "Nothing waits for you" in await begin(await console.signed_in("rita", "reviewer"))


async def test_answers_can_be_read_before_their_requests(console: Console) -> None:
    """Topics are read in any order when the state is made anew."""
    await console.topics.events("labels_topic", label(1))
    await console.topics.events("review_topic", request("hm", 1))
    assert "Nothing waits for you" in await begin(await console.signed_in("rita", "reviewer"))


@pytest.mark.parametrize("second_share", [1.0])
async def test_a_second_reader_is_asked_and_a_lead_settles(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    first, second = await console.signed_in("rita", "reviewer"), await console.signed_in("otto", "reviewer")
    await begin(first)
    await answer(first, 1, label="WISMO")
    assert "Nothing waits for you" in await begin(first), "never the same person"
    console.clock.seconds += 60
    assert shows(await begin(second), "hm")
    page = await answer(second, 1, label="CANCEL_ORDER")
    assert "the first said WISMO" in page
    assert len(await published(console, "customer.labels")) == 1, "the first answer counts until a lead settles"
    lead = await console.signed_in("lena", "lead")
    page = (await lead.get("/review")).text
    assert "0 %" in page
    console.clock.seconds += 5
    await lead.post("/review/settle", key="review:customer.messages:0:1", label="CANCEL_ORDER")
    [_, settled] = [LabelEvent.read(one["value"]) for one in await published(console, "customer.labels")]
    assert settled.label == "CANCEL_ORDER"
    [_, correction] = [IntentEvent.read(one["value"]) for one in await published(console, "customer.intents")]
    assert correction.corrects == "WISMO"
    assert (await second.post("/review/settle", key="x", label="y")).status_code == 403


async def test_while_no_broker_answers_nothing_is_said_to_be_done(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    browser = await console.signed_in("rita", "reviewer")
    await begin(browser)
    console.topics.away = True
    answered = await browser.post("/review/message/review:customer.messages:0:1/answer", label="WISMO")
    assert answered.status_code == 503
    assert "could not be saved" in answered.text
    assert (await browser.get("/now")).status_code == 200, "pages show what was known before"
    console.topics.away = False
    await answer(browser, 1, label="WISMO")
    assert len(await published(console, "customer.labels")) == 1


async def test_no_label_is_taken_that_the_bundle_does_not_have(console: Console) -> None:
    await console.topics.events("review_topic", request("hm", 1))
    browser = await console.signed_in("rita", "reviewer")
    await begin(browser)
    assert "no intent of the bundle" in await answer(browser, 1, label="MADE_UP")
    assert await published(console, "customer.labels") == []
    assert "MADE_UP" not in LABELS
