"""Settings of the router and the helpdesk connector."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveInt, SecretStr

from triage_worker.config.types import HelpdeskUrl, Lower

HelpdeskName = Literal["zendesk", "gorgias", "freshdesk", "intercom", "chatwoot", "zammad"]
"""The helpdesk products; each name is a module in ``triage_worker/helpdesk/adapters``."""


class RoutingSettings(BaseModel):
    """Where tickets come from, and where they go."""

    routes: Path | None = Field(None, description="router: file with the routing rules; unset: the shipped ones")
    state_dir: Path | None = Field(
        None,
        description="router: folder for its tables, so that a restart need not rebuild them; unset: a temporary one",
    )
    helpdesk: Annotated[HelpdeskName, Lower] | None = Field(
        None, description="helpdesk: the product that tickets go to"
    )
    helpdesk_url: HelpdeskUrl | None = Field(
        None, description="helpdesk: its address, such as https://shop.zendesk.com"
    )
    helpdesk_user: str | None = Field(
        None,
        description="helpdesk: who writes the tickets: an e-mail address; in Intercom the id of a teammate",
    )
    helpdesk_token: SecretStr | None = Field(None, description="helpdesk: API token of that user")
    helpdesk_poll_s: NonNegativeFloat = Field(
        0, description="helpdesk: time between two looks at what agents changed, to learn from it; 0: it is not read"
    )
    helpdesk_per_minute: PositiveInt = Field(100, description="helpdesk: most API calls in a minute")
