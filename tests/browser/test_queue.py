"""The review queue in a real browser: two people who answer at the same time, and a hundred thousand messages."""

import asyncio
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from triage_worker.console.queries.review import overview
from triage_worker.console.state.projection import ReadRecord

from tests.browser.conftest import ServedConsole, chromium, sign_in
from tests.worker.console.filling import request

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]

MANY = 100_000
LARGEST_PAGE = 100_000
MOST_MEMORY = 16 * 1024 * 1024


async def answer_all(console: ServedConsole, opened: Any, name: str, key: str) -> int:
    """Answer messages by one key until nothing waits; returns how many."""
    page = await (await opened.new_context()).new_page()
    await sign_in(page, console, name)
    await page.goto(f"{console.url}/review")
    async with page.expect_navigation():
        await page.get_by_role("button", name="Next message").click()
    answered = 0
    while "/review/message/" in page.url:
        async with page.expect_navigation():
            await page.keyboard.press(key)
        answered += 1
    assert await page.get_by_text("Nothing waits for you at present.").is_visible()
    return answered


async def test_two_people_who_answer_at_the_same_time_answer_each_message_once(
    console: ServedConsole, opened: Any
) -> None:
    await console.topics.events("review_topic", *(request(f"text {number}", number) for number in range(20)))
    counts = await asyncio.gather(answer_all(console, opened, "rita", "1"), answer_all(console, opened, "otto", "2"))
    labels = [orjson.loads(one.value or b"") for one in console.topics.sent if one.topic == "customer.labels"]
    assert Counter(one["source"]["offset"] for one in labels) == dict.fromkeys(range(20), 1)
    by_label = Counter(one["label"] for one in labels)
    assert sorted(by_label.values()) == sorted(count for count in counts if count)


async def test_pages_stay_small_while_a_hundred_thousand_messages_wait(console: ServedConsole, opened: Any) -> None:
    await wait_for_people(console, MANY)
    page = await (await opened.new_context()).new_page()
    await sign_in(page, console)
    tracemalloc.start()
    sizes = {path: len(await shown(page, console.url + path)) for path in ("/now", "/tickets", "/acts", "/review")}
    assert f"{MANY:,} messages wait" in await page.locator("main").inner_text()
    await page.get_by_role("button", name="Next message").click()
    await page.locator(".message:text-is('text 0')").wait_for()
    await page.keyboard.press("1")
    await page.locator(".message:text-is('text 1')").wait_for()
    sizes["message"] = len(await page.content())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert max(sizes.values()) < LARGEST_PAGE, sizes
    assert peak < MOST_MEMORY, "no page has all rows in memory"
    left = await console.parts.database.read(lambda state: overview(state, "anna", 0))
    assert left.waiting == MANY - 1


async def shown(page: Any, url: str) -> str:
    """Load a page; returns its HTML."""
    await page.goto(url)
    return str(await page.content())


async def wait_for_people(console: ServedConsole, count: int) -> None:
    """Put so many messages on the review topic."""
    topic, at = console.parts.settings.review_topic, int(datetime.now(UTC).timestamp() * 1000)
    known = orjson.loads(request("text").write())
    for first in range(0, count, 10_000):
        records = [
            ReadRecord(
                topic,
                0,
                number,
                at - count + number,
                b"c",
                [],
                {**known, "text": f"text {number}", "source": {**known["source"], "offset": number}},
            )
            for number in range(first, min(first + 10_000, count))
        ]
        await console.topics.put(topic, records)
