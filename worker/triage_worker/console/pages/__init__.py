"""The pages, in the order of the navigation."""

from triage_worker.console.pages import bundles, now, people, review, routes, tickets, trust, try_it
from triage_worker.console.shared.page import Page

PAGES: tuple[Page, ...] = (
    now.PAGE,
    review.PAGE,
    tickets.PAGE,
    try_it.PAGE,
    trust.PAGE,
    bundles.PAGE,
    routes.PAGE,
    people.PAGE,
)
"""All pages for people who are signed in."""
