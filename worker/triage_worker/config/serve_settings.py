"""Settings of the HTTP service."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, PositiveFloat, PositiveInt

from triage_worker.config.types import CommaSeparatedNames, check_origins


class ServeSettings(BaseModel):
    """Who may call `triage serve`, and how much one request may ask for."""

    serve_keys: Path | None = Field(
        None, description="serve: file with the hashes of API keys; unset: only this machine can connect"
    )
    serve_probe_port: int = Field(
        0, ge=0, le=65_535, description="serve: a port of its own for /livez, /readyz and /metrics; 0: the API's port"
    )
    serve_max_texts: PositiveInt = Field(256, description="serve: most texts in one request")
    serve_max_body_bytes: PositiveInt = Field(4_194_304, description="serve: largest body of a request")
    serve_max_connections: PositiveInt = Field(1_024, description="serve: most connections at once")
    serve_timeout_s: PositiveFloat = Field(
        10.0, description="serve: longest time to receive a request, and again to answer it"
    )
    serve_cors_origins: Annotated[CommaSeparatedNames, AfterValidator(check_origins)] | None = Field(
        None, description="serve: origins whose pages may call it from a browser, separated by commas; unset: none"
    )
