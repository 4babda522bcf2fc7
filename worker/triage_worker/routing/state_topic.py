"""The name of the helpdesk connector's own topic, which `triage forget` removes customers from."""

from triage_worker.config.settings import Settings


def state_topic(settings: Settings) -> str:
    """Return the topic that has what the connector wrote on tickets."""
    return f"{settings.group('helpdesk')}-state"
