"""Takes the pictures of the console for the documentation.

``python -m tests.browser.screenshots docs/images`` takes those that the documentation shows; with ``--all`` it takes
every page in light and dark, wide and on a phone.
"""

import asyncio
import sys
import tempfile
from collections.abc import Container
from pathlib import Path
from typing import Any

from tests.browser.conftest import ServedConsole, browser, served, sign_in
from tests.browser.sample import fill
from tests.browser.shop import BETTER, shop_settings, trial

SIZES = {"": (1280, 900), "-phone": (390, 844)}
SHOWN = {
    "console-now-light",
    "console-now-dark",
    "console-review-light",
    "console-review-dark-phone",
    "console-bundles-light",
    "console-routes-trial-dark",
    "console-try-light",
    "console-trust-light",
}


async def main(folder: Path, wanted: Container[str] | None) -> None:
    """Take the pictures of these names; None takes all."""
    with tempfile.TemporaryDirectory(prefix="triage-", dir="/tmp") as state:  # pictures show it
        async with served(Path(state), **shop_settings(Path(state))) as console, browser() as opened:
            await fill(console.topics)
            for scheme in ("light", "dark"):
                for size, (width, height) in SIZES.items():
                    context = await opened.new_context(
                        color_scheme=scheme, viewport={"width": width, "height": height}, device_scale_factor=1
                    )
                    await _visit(await context.new_page(), console, folder, f"{scheme}{size}", wanted)
                    await context.close()


async def _visit(page: Any, console: ServedConsole, folder: Path, suffix: str, wanted: Container[str] | None) -> None:
    async def picture(name: str, *, whole: bool = True) -> None:
        full = f"console-{name}-{suffix}"
        if wanted is None or full in wanted:
            await page.screenshot(path=folder / f"{full}.png", full_page=whole)

    await page.goto(f"{console.url}/sign-in")
    await picture("sign-in")
    await sign_in(page, console)
    await picture("now")
    for name, path in (("tickets", "/tickets"), ("ticket", "/tickets/T-0001"), ("acts", "/acts")):
        await page.goto(console.url + path)
        await picture(name)
    for name, path in (("bundles", "/bundles"), ("routes", "/routes")):
        await page.goto(console.url + path)
        await picture(name)
    await page.goto(console.url + "/bundles")
    await page.get_by_role("link", name=f"Promote {BETTER}").click()
    await picture("bundles-promote")
    await trial(page, console.url)
    await picture("routes-trial")
    await page.goto(f"{console.url}/trust")
    await picture("trust", whole=False)
    await picture("trust-whole")
    await page.goto(f"{console.url}/try")
    await page.get_by_label("A customer's message").fill(
        "I only want one of the two lamps. How do I send the other back?"
    )
    await page.get_by_role("button", name="Classify").click()
    await page.locator("#why").wait_for()
    await picture("try")
    await page.goto(f"{console.url}/review")
    await picture("review-queue")
    await page.get_by_role("button", name="Next message").click()
    await picture("review")


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen, None if "--all" in sys.argv else SHOWN))
