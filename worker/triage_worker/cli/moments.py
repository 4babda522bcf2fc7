"""Parses times that flags give."""

from datetime import UTC, datetime

from triage_worker.config.errors import ConfigError


def parse_moment(given: str | None) -> datetime | None:
    """Parse a time; one without a zone is UTC. None stays None.

    Raises:
        ConfigError: it is not a time in ISO 8601.
    """
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ConfigError(f"{given!r} is not a time: write it like 2026-03-01 or 2026-03-01T09:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
