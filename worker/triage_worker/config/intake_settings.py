"""Settings of the intake service."""

from pathlib import Path

from pydantic import BaseModel, Field, PositiveFloat, PositiveInt

from triage_worker.config.types import Topic


class IntakeSettings(BaseModel):
    """Where messages come from that helpdesks and mailboxes give to `triage intake`, and how much it takes."""

    intake_sources: Path | None = Field(
        None, description="intake: YAML file with the helpdesks, senders and mailboxes that messages come from"
    )
    intake_topic: Topic = Field(
        "intake.received", description="intake: messages are kept here first, until each key is sent on once"
    )
    intake_window_s: PositiveFloat = Field(
        86_400.0, description="intake: a key that comes again within this time is the same message"
    )
    intake_write_timeout_s: PositiveFloat = Field(
        4.0, description="intake: a webhook whose message Kafka has not taken by then is answered with 503"
    )
    intake_receive_timeout_s: PositiveFloat = Field(10.0, description="intake: longest time to receive a webhook")
    intake_max_body_bytes: PositiveInt = Field(1_048_576, description="intake: largest body of a webhook")
    intake_max_connections: PositiveInt = Field(1_024, description="intake: most connections at once")
    intake_probe_port: int = Field(
        0,
        ge=0,
        le=65_535,
        description="intake: a port of its own for /livez, /readyz and /metrics; 0: the webhooks' port",
    )
