"""The pages Try it and Trust in a real browser: without the script, by keyboard, with hostile texts, and for axe."""

from typing import Any

import pytest

from tests.browser.conftest import ServedConsole, axe_findings, chromium, sign_in
from tests.browser.sample import fill
from tests.browser.test_console import HOSTILE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]


async def try_text(page: Any, console: ServedConsole, text: str) -> None:
    await page.goto(f"{console.url}/try")
    await page.get_by_label("A customer's message").fill(text)
    await page.get_by_role("button", name="Classify").click()
    await page.locator("#why").wait_for()


async def test_a_text_is_tried_and_hostile_ones_stay_texts(console: ServedConsole, opened: Any) -> None:
    page = await opened.new_page(viewport={"width": 390, "height": 844})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await sign_in(page, console, "rea")
    await try_text(page, console, "where is my parcel")
    assert await page.locator("section:has(#decision) .figure").inner_text() == "Accepted"
    marked = page.locator("mark.strong").first
    assert await marked.evaluate("one => getComputedStyle(one).fontWeight") == "700", "without colour, too"
    for text in HOSTILE:
        await try_text(page, console, text[:5_000])
        assert await page.title() == "Try it · Triage"
        assert not set("\u202e\x1b") & set(await page.locator("section:has(#why)").inner_text())
        wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, "a long word does not make the page wider than the phone"
    assert problems == []


async def test_the_handle_moves_by_the_keyboard(console: ServedConsole, opened: Any) -> None:
    await fill(console.topics, minutes=5)
    page = await opened.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    await sign_in(page, console)
    await page.goto(f"{console.url}/trust")
    handle, says = page.get_by_label("Threshold on the confidence"), page.locator("#handle-says")
    assert (await says.inner_text()).startswith("At a threshold of 80.0 % you automate")
    before = await page.locator("#handle-dot").get_attribute("cx")
    await handle.focus()
    await page.keyboard.press("ArrowRight")
    assert (await says.inner_text()).startswith("At a threshold of 80.5 % you automate")
    assert await handle.get_attribute("aria-valuetext") == await says.inner_text()
    await page.keyboard.press("Home")
    assert (await says.inner_text()).startswith("At a threshold of 50.0 % you automate")
    assert await page.locator("#handle-dot").get_attribute("cx") != before
    assert not await page.get_by_role("button", name="Show").is_visible()
    assert problems == []


async def test_the_handle_works_without_the_script(console: ServedConsole, opened: Any) -> None:
    await fill(console.topics, minutes=5)
    context = await opened.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, console)
    await page.goto(f"{console.url}/trust")
    await page.get_by_label("Threshold on the confidence").focus()
    await page.keyboard.press("End")
    await page.get_by_role("button", name="Show").click()
    await page.get_by_text("At a threshold of 99.5 % you automate").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(console: ServedConsole, opened: Any, scheme: str) -> None:
    await fill(console.topics, minutes=5)
    context = await opened.new_context(color_scheme=scheme)
    page = await context.new_page()
    found: list[str] = []

    async def look(where: str) -> None:
        found.extend(await axe_findings(page, where))

    await sign_in(page, console)
    await page.goto(f"{console.url}/try")
    await look("empty")
    await try_text(page, console, "The lamp came broken. How do I send it back, order 48213?")
    await look("tried")
    await page.goto(f"{console.url}/trust")
    await look("trust")
    assert found == []
