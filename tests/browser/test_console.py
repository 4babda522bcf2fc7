"""The console in a real browser: keys, two people at once, hostile texts, and what the browser refuses."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import ServedConsole, axe_findings, chromium, sign_in
from tests.browser.sample import fill
from tests.worker.console.filling import audit, intent, label, request, surge, ticket

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium() is None, reason="there is no Chromium: apt-get install chromium"),
]

HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
    "\u202eright to left\u202c \x1b[31mred\x1b[0m",
    "w" * 60_000,
)


async def begin(page: Any) -> None:
    await page.get_by_role("link", name="Review", exact=True).first.click()
    await page.wait_for_url("**/review")
    await page.get_by_role("button", name="Next message").wait_for()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/review/message/**")


async def shows(page: Any, text: str) -> None:
    """Wait for a message."""
    await page.locator(f".message:text-is('{text}')").wait_for()


async def test_one_key_answers_a_message_and_undo_brings_it_back(console: ServedConsole, opened: Any) -> None:
    await console.topics.events("review_topic", request("first message", 1), request("second message", 2))
    page = await opened.new_page()
    await sign_in(page, console, "rita")
    await begin(page)
    assert await page.locator(".message").inner_text() == "first message"
    await page.keyboard.press("3")
    await shows(page, "second message")
    assert "CANCEL_ORDER" in await page.locator(".notice").inner_text()
    await page.keyboard.press("_")
    await shows(page, "first message")
    await page.keyboard.press("0")
    await shows(page, "second message")
    labels = [one for one in console.topics.sent if one.topic == "customer.labels"]
    assert len(labels) == 2


async def test_two_people_at_once_never_see_the_same_message(console: ServedConsole, opened: Any) -> None:
    await console.topics.events("review_topic", *(request(f"text {number}", number) for number in range(6)))
    seen: list[str] = []
    for name in ("rita", "otto"):
        context = await opened.new_context()
        page = await context.new_page()
        await sign_in(page, console, name)
        await begin(page)
        seen.append(await page.locator(".message").inner_text())
    assert len(set(seen)) == 2


async def test_hostile_texts_are_shown_as_text_and_nothing_breaks_the_policy(
    console: ServedConsole, opened: Any
) -> None:
    await console.topics.events("review_topic", *(audit(text, number) for number, text in enumerate(HOSTILE)))
    page = await opened.new_page(viewport={"width": 390, "height": 844})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    await sign_in(page, console, "rita")
    await begin(page)
    for _ in HOSTILE:
        assert await page.title() == "What does this customer want? · Triage"
        wide = await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, "a long word does not make the page wider than the phone"
        shown = await page.locator(".message").inner_text()
        assert not set("\u202e\x1b") & set(shown)
        async with page.expect_navigation():
            await page.keyboard.press("-")
    for path in ("/now", "/tickets", "/review"):
        await page.goto(console.url + path)
    assert problems == []


async def test_hostile_names_and_ids_are_shown_as_text_on_every_page(console: ServedConsole, opened: Any) -> None:
    """Whatever customers and producers write: ids, channels, intents, queues, tags, codes."""
    for number, text in enumerate(HOSTILE):
        known: dict[str, Any] = {"conversation_id": text, "customer_id": text, "channel": text}
        made = intent(number, intent=text, text=text, message_id=text, classified_at=datetime.now(UTC), **known)
        await console.topics.events("output_topic", made, at=datetime.now(UTC))
        await console.topics.dead_letter(100 + number, code=text[:300])
        filed = {"conversation_id": text, "customer_id": text, "queue": text, "intent": text, "intents": [text]}
        await console.topics.events("tickets_topic", ticket(text, tags=[text], fields={"order": text}, **filed))
        await console.topics.events("alerts_topic", surge(alert_id=str(number), intent=text))
        await console.topics.events("labels_topic", label(200 + number, text, audited=False, text=text))
    page = await opened.new_page(viewport={"width": 390, "height": 844})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    await sign_in(page, console)
    tickets = [f"/tickets/{quote(text, safe='')}" for text in HOSTILE[:2]]  # the third is longer than an address
    search = f"/tickets?words={quote(HOSTILE[0], safe='')}"
    for path in ("/now", "/tickets", search, *tickets, "/acts", "/review"):
        await page.goto(console.url + path)
        assert (await page.title()).endswith("· Triage"), path
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), f"{path} is too wide"
        shown = await page.locator("body").inner_text()
        assert not set("\u202e\x1b") & set(shown), path
        assert await page.locator("main script, main img[onerror]").count() == 0
    assert problems == []


async def test_pages_work_without_the_script(console: ServedConsole, opened: Any) -> None:
    await console.topics.events("review_topic", request("only one", 1))
    context = await opened.new_context(java_script_enabled=False)
    page = await context.new_page()
    await sign_in(page, console, "rita")
    await page.goto(console.url + "/review")
    await page.get_by_role("button", name="Next message").click()
    await page.get_by_role("button", name="WISMO").click()
    await page.get_by_text("Nothing waits for you at present.").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious_on_any_page(console: ServedConsole, opened: Any, scheme: str) -> None:
    await fill(console.topics, minutes=10)
    context = await opened.new_context(color_scheme=scheme)
    page = await context.new_page()
    found: list[str] = []

    async def look(where: str) -> None:
        found.extend(await axe_findings(page, where))

    await page.goto(f"{console.url}/sign-in")
    await look("sign-in")
    await sign_in(page, console)
    for path in ("/now", "/tickets", "/tickets/T-0001", "/acts", "/review", "/nothing"):
        await page.goto(console.url + path)
        await look(path)
    await page.goto(f"{console.url}/review")
    await page.get_by_role("button", name="Next message").click()
    await look("message")
    assert found == []


async def test_who_types_a_password_can_look_at_it(console: ServedConsole, opened: Any) -> None:
    page = await opened.new_page()
    await page.goto(f"{console.url}/sign-in")
    await page.get_by_label("Password", exact=True).fill("hush")
    await page.get_by_role("button", name="Show the password").click()
    assert await page.get_by_label("Password", exact=True).get_attribute("type") == "text"
    await page.get_by_role("button", name="Show the password").click()
    assert await page.get_by_label("Password", exact=True).get_attribute("type") == "password"


async def test_keys_can_be_switched_off(console: ServedConsole, opened: Any) -> None:
    await console.topics.events("review_topic", request("stays", 1), request("other", 2))
    page = await opened.new_page()
    await sign_in(page, console, "rita")
    await begin(page)
    await page.get_by_role("button", name="Switch keys off").click()
    await page.keyboard.press("1")
    await page.wait_for_timeout(300)
    assert await page.locator(".message").inner_text() == "stays"


async def test_the_page_now_keeps_itself_up_to_date(console: ServedConsole, opened: Any) -> None:
    page = await opened.new_page()
    await sign_in(page, console)
    await console.topics.events("review_topic", request("new", 1))
    await page.locator("section:has(#people)").get_by_text("message waits for a person").wait_for(timeout=15_000)
