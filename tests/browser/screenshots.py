"""Makes the pictures of the console for the documentation: ``python -m tests.browser.screenshots FOLDER``."""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.browser.conftest import browser, served, sign_in
from tests.browser.sample import fill

SIZES = {"": (1280, 900), "-phone": (390, 844)}


async def main(folder: Path) -> None:
    """Take pictures of every page in light and dark, and on a phone."""
    with tempfile.TemporaryDirectory() as state:
        async with served(Path(state)) as console, browser() as opened:
            await fill(console.topics)
            for scheme in ("light", "dark"):
                for size, (width, height) in SIZES.items():
                    context = await opened.new_context(
                        color_scheme=scheme, viewport={"width": width, "height": height}, device_scale_factor=1
                    )
                    page = await context.new_page()
                    await page.goto(f"{console.url}/sign-in")
                    await page.screenshot(path=folder / f"console-sign-in-{scheme}{size}.png")
                    await sign_in(page, console)
                    for name, path in (("now", "/now"), ("tickets", "/tickets"), ("ticket", "/tickets/T-0001")):
                        await page.goto(console.url + path)
                        await page.screenshot(path=folder / f"console-{name}-{scheme}{size}.png", full_page=True)
                    await page.goto(f"{console.url}/review")
                    await page.screenshot(path=folder / f"console-review-queue-{scheme}{size}.png")
                    await page.get_by_role("button", name="Next message").click()
                    await page.screenshot(path=folder / f"console-review-{scheme}{size}.png", full_page=True)
                    await context.close()


if __name__ == "__main__":
    chosen = Path(sys.argv[1])
    chosen.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(chosen))
