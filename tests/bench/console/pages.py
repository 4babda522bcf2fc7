"""How long a person waits: the first paint of each page, and an answer until its event."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from triage_worker.kafka.client_compat.metadata import partitions
from triage_worker.kafka.clients import topic_consumer

from tests.bench.console.setting import CODE, Bench

PAINT = """
() => new Promise(done => {
  const found = () => performance.getEntriesByName('first-contentful-paint')[0];
  if (found()) return done(found().startTime);
  new PerformanceObserver(() => found() && done(found().startTime)).observe({type: 'paint', buffered: true});
})
"""
"""Milliseconds from the navigation's start to the first paint with content, as Chromium measures it."""

ANSWERED = """
() => { const [own] = performance.getEntriesByType('navigation'); return own.responseEnd - own.requestStart; }
"""
"""Milliseconds of these until the console has answered."""

ANSWER_S = 30.0


async def signed_in(opened: Any, bench: Bench) -> Any:
    """Open a page in a browser of its own, signed in."""
    page = await (await opened.new_context(viewport={"width": 1280, "height": 900})).new_page()
    await page.goto(f"{bench.url}/sign-in?code={CODE}")
    return page


async def addresses(page: Any) -> list[str]:
    """Return the pages of the navigation, a ticket, and a message of the review."""
    found: list[str] = await page.eval_on_selector_all("nav a[href^='/']", "links => links.map(one => one.pathname)")
    return list(dict.fromkeys([*found, "/tickets/T-chat-1", "/review/message"]))


async def paints_ms(page: Any, bench: Bench, path: str, times: int) -> list[tuple[float, float]]:
    """Load a page several times; returns the time of each first paint, and of the console's answer."""
    if path == "/review/message":
        await begin(page, bench)
        path = await page.evaluate("location.pathname")
    measured = []
    for _ in range(times):
        await page.goto(bench.url + path)
        measured.append((float(await page.evaluate(PAINT)), float(await page.evaluate(ANSWERED))))
    return measured


async def begin(page: Any, bench: Bench) -> None:
    """Open the next message of the review."""
    await page.goto(f"{bench.url}/review")
    async with page.expect_navigation(url="**/review/message/**"):
        await page.get_by_role("button", name="Next message").click()


async def answers_ms(page: Any, bench: Bench, times: int) -> tuple[list[float], list[float]]:
    """Answer messages by a key.

    Returns:
        Milliseconds from each key to its event on the topic of intents, and to the next message in the browser.
    """
    consumer = topic_consumer(bench.settings, fetch_max_wait_ms=500)
    await consumer.start()
    try:
        places = await partitions(consumer, bench.settings.output_topic)
        consumer.assign(places)
        await consumer.seek_to_end(*places)
        for place in places:
            await consumer.position(place)
        await begin(page, bench)
        events, pages = [], []
        for _ in range(times):
            before = await page.evaluate("location.pathname")
            arriving = asyncio.create_task(_next_by_a_person(consumer))
            await asyncio.sleep(0.05)
            pressed = time.perf_counter()
            await page.keyboard.press("1")
            async with asyncio.timeout(ANSWER_S):
                events.append(1_000 * (await arriving - pressed))
                await page.wait_for_function("before => location.pathname !== before", arg=before)
            pages.append(1_000 * (time.perf_counter() - pressed))
        return events, pages
    finally:
        await consumer.stop()


async def _next_by_a_person(consumer: AIOKafkaConsumer) -> float:
    """Return when the next intent that a person decided arrived."""
    async for record in consumer:
        if b'"decided_by":"human"' in (record.value or b""):
            return time.perf_counter()
    raise AssertionError("the consumer has ended")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
