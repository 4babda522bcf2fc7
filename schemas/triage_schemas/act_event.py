"""The event of what a person did in the console."""

from pydantic import Field

from triage_schemas.events import Event, Timestamp
from triage_schemas.messages.message import Scalar


class ActEvent(Event):
    """Something that a person did in the console. The acts about one subject are in one partition, in their order."""

    TYPE = "triage.act"

    act_id: str = Field(description="a random id of the act")
    act: str = Field(description="what was done, such as sign_in, claim, answer, undo, reveal; more may come")
    subject: str = Field(description="what it was done to; also the record's key")
    who: str = Field(description="the name that the person signed in by")
    role: str = Field(description="the person's role at that time")
    console: str = Field(description="a random id of the console's process")
    details: dict[str, Scalar] = Field(default_factory=dict, description="what else is to be known; omitted if nothing")
    acted_at: Timestamp
