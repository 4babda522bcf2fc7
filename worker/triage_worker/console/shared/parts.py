"""What all pages share: the parts of a console."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triage_worker.config.settings import Settings
from triage_worker.console.shared.acts import Acts
from triage_worker.console.shared.readiness import ConsoleReadiness
from triage_worker.console.shared.review_queue import ReviewQueue
from triage_worker.console.shared.scraping import Scraper
from triage_worker.console.shared.templates_environment import Templates
from triage_worker.console.shared.trials import Trials
from triage_worker.console.signing_in.sessions import Sessions
from triage_worker.console.signing_in.users import Users
from triage_worker.console.state.database import Database
from triage_worker.console.state.reader import StateReader

if TYPE_CHECKING:
    from triage_worker.console.signing_in.oidc import Issuer


@dataclass(frozen=True, slots=True)
class ConsoleParts:
    """The parts of a console.

    Attributes:
        settings: all settings.
        database: the state.
        people: reads what people wait for: requests, labels, acts.
        acts: publishes what people do.
        queue: hands out messages of the review, and publishes answers.
        sessions: who is signed in.
        users: who may sign in by a password; None if nobody.
        issuer: where people sign in; None if nowhere.
        templates: of the pages.
        readiness: whether the state is up to date.
        scraper: the metrics of the services.
        trials: classifies texts that somebody tries.
    """

    settings: Settings
    database: Database
    people: StateReader
    acts: Acts
    queue: ReviewQueue
    sessions: Sessions
    users: Users | None
    issuer: "Issuer | None"
    templates: Templates
    readiness: ConsoleReadiness
    scraper: Scraper
    trials: Trials
