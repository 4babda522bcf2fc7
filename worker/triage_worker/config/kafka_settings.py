"""Settings of the connection to Kafka, and of the consumer group."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, PositiveInt, SecretStr, model_validator

from triage_worker.config.sources import variable
from triage_worker.config.types import Lower, Servers, Upper


class KafkaSettings(BaseModel):
    """How Kafka is reached, and how a service reads from it."""

    bootstrap_servers: Servers = Field("localhost:9092", description="Kafka brokers as host:port, separated by commas")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper] = Field(
        "PLAINTEXT", description="protocol of the brokers' listener"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"], Upper] = Field(
        "SCRAM-SHA-512", description="login method, with a SASL_ protocol"
    )
    sasl_username: str | None = Field(None, description="user name, with a SASL_ protocol")
    sasl_password: SecretStr | None = Field(None, description="password, with a SASL_ protocol")
    ssl_cafile: Path | None = Field(
        None, description="PEM file with the certificate authority to trust; unset: the system's"
    )
    ssl_certfile: Path | None = Field(None, description="PEM file with the client certificate, for mutual TLS")
    ssl_keyfile: Path | None = Field(None, description="PEM file with the private key of the client certificate")
    ssl_password: SecretStr | None = Field(None, description="password of the private key")
    ssl_check_hostname: bool = Field(True, description="check that the broker's certificate has its host name")
    group_id: str | None = Field(None, description="consumer group; unset: triage- and the name of the service")
    group_instance_id: str | None = Field(
        None, description="a name that stays the same over restarts, for static membership"
    )
    session_timeout_ms: PositiveInt = Field(
        45_000, description="time without heartbeats after which the group reassigns the partitions"
    )
    max_poll_interval_ms: PositiveInt = Field(
        300_000, description="longest time between two polls, after which the group reassigns the partitions"
    )
    fetch_max_wait_ms: PositiveInt = Field(500, description="how long a broker may delay a fetch that finds nothing")
    auto_offset_reset: Annotated[Literal["earliest", "latest"], Lower] = Field(
        "earliest", description="where a group without committed offsets starts"
    )

    @property
    def logs_in_by_token(self) -> bool:
        """Whether Kafka's clients log in by a token, and not by a password."""
        return self.security_protocol.startswith("SASL_") and self.sasl_mechanism == "OAUTHBEARER"

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if self.logs_in_by_token:
            if self.sasl_username is not None or self.sasl_password is not None:
                raise ValueError(
                    "TRIAGE_SASL_USERNAME and TRIAGE_SASL_PASSWORD are not used with "
                    "TRIAGE_SASL_MECHANISM=OAUTHBEARER: give TRIAGE_OAUTH_CLIENT_ID and TRIAGE_OAUTH_CLIENT_SECRET"
                )
        elif self.security_protocol.startswith("SASL_"):
            missing = [name for name in ("sasl_username", "sasl_password") if getattr(self, name) is None]
            if missing:
                raise ValueError(f"TRIAGE_SECURITY_PROTOCOL={self.security_protocol} needs {variable(missing[0])} too")
        elif self.sasl_username is not None or self.sasl_password is not None:
            raise ValueError(
                f"TRIAGE_SASL_USERNAME and TRIAGE_SASL_PASSWORD are not used with TRIAGE_SECURITY_PROTOCOL="
                f"{self.security_protocol}: set it to SASL_SSL, or unset them"
            )
        if self.ssl_keyfile is not None and self.ssl_certfile is None:
            raise ValueError("TRIAGE_SSL_KEYFILE needs TRIAGE_SSL_CERTFILE too")
        return self
