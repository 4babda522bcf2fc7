"""A page of the console, as the navigation and the app know it."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import Route

from triage_worker.config.console_values import Role


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Attributes:
        path: where it is.
        title: in the navigation; empty for one that is not there.
        role: who may see it, and use its routes.
        routes: its endpoints, each of a request.
    """

    path: str
    title: str
    role: Role
    routes: Sequence[Route]
