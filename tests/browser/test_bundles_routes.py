"""The pages Bundles and Routes in a real browser: promotions, rules, two leads at once, phones, axe."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from triage_models.bundle.store import BundleStore

from tests.browser.conftest import ServedConsole, axe_findings, chromium, served, sign_in
from tests.browser.sample import fill
from tests.browser.shop import BETTER, SERVED, WORSE, shop_settings, trial

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]

RULES = "The rules, in YAML"
HOSTILE = '  - {name: "</textarea><script>document.title = \'owned\'</script>\\u202e", then: {queue: "<img src=x>"}}\n'


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[ServedConsole]:
    async with served(tmp_path, **shop_settings(tmp_path)) as one:
        yield one


def store(console: ServedConsole) -> BundleStore:
    return BundleStore(console.parts.settings.bundle.only)


def serving(console: ServedConsole) -> str:
    current = store(console).current()
    assert current is not None
    return current.name


def rules(console: ServedConsole) -> str:
    path = console.parts.settings.routes
    assert path is not None
    return path.read_text(encoding="utf-8")


def watched(page: Any) -> list[str]:
    """What the browser complains about, such as what the policy refuses."""
    problems: list[str] = []
    # A refusal is answered with a status that the browser reports as well.
    page.on(
        "console",
        lambda message: (
            problems.append(message.text) if message.type == "error" and "status of 4" not in message.text else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    return problems


async def begin_promotion(page: Any, console: ServedConsole, version: str) -> None:
    await page.goto(f"{console.url}/bundles")
    await page.get_by_role("link", name=f"Promote {version}").click()
    await page.get_by_label("Why?").fill("fewer errors")


async def promote(page: Any, version: str) -> None:
    await page.get_by_role("button", name=f"Promote {version} now").click()


async def test_a_promotion_and_the_way_back(shop: ServedConsole, opened: Any) -> None:
    page = await opened.new_page()
    problems = watched(page)
    await sign_in(page, shop)
    await begin_promotion(page, shop, BETTER)
    await promote(page, BETTER)
    await page.get_by_text(f"{BETTER} serves now. Workers").wait_for()
    assert serving(shop) == BETTER
    await page.get_by_role("link", name=f"Roll back to {SERVED[1]}").click()
    button = page.get_by_role("button", name=f"Roll back to {SERVED[1]} now")
    await button.click()
    assert serving(shop) == BETTER, "the browser asks for the reason first"
    await page.get_by_label("Why?").fill("refunds go wrong")
    await button.click()
    await page.get_by_text(f"{SERVED[1]} serves now. Workers").wait_for()
    assert serving(shop) == SERVED[1]
    assert [entry.why for entry in store(shop).history()][-2:] == [
        "fewer errors (anna, console)",
        "refunds go wrong (anna, console)",
    ]
    assert problems == []


async def test_what_is_not_better_needs_a_tick(shop: ServedConsole, opened: Any) -> None:
    page = await opened.new_page()
    await sign_in(page, shop)
    await begin_promotion(page, shop, WORSE)
    await page.get_by_text("WISMO lost 3.1 points on the test set").first.wait_for()
    await promote(page, WORSE)
    assert serving(shop) == SERVED[1]
    await page.get_by_label("I have read what stands against it").check()
    await promote(page, WORSE)
    await page.get_by_text(f"{WORSE} serves now. Workers").wait_for()


async def test_of_two_leads_at_once_the_second_is_told(shop: ServedConsole, opened: Any) -> None:
    pages = []
    for version in (BETTER, WORSE):
        page = await (await opened.new_context()).new_page()
        await sign_in(page, shop)
        await begin_promotion(page, shop, version)
        pages.append(page)
    await pages[1].get_by_label("I have read what stands against it").check()
    await promote(pages[0], BETTER)
    await pages[0].get_by_text(f"{BETTER} serves now. Workers").wait_for()
    await promote(pages[1], WORSE)
    told = pages[1].get_by_role("alert")
    await told.wait_for()
    assert f"{BETTER} serves since" in await told.inner_text()
    assert await pages[1].get_by_label("Why?").input_value() == "fewer errors"
    assert serving(shop) == BETTER


async def test_rules_are_tried_and_saved_without_the_script(shop: ServedConsole, opened: Any) -> None:
    await fill(shop.topics, minutes=5)
    page = await (await opened.new_context(java_script_enabled=False)).new_page()
    await sign_in(page, shop)
    await trial(page, shop.url)
    await page.get_by_role("row").filter(has_text="warehouse").wait_for()
    await page.get_by_label("Why?").fill("the warehouse does it now")
    await page.get_by_role("button", name="Save these rules").click()
    await page.get_by_text("Saved. A router that has this file reads it within seconds.").wait_for()
    assert "queue: warehouse" in rules(shop)


async def test_a_mistake_is_shown_and_what_was_typed_stays(shop: ServedConsole, opened: Any) -> None:
    page = await opened.new_page()
    problems = watched(page)
    await sign_in(page, shop)
    await page.goto(f"{shop.url}/routes/edit")
    typed = rules(shop) + HOSTILE + "  - {nam: x}\n"
    await page.get_by_label(RULES).fill(typed)
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("alert").get_by_text("is missing").wait_for()
    assert await page.get_by_label(RULES).input_value() == typed
    await page.get_by_label(RULES).fill(rules(shop) + HOSTILE)
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("heading", name="What would change").wait_for()
    assert "Change the rules" in await page.title()
    await page.get_by_text("Lines that differ").click()
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Download").first.click()
    assert (await downloading.value).suggested_filename == "routes.yaml"
    await page.get_by_label("Why?").fill("hostile")
    await page.get_by_role("button", name="Save these rules").click()
    await page.get_by_text("</textarea><script>document.title = 'owned'</script>⟦U+202E⟧").wait_for()
    assert "Routes" in await page.title()
    assert problems == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_and_phones_are_wide_enough(shop: ServedConsole, opened: Any, scheme: str) -> None:
    await fill(shop.topics, minutes=5)
    page = await (await opened.new_context(color_scheme=scheme, viewport={"width": 390, "height": 844})).new_page()
    problems = watched(page)
    await sign_in(page, shop)
    found: list[str] = []

    async def look(where: str) -> None:
        found.extend(await axe_findings(page, where))
        if await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            found.append(f"{where}: wider than a phone")

    for path in ("/bundles", "/routes", "/routes/edit"):
        await page.goto(shop.url + path)
        await look(path)
    for version in (BETTER, WORSE):
        await begin_promotion(page, shop, version)
        await look(f"promote {version}")
    await trial(page, shop.url)
    await page.get_by_text("Lines that differ").click()
    await look("trial")
    await page.get_by_label(RULES).fill("rules: [1]")
    await page.get_by_role("button", name="Check").click()
    await page.get_by_role("alert").wait_for()
    await look("mistake")
    assert found == []
    assert problems == []
