"""A browser, and a console that it can reach: the real app on a real port, with a stand-in for the topics."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import CollectorRegistry
from triage_worker.config.console_values import Role
from triage_worker.config.settings import Settings
from triage_worker.console.app import make_app
from triage_worker.console.shared.acts import Acts, Publisher
from triage_worker.console.shared.parts import ConsoleParts
from triage_worker.console.shared.readiness import ConsoleReadiness
from triage_worker.console.shared.review_queue import ReviewQueue
from triage_worker.console.shared.scraping import Scraper
from triage_worker.console.shared.templates_environment import Templates
from triage_worker.console.shared.trials import Trials
from triage_worker.console.signing_in.sessions import Sessions
from triage_worker.console.signing_in.users import Users, add_user
from triage_worker.console.state.database import Database
from triage_worker.console.state.reader import StateReader
from triage_worker.streaming.review_outputs import OutputBuilder
from triage_worker.web.server import listen, make_server

from tests.worker.console.filling import AppliedAtOnce, Topics

PASSWORD = "correct horse battery"
PEOPLE: dict[str, Role] = {"anna": "admin", "rita": "reviewer", "otto": "reviewer", "rea": "reader"}


def chromium() -> str | None:
    """Where Debian's Chromium is; None if there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@dataclass
class ServedConsole:
    """A console at an address."""

    url: str
    topics: Topics
    parts: ConsoleParts


@asynccontextmanager
async def served(folder: Path, **more: Any) -> AsyncIterator[ServedConsole]:
    """Serve a console while the context is open; further settings by name."""
    users = folder / "users.yaml"
    for name, role in PEOPLE.items():
        add_user(users, name, role, PASSWORD)
    settings = Settings(console_users=users, console_second_share=0.0, **more)
    database = Database(folder / "state.sqlite")
    topics, people = Topics(settings, database), cast("StateReader", AppliedAtOnce(database))
    acts = Acts(cast("Publisher", topics), settings.acts_topic)
    parts = ConsoleParts(
        settings=settings,
        database=database,
        people=people,
        acts=acts,
        queue=ReviewQueue(settings, database, people, acts, OutputBuilder.from_settings(settings, "OOS")),
        sessions=Sessions(database, secure=False),
        users=Users(users),
        issuer=None,
        templates=Templates(),
        readiness=ConsoleReadiness(asyncio.Event(), (people,)),
        scraper=Scraper(()),
        trials=Trials(settings),
    )
    sockets = listen("127.0.0.1", 0)
    server = make_server(make_app(parts, CollectorRegistry()), connections=100, timeout_s=10)
    running = asyncio.create_task(server.serve(sockets))
    yield ServedConsole(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", topics, parts)
    server.should_exit = True
    await running
    database.close()


@asynccontextmanager
async def browser() -> AsyncIterator[Any]:
    """Open a browser."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield opened
        await opened.close()


async def sign_in(page: Any, console: ServedConsole, name: str = "anna") -> None:
    """Sign in as a person does."""
    await page.goto(f"{console.url}/sign-in")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/now")


@pytest.fixture
async def console(tmp_path: Path) -> AsyncIterator[ServedConsole]:
    async with served(tmp_path) as one:
        yield one


@pytest.fixture
async def opened() -> AsyncIterator[Any]:
    async with browser() as one:
        yield one


async def axe_findings(page: Any, where: str) -> list[str]:
    """Return what axe finds wrong with a page as it is now, each with the name that the page is given."""
    from axe_playwright_python.async_playwright import Axe

    violations = (await Axe().run(page)).response["violations"]
    return [f"{where}: {one['id']} {one['nodes'][0]['html'][:150]}" for one in violations]
