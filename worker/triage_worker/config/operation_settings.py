"""Settings of HTTP endpoints and logs."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from triage_worker.config.types import Host, Lower, Upper


class OperationSettings(BaseModel):
    """What an operator sees."""

    http_host: Host = Field(
        "0.0.0.0",
        description="address of /livez, /readyz and /metrics; serve, intake: and of the API; console: and of its pages",
    )
    http_port: int = Field(
        8080,
        ge=0,
        le=65_535,
        description="port of /livez, /readyz and /metrics; 0: none; serve, intake: and of the API; "
        "console: and of its pages",
    )
    log_format: Annotated[Literal["console", "json"], Lower] = Field("console", description="readable lines or JSON")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = Field(
        "INFO", description="lowest level that is logged"
    )
    log_text: bool = Field(False, description="allow customers' text in the logs")
