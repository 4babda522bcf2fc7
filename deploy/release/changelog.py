"""The changelog of a release: the section "Unreleased" becomes the section of a version."""

import re
from datetime import date
from itertools import zip_longest

from deploy.release.version import ReleaseError

UNRELEASED = "## Unreleased"
HEADING = re.compile(r"(?m)^## .*$")


def section(changelog: str, heading: str) -> str:
    """Return the text between a heading of the second level, or one that begins so, and the next one.

    Raises:
        ReleaseError: there is no such section, or it says nothing.
    """
    headings = list(HEADING.finditer(changelog))
    for found, following in zip_longest(headings, headings[1:]):
        if found[0] == heading or found[0].startswith(f"{heading} "):
            text = changelog[found.end() : following.start() if following else len(changelog)].strip()
            if not re.search(r"(?m)^- ", text):
                raise ReleaseError(f'The section "{heading}" of CHANGELOG.md is empty: say what changed for users.')
            return text
    raise ReleaseError(f'CHANGELOG.md has no section "{heading}": add it.')


def notes(changelog: str, version: str) -> str:
    """Return the text of a version's section."""
    return section(changelog, f"## [{version}]")


def released(changelog: str, version: str, day: date) -> str:
    """Return the changelog with "Unreleased" as the section of a version, below a new and empty "Unreleased"."""
    section(changelog, UNRELEASED)
    heading = f"{UNRELEASED}\n\n## [{version}] - {day.isoformat()}"
    return re.sub(rf"(?m)^{UNRELEASED}[ ]*$", lambda _: heading, changelog, count=1)
