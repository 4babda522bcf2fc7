"""The console as a process, in a real browser, on a real Kafka that goes away and comes back."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from triage_worker.config.settings import Settings
from triage_worker.demo.embedded_broker import free_port

from tests.browser.conftest import browser, chromium
from tests.kafka import admin
from tests.kafka.fault_environment import running_cluster
from tests.kafka.harness import KafkaHarness, environment
from tests.kafka.processes import eventually
from tests.kafka.test_console import TOPICS, answers
from tests.records import headers_of, json_of
from tests.worker.console.filling import request

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]

CODE = "let-me-in"
PATIENT_MS = 60_000


@asynccontextmanager
async def console(bootstrap: str, folder: Path) -> AsyncIterator[str]:
    """Run a console; yields its address."""
    url = f"http://127.0.0.1:{free_port()}"
    variables = environment(
        bootstrap_servers=bootstrap, http_host="127.0.0.1", http_port=url.rpartition(":")[2], console_code=CODE
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "triage_worker", "console", env=variables, cwd=folder
    )
    try:
        await eventually(lambda: asyncio.to_thread(answers, f"{url}/readyz"), 60)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def says(page: Any, address: str, text: str) -> None:
    """Load a page until it has a text."""

    async def has() -> bool:
        await page.goto(address)
        return text in await page.locator("body").inner_text()

    await eventually(has, 60)


async def answered(page: Any, key: str) -> None:
    """Answer the message that is shown, and wait for the next page."""
    async with page.expect_navigation(timeout=PATIENT_MS):
        await page.keyboard.press(key)


@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=pytest.mark.torture)])
async def test_a_broker_that_is_away_is_said_and_no_answer_is_lost_or_shown_as_done(
    kafka_installed: None, tmp_path: Path, seconds: int
) -> None:
    settings = Settings()
    with running_cluster(tmp_path / "kafka", 1, {}) as (node,), KafkaHarness(node.bootstrap, tmp_path) as harness:
        await admin.create_topics(node.bootstrap, [getattr(settings, f"{name}_topic") for name in TOPICS])
        sent = [request(f"message {number}", number) for number in range(3)]
        await harness.send(settings.review_topic, [(b"c-1", one.write(), [("ce_type", b"x")]) for one in sent])
        async with console(node.bootstrap, tmp_path) as url, browser() as opened:
            page = await opened.new_page()
            await page.goto(f"{url}/sign-in?code={CODE}")
            await says(page, f"{url}/review", "3 messages wait")
            await page.get_by_role("button", name="Next message").click()
            await page.locator(".message:text-is('message 0')").wait_for()
            await answered(page, "1")
            assert await page.locator(".message").inner_text() == "message 1"
            own = page.url

            node.stop()
            away = asyncio.create_task(asyncio.sleep(seconds))
            await answered(page, "2")
            assert "This could not be saved" in await page.locator("body").inner_text()
            await says(page, f"{url}/now", "These pages show what was known before")
            await says(page, f"{url}/review", "2 messages wait")
            await away
            node.start()
            await asyncio.to_thread(node.wait)

            await says_nothing_is_old(page, url)
            await page.goto(own)
            assert await page.locator(".message").inner_text() == "message 1", "it was not sent later after all"
            await answered(page, "4")
            assert await page.locator(".message").inner_text() == "message 2"
            await answered(page, "3")
            await says(page, f"{url}/review", "0 messages wait")
        labels = {headers_of(one)["ce_id"]: json_of(one) for one in await harness.read(settings.labels_topic)}
    assert sorted((one["source"]["offset"], one["label"]) for one in labels.values()) == [
        (0, "WISMO"),
        (1, "OTHER"),
        (2, "CANCEL_ORDER"),
    ]


async def says_nothing_is_old(page: Any, url: str) -> None:
    """Wait until the pages are up to date."""

    async def is_up_to_date() -> bool:
        await page.goto(f"{url}/now")
        return "what was known before" not in await page.locator("body").inner_text()

    await eventually(is_up_to_date, 60)
