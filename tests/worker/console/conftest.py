"""A console whose topics are a stand-in: the real app, with a state that real events fill."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from prometheus_client import CollectorRegistry
from starlette.responses import Response as Answer
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
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.signing_in.sessions import Sessions
from triage_worker.console.signing_in.users import Users, add_user
from triage_worker.console.state.database import Database
from triage_worker.console.state.reader import StateReader
from triage_worker.streaming.review_outputs import OutputBuilder

from tests.worker.console.filling import NOW_MS, AppliedAtOnce, Topics

PASSWORD = "correct horse battery"


class Clock:
    """The time of the console, in seconds since the epoch."""

    def __init__(self) -> None:
        self.seconds = NOW_MS / 1000

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Console:
    """A console, and what stands in for the topics."""

    app: Any
    parts: ConsoleParts
    topics: Topics
    clock: Clock

    def browser(self) -> AsyncClient:
        """A browser that is not signed in."""
        return AsyncClient(transport=ASGITransport(self.app), base_url="http://console.test")

    async def signed_in(self, name: str = "anna", role: Role = "lead") -> "Browser":
        """A browser of somebody with a role."""
        client, answer = self.browser(), Answer()
        await self.parts.sessions.begin(Person(name, role, "issuer"), answer)
        client.cookies.set(self.parts.sessions.cookie, answer.headers["set-cookie"].split(";")[0].split("=", 1)[1])
        return Browser(client, self)


@dataclass
class Browser:
    """Somebody's browser."""

    client: AsyncClient
    console: Console

    async def get(self, path: str) -> Response:
        """Load a page."""
        return await self.client.get(path)

    async def post(self, path: str, **fields: str) -> Response:
        """Send a form with the token of the session, and follow where it leads."""
        return await self.client.post(path, data={"csrf": await self.csrf(), **fields}, follow_redirects=True)

    async def csrf(self) -> str:
        """The token of the session."""
        page = (await self.client.get("/now")).text
        return page.split('name="csrf" value="', 1)[1].split('"', 1)[0]


@pytest.fixture
def second_share() -> float:
    return 0.0


@pytest.fixture
def settings(tmp_path: Path, second_share: float) -> Settings:
    return Settings(console_users=tmp_path / "users.yaml", console_second_share=second_share)


@pytest.fixture
async def console(settings: Settings, tmp_path: Path) -> AsyncIterator[Console]:
    assert settings.console_users is not None
    add_user(settings.console_users, "anna", "lead", PASSWORD)
    database, clock = Database(tmp_path / "state.sqlite"), Clock()
    topics = Topics(settings, database)
    people = cast("StateReader", AppliedAtOnce(database))
    acts = Acts(cast("Publisher", topics), settings.acts_topic, clock)
    outputs = replace(OutputBuilder.from_settings(settings, "OOS"), clock=clock)
    parts = ConsoleParts(
        settings=settings,
        database=database,
        people=people,
        acts=acts,
        queue=ReviewQueue(settings, database, people, acts, outputs),
        sessions=Sessions(database, secure=False, clock=clock),
        users=Users(settings.console_users),
        issuer=None,
        templates=Templates(),
        readiness=ConsoleReadiness(asyncio.Event(), (people,)),
        scraper=Scraper((), clock),
        trials=Trials(settings),
    )
    yield Console(make_app(parts, CollectorRegistry()), parts, topics, clock)
    database.close()
