"""A state as a shop's evening looks like, for tests in a browser and for the pictures in the documentation."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_schemas.events import LabelEvent, ModelRef, SourceRef

from tests.worker.console.filling import Topics, audit, intent, label, request, surge, ticket
from tests.worker.fallback.events import event

TEXTS = (
    "I ordered twice by mistake and only want one of them, can you sort it",
    "hi, the blue one came instead of the green one?? order 48213",
    "is it normal that the seam opens after two weeks",
    "please call me on +44 20 7946 0958 about the refund, or write to jo.miller@example.com",
    "the link in your mail goes nowhere",
    "can i still change the size",
)
WRONG = (
    "it says delivered but nothing is here, cancel it then",
    "Do I get a label, or who pays for sending this back? My number is +44 20 7946 0958",
    "the app logs me out when I look for my order",
    "is the refund the same card? it was charged twice",
)
DESCRIPTIONS = {
    "WISMO": "where is my order",
    "RETURN_REQUEST": "send it back, money back",
    "CANCEL_ORDER": "stop an order",
    "EXCHANGE": "another size or colour",
    "DAMAGED_ITEM": "broken or wrong on arrival",
    "BILLING_DISPUTE": "charged twice or too much",
    "ACCOUNT_ISSUE": "cannot log in",
    "PRODUCT_QUESTION": "what it is, whether it fits",
    "OTHER": "a real wish that belongs to none of the others",
}
INTENTS = list(DESCRIPTIONS)
BUNDLE = Bundle.open(DEFAULT_BUNDLE, verify=False)
SHIPPED = ModelRef(name=BUNDLE.name, version=BUNDLE.version)
QUEUES = ("delivery", "returns", "billing", "claims")


async def fill(topics: Topics, *, minutes: int = 60, queue: int = 12) -> None:
    """Fill a state with an hour of messages, a queue for the review, an audit and tickets."""
    chance = random.Random(7)
    now = datetime.now(UTC)
    offset = 0
    for minute in range(minutes, -1, -1):
        at = now - timedelta(minutes=minute, seconds=1)
        count = round(40 + 25 * chance.random() + (60 if 12 < minute < 20 else 0))
        accepted = [
            intent(offset + number, intent=chance.choice(INTENTS), confidence=0.8 + 0.19 * chance.random(),
                   conversation_id=f"c-{offset + number}", classified_at=at, model=SHIPPED)
            for number in range(count)
        ]  # fmt: skip
        offset += count
        refused = [
            event("hm", offset + number, conversation_id=f"c-{offset + number}", model=SHIPPED)
            for number in range(count // 8)
        ]
        offset += len(refused)
        await topics.events("output_topic", *accepted, at=at)
        await topics.events("fallback_topic", *refused, at=at)
        llm = [intent(one.source.offset, decided_by="llm", intent="EXCHANGE") for one in refused[: len(refused) // 2]]
        await topics.events("output_topic", *llm, at=at)
    await topics.dead_letter(offset)
    await _review(topics, now, queue)
    await _answers(topics, now)
    await _tickets(topics, now, chance)
    await _days_before(topics, now)
    await topics.events("alerts_topic", surge(window_start=now - timedelta(minutes=15), window_end=now))


async def _review(topics: Topics, now: datetime, queue: int) -> None:
    waiting = [
        request(
            TEXTS[number % len(TEXTS)],
            100_000 + number,
            conversation_id=f"review-{number}",
            labels=DESCRIPTIONS,
            scores={"EXCHANGE": 0.41, "RETURN_REQUEST": 0.33, "WISMO": 0.12},
        )
        for number in range(queue)
    ]
    await topics.events("review_topic", *waiting, at=now - timedelta(minutes=25))
    asked = [audit(f"where is my parcel {number}", 200_000 + number, labels=DESCRIPTIONS) for number in range(3)]
    await topics.events("review_topic", *asked, at=now - timedelta(minutes=5))
    first = SourceRef(topic="customer.messages", partition=1, offset=0)
    before = intent(
        0,
        source=first,
        model=SHIPPED,
        conversation_id="review-0",
        text="hello, I need help with an order",
        intent="OTHER",
        classified_at=now,
    )
    await topics.events("output_topic", before, at=now - timedelta(minutes=31))


async def _answers(topics: Topics, now: datetime) -> None:
    answers = [
        _checked(label(300_000 + number, said, audited=said == "WISMO", labelled_at=now), {})
        for number in range(400)
        for said in ("WISMO" if number % 33 else "CANCEL_ORDER",)
    ]
    await topics.events("labels_topic", *answers, at=now)
    similar = (
        ("I want to swap it for a green one", "EXCHANGE"),
        ("only want one of the two I ordered", "CANCEL_ORDER"),
    )
    texts = [
        label(
            400_000 + number,
            chosen,
            text=text,
            labelled_at=now,
            source=SourceRef(topic="x", partition=0, offset=number),
        )
        for number, (text, chosen) in enumerate(similar)
    ]
    await topics.events("labels_topic", *texts, at=now)


async def _days_before(topics: Topics, now: datetime) -> None:
    """Add two days with messages of all confidences, some of which people have answered, for the page Trust."""
    chance, at, first = random.Random(11), now - timedelta(days=2), 600_000
    accepted, refused, asked, answers = [], [], [], []
    for number in range(1_600):
        offset, intended = first + number, chance.choice(INTENTS)
        sure = 0.4 + 0.6 * chance.betavariate(3.2, 1)
        more: dict[str, Any] = {
            "intent": intended,
            "confidence": round(sure, 4),
            "model": SHIPPED,
            "channel": chance.choice(("chat", "chat", "email")),
            "language": chance.choice(("en", "en", "en", "de")),
        }
        right = chance.random() < 0.35 + 0.65 * sure**0.4
        said = intended if right else INTENTS[(INTENTS.index(intended) + 1) % len(INTENTS)]
        text = WRONG[number // 4 % len(WRONG)]
        if sure < 0.8:
            refused.append(event("hm", offset, **more))
            if number % 3 == 0:
                asked.append(request(text, offset, **more))
                answers.append(label(offset, said, text=text, labelled_at=at))
            continue
        accepted.append(intent(offset, **more))
        if number % 4 == 0:
            scores = {intended: sure, "OTHER" if intended != "OTHER" else "WISMO": (1 - sure) / 2}
            asked.append(audit(text, offset, labels=DESCRIPTIONS, scores=scores, **more))
            answers.append(_checked(label(offset, said, audited=right, text=text, labelled_at=at), more))
    await topics.events("output_topic", *accepted, at=at)
    await topics.events("fallback_topic", *refused, at=at)
    await topics.events("review_topic", *asked, at=at)
    await topics.events("labels_topic", *answers, at=at)


def _checked(answer: LabelEvent, decided: dict[str, Any]) -> LabelEvent:
    """Return an audited label about a decision of the shipped bundle."""
    assert answer.audited is not None
    about: dict[str, Any] = {name: decided[name] for name in ("intent", "confidence") if name in decided}
    of_message: dict[str, Any] = {name: decided[name] for name in ("channel", "language") if name in decided}
    audited = answer.audited.model_copy(update={"model": SHIPPED, **about})
    return answer.model_copy(update={**of_message, "audited": audited})


async def _tickets(topics: Topics, now: datetime, chance: random.Random) -> None:
    await topics.events(
        "tickets_topic",
        *(
            ticket(
                f"T-{number:04}",
                conversation_id="review-0" if number == 1 else f"c-{number}",
                customer_id=f"customer-{number}",
                queue=QUEUES[number % 4],
                intent=INTENTS[number % 9],
                intents=[INTENTS[number % 9]],
                priority=("normal", "high", "urgent", "low")[number % 4],
                due_at=now + timedelta(minutes=number * 7 - 20),
                opened_at=now - timedelta(hours=2),
                updated_at=now - timedelta(minutes=chance.randint(1, 90)),
                messages=1 + number % 3,
                fields={"order_number": f"48{number:03}"},
            )
            for number in range(60)
        ),
        at=now,
    )
