"""The pages Now, Tickets and Acts."""

import asyncio
from datetime import timedelta

import pytest
from triage_worker.console.shared.live import latency, llm, worker_account
from triage_worker.console.shared.scraping import Look, ServiceMetrics, addresses, parse
from triage_worker.console.shared.templates_environment import shown, span

from tests.worker.console.conftest import Console
from tests.worker.console.filling import NOW, audit, intent, request, surge, ticket
from tests.worker.fallback.events import event

WORKER = """
# TYPE triage_model_info gauge
triage_model_info{name="ecommerce",version="1",device="cpu",serves="*"} 1.0
# TYPE triage_messages_read counter
triage_messages_read_total 100.0
# TYPE triage_messages_answered counter
triage_messages_answered_total{outcome="accepted",label="WISMO"} 80.0
triage_messages_answered_total{outcome="fallback",label="low_confidence"} 15.0
triage_messages_answered_total{outcome="dead_letter",label="not_json"} 2.0
# TYPE triage_in_flight_messages gauge
triage_in_flight_messages 3.0
# TYPE triage_ready gauge
triage_ready 1.0
# TYPE triage_lag_messages gauge
triage_lag_messages{topic="customer.messages",partition="0"} 7.0
# TYPE triage_lag_seconds gauge
triage_lag_seconds{topic="customer.messages",partition="0"} 90.0
# TYPE triage_latency_seconds histogram
triage_latency_seconds_bucket{le="0.01"} 50.0
triage_latency_seconds_bucket{le="0.1"} 100.0
triage_latency_seconds_bucket{le="+Inf"} 100.0
triage_latency_seconds_count 100.0
triage_latency_seconds_sum 3.0
"""
FALLBACK = """
# TYPE triage_model_info gauge
triage_model_info{name="llm",version="1",device="",serves="*"} 1.0
# TYPE triage_messages_read counter
triage_messages_read_total 10.0
# TYPE triage_llm_calls counter
triage_llm_calls_total{result="answered"} 9.0
triage_llm_calls_total{result="unavailable"} 1.0
# TYPE triage_llm_money counter
triage_llm_money_total 0.5
# TYPE triage_llm_breaker gauge
triage_llm_breaker{state="open"} 1.0
"""


def look(*texts: str, at: float = 0.0) -> Look:
    return Look(at, [ServiceMetrics(f"http://service-{number}", parse(text)) for number, text in enumerate(texts)])


def test_the_conservation_law_is_read_from_the_workers_metrics() -> None:
    account = worker_account(look(WORKER, FALLBACK))
    assert account is not None
    assert (account.read, account.in_flight, account.difference) == (100, 3, 0)
    assert account.outcomes == {"accepted": 80, "fallback": 15, "dead_letter": 2}
    assert worker_account(look(FALLBACK)) is None


def test_latencies_are_those_of_the_last_minutes() -> None:
    assert latency([look(WORKER)], 0.5) == pytest.approx(0.01)
    assert latency([look(WORKER)], 0.75) == pytest.approx(0.055)
    later = WORKER.replace('le="0.1"} 100', 'le="0.1"} 300').replace('le="+Inf"} 100', 'le="+Inf"} 300')
    assert latency([look(WORKER), look(later)], 0.5) == pytest.approx(0.055)
    assert latency([look(WORKER), look(WORKER)], 0.5) is None
    assert latency([], 0.5) is None


def test_the_llms_money_an_hour() -> None:
    cost = llm([look(FALLBACK, at=0), look(FALLBACK.replace("0.5", "0.6"), at=360)])
    assert cost is not None
    assert cost.money_per_hour == pytest.approx(1.0)
    assert (cost.calls, cost.failed, cost.breaker_open) == (10, 1, True)


async def test_each_address_of_a_name_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*_: object, **__: object) -> list[object]:
        return [(0, 0, 0, "", (host, 8080)) for host in ("10.0.0.2", "10.0.0.1", "10.0.0.1")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    assert await addresses("http://triage-metrics:8080/metrics") == [
        ("http://triage-metrics:8080/metrics (10.0.0.1)", "http://10.0.0.1:8080/metrics"),
        ("http://triage-metrics:8080/metrics (10.0.0.2)", "http://10.0.0.2:8080/metrics"),
    ]
    assert await addresses("https://x/metrics") == [("https://x/metrics", "https://x/metrics")]


async def test_now_shows_the_sum_that_holds(console: Console) -> None:
    await console.topics.events("output_topic", *(intent(offset) for offset in range(5)))
    await console.topics.events("fallback_topic", event("hm", 5))
    await console.topics.dead_letter(6)
    await console.topics.events("review_topic", request("hm", 5), audit("hm", 4))
    page = (await (await console.signed_in()).get("/now")).text
    summed = page.split('id="account"', 1)[1].split("</section>", 1)[0]
    for part in ("7</span> answered", "<b>5</b> accepted", "<b>1</b> refused", "<b>1</b> dead letter<"):
        assert part in summed
    assert "Nothing is wrong that the console knows of." in page
    assert '<rect class="accepted"' in page


async def test_now_says_what_is_wrong_and_what_to_do(console: Console) -> None:
    console.parts.scraper.urls = ("http://service-0",)
    lost = WORKER.replace("read_total 100", "read_total 150")
    console.parts.scraper.looks.extend([look(lost, FALLBACK)] * 3)
    await console.topics.events("alerts_topic", surge())
    page = (await (await console.signed_in()).get("/now/live")).text
    for sentence in (
        "50 messages are read and not accounted for.",
        "7 messages wait on customer.messages, the oldest for 90 s.",
        "The LLM is not asked: too many calls failed.",
        "WISMO is asked for 50 times, and 4 times is usual.",
        "Runbook: TriageUnaccounted.",
    ):
        assert sentence in page
    assert "<html" not in page, "a fragment"


async def test_one_click_on_now_leads_to_a_message(console: Console) -> None:
    reviewer = await console.signed_in("rita", "reviewer")
    assert "/review/next" not in (await reviewer.get("/now")).text, "nothing waits"
    await console.topics.events("review_topic", request("it never came", 5))
    assert 'action="/review/next"' in (await reviewer.get("/now/live")).text
    assert "it never came" in (await reviewer.post("/review/next")).text
    assert "/review/next" not in (await (await console.signed_in("rea", "reader")).get("/now")).text


async def test_now_says_when_its_numbers_are_old(console: Console) -> None:
    console.parts.people.down = "no broker answers"
    page = (await (await console.signed_in()).get("/now")).text
    assert "These pages show what was known before: no broker answers." in page


async def test_tickets_by_queue_with_the_time_that_is_left(console: Console) -> None:
    late = ticket("T-2", queue="claims", due_at=NOW - timedelta(minutes=10))
    await console.topics.events("tickets_topic", ticket("T-1"), late, ticket("T-3", status="closed"))
    browser = await console.signed_in("rea", "reader")
    page = (await browser.get("/tickets")).text
    assert page.index("T-2") < page.index("T-1"), "the most urgent first"
    assert "late by 10 min" in page
    assert "1 h left" in page
    assert "T-3" not in page
    assert "T-1" not in (await browser.get("/tickets?queue=claims")).text
    assert "T-3" in (await browser.get("/tickets?status=closed")).text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("parcel", True),
        ("PARCEL wismo", True),
        ("u-1", True),
        ("refund", False),
        ("%", False),
        ("_", False),
        ("'", False),
    ],
)
async def test_tickets_are_searched(console: Console, words: str, found: bool) -> None:
    await console.topics.events("tickets_topic", ticket("T-1"))
    browser = await console.signed_in()
    page = (await browser.client.get("/tickets", params={"words": words})).text
    assert (">T-1</a>" in page) is found


async def test_a_ticket_says_why_it_is_there(console: Console) -> None:
    await console.topics.events("fallback_topic", event("it is late", 1))
    await console.topics.events("output_topic", intent(1, decided_by="llm", intent="DELIVERY_STATUS", confidence=0.7))
    await console.topics.events("output_topic", intent(2, intent="DAMAGED_ITEM", text="now it is broken"))
    await console.topics.events("tickets_topic", ticket("T/1"))
    page = (await (await console.signed_in()).get("/tickets/T%2F1")).text
    for part in ("it is late", "now it is broken", "The LLM decided DELIVERY_STATUS", "probability 70.0 %", "Rule"):
        assert part in page
    assert "was not sure (low confidence)" in page
    assert (await (await console.signed_in()).get("/tickets/none")).status_code == 404


async def test_acts_are_listed(console: Console) -> None:
    browser = await console.signed_in("lena", "lead")
    await console.topics.events("review_topic", request("hm", 1))
    await browser.post("/review/next")
    page = (await browser.get("/acts?who=lena")).text
    assert "claim" in page
    assert "review:customer.messages:0:1" in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain\nand tab\t", "plain\nand tab\t"),
        ("\u202eabc", "⟦U+202E⟧abc"),
        ("\x1b[0m", "⟦U+001B⟧[0m"),
        ("👩‍💻", "👩‍💻"),
        ("مرحبا", "مرحبا"),
        (None, ""),
    ],
)
def test_invisible_characters_are_named(text: str | None, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.004, "4 ms"),
        (0.9999, "1.0 s"),
        (59.4, "59 s"),
        (300, "5 min"),
        (7_500, "2 h 5 min"),
        (86_400 * 3, "3 days"),
    ],
)
def test_durations(seconds: float, expected: str) -> None:
    assert span(seconds) == expected
