"""Settings of the schema registry."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from triage_worker.config.sources import variable
from triage_worker.config.types import Lower, RegistryUrls, Upper

Compatibility = Literal[
    "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE", "NONE"
]
"""What a registry asks of the later versions of a schema."""


class RegistrySettings(BaseModel):
    """Where schemas are looked up, and how the registry is reached."""

    schema_registry_url: RegistryUrls | None = Field(
        None, description="the schema registry's URL, several of one registry separated by commas; unset: none"
    )
    schema_registry_username: str | None = Field(None, description="user name for the registry (basic authentication)")
    schema_registry_password: SecretStr | None = Field(None, description="password for the registry")
    schema_registry_token: SecretStr | None = Field(None, description="token for the registry (bearer authentication)")
    schema_registry_oauth: bool = Field(False, description="log in to the registry by the tokens of TRIAGE_OAUTH_…")
    schema_registry_ssl_cafile: Path | None = Field(
        None, description="PEM file with the certificate authority of the registry; unset: the system's"
    )
    schema_registry_ssl_certfile: Path | None = Field(
        None, description="PEM file with the client certificate for the registry"
    )
    schema_registry_ssl_keyfile: Path | None = Field(
        None, description="PEM file with the private key of that client certificate"
    )
    schema_registry_id: Annotated[Literal["auto", "content", "global"], Lower] = Field(
        "auto",
        description="Apicurio: what an id in front of a value is; auto: four bytes are a content id, eight a global id",
    )
    schema_registration: Annotated[Literal["register", "check"], Lower] = Field(
        "register",
        description="schemas of events (TRIAGE_OUTPUT_FORMAT) are registered at the start, or only looked up: check",
    )
    schema_compatibility: Annotated[Compatibility | None, Upper] = Field(
        None, description="compatibility mode that a new subject gets, such as FULL; unset: the registry's default"
    )

    @model_validator(mode="after")
    def _whole_registry(self) -> Self:
        if (self.schema_registry_username is None) != (self.schema_registry_password is None):
            raise ValueError("TRIAGE_SCHEMA_REGISTRY_USERNAME and TRIAGE_SCHEMA_REGISTRY_PASSWORD need one another")
        names = ("schema_registry_username", "schema_registry_token", "schema_registry_oauth")
        logins = [variable(name) for name in names if getattr(self, name)]
        if len(logins) > 1:
            raise ValueError(f"{logins[1]} and {logins[0]} are two logins")
        if self.schema_registry_ssl_keyfile is not None and self.schema_registry_ssl_certfile is None:
            raise ValueError("TRIAGE_SCHEMA_REGISTRY_SSL_KEYFILE needs TRIAGE_SCHEMA_REGISTRY_SSL_CERTFILE too")
        return self
