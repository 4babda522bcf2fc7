"""The settings of all services, from flags, the environment and a ``.env`` file, in that order.

A setting ``threads`` is the variable ``TRIAGE_THREADS`` and the flag ``--threads``.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict
from triage_models import DEFAULT_BUNDLE
from triage_schemas.channels import Service
from triage_schemas.input.formats import FormatName, describe_formats
from triage_schemas.messages.placeholders import DEBEZIUM_PLACEHOLDER
from triage_schemas.validation import first_error

from triage_worker.config import sources
from triage_worker.config.errors import ConfigError
from triage_worker.config.sources import PREFIX, variable
from triage_worker.config.types import (
    ApiKey,
    CommaSeparatedNames,
    HeaderName,
    Headers,
    HelpdeskUrl,
    Lower,
    Servers,
    TextField,
    Topic,
    Upper,
    Url,
)

HEARTBEAT_MS = 3_000
HelpdeskName = Literal["zendesk", "gorgias"]
"""The helpdesk products; each name is a module in ``triage_worker/helpdesk/adapters``."""


class Settings(BaseSettings):
    """All settings; `Settings.load` reads them and records where each value came from."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )
    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    # Kafka
    bootstrap_servers: Servers = Field("localhost:9092", description="Kafka brokers as host:port, separated by commas")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper] = Field(
        "PLAINTEXT", description="protocol of the brokers' listener"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Upper] = Field(
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

    # Topics
    input_topic: Topic = Field("customer.messages", description="messages are read from here")
    output_topic: Topic = Field("customer.intents", description="accepted intents go here")
    fallback_topic: Topic = Field(
        "customer.intents.fallback", description="messages that the model does not accept go here"
    )
    dead_letter_topic: Topic = Field("customer.messages.dlq", description="messages that cannot be read go here")
    tickets_topic: Topic = Field("support.tickets", description="router: tickets go here")
    alerts_topic: Topic = Field("support.alerts", description="router: alerts about surges go here")
    review_topic: Topic = Field(
        "customer.intents.review", description="fallback: messages that a person must decide go here"
    )
    labels_topic: Topic = Field("customer.labels", description="fallback and review: decisions to learn from go here")

    # Messages
    input_format: Annotated[FormatName, Lower] = Field(
        "json", description=f"what a message's value is: {describe_formats()}"
    )
    text_field: TextField = Field("text", description="path to the text in the JSON object, such as payload.body.text")
    conversation_field: TextField = Field(
        "conversation_id", description="path to the id of the conversation, by which tickets are grouped"
    )
    include_text: bool = Field(False, description="also put the message's text into accepted intents")
    skip_unchanged: bool = Field(True, description="skip updates in a change log (CDC) that leave the text as it was")
    text_placeholders: CommaSeparatedNames = Field(
        DEBEZIUM_PLACEHOLDER,
        description="what connectors write for a value that they leave out, separated by commas; never a text or an id",
    )
    max_message_bytes: PositiveInt = Field(1_048_576, description="larger messages go to the dead letters")
    max_text_bytes: PositiveInt = Field(
        65_536, description="messages with a longer text (in UTF-8) go to the dead letters"
    )

    # Model
    bundle: Path = Field(
        DEFAULT_BUNDLE, description="folder of the bundle to serve, or a store of bundles, whose current one is served"
    )
    bundle_poll_s: float = Field(
        2.0,
        ge=0,
        le=86_400,
        description="time between two checks for a new bundle; 0: only on SIGHUP",
    )
    shadow_bundle: Path | None = Field(
        None, description="a second bundle that also classifies live messages, for comparison; unset: none"
    )
    shadow_share: float = Field(1.0, ge=0, le=1, description="share of the messages that the shadow bundle classifies")
    device: Annotated[Literal["auto", "cpu", "cuda"], Lower] = Field(
        "auto", description="device that inference runs on"
    )
    threads: NonNegativeInt = Field(0, description="batches that run at once; 0: one for each usable core")
    batch_tokens: PositiveInt = Field(2_048, description="padded tokens in one batch")

    # Delivery
    delivery: Annotated[Literal["at_least_once", "exactly_once"], Lower] = Field(
        "at_least_once", description="exactly_once puts outputs and offsets into one transaction"
    )
    idempotence: bool = Field(
        True, description="let the broker drop records that are sent twice; off for brokers that cannot"
    )
    transactional_id_prefix: str = Field("triage", description="prefix of the transactional ids, for ACLs")
    commit_interval_ms: PositiveInt = Field(100, description="time between commits of offsets or transactions")
    max_in_flight: PositiveInt = Field(4_096, description="messages read and not yet acknowledged; bounds memory")
    drain_timeout_s: PositiveFloat = Field(20.0, description="longest time to finish messages in flight at shutdown")

    # Router and fallback
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
    helpdesk_user: str | None = Field(None, description="helpdesk: e-mail address of the user who creates the tickets")
    helpdesk_token: SecretStr | None = Field(None, description="helpdesk: API token of that user")
    helpdesk_per_minute: PositiveInt = Field(100, description="helpdesk: most API calls in a minute")
    llm_url: Url | None = Field(None, description="fallback: OpenAI-compatible endpoint, up to /v1 or whole")
    llm_model: str | None = Field(None, description="fallback: name of the model at the endpoint")
    llm_api_key: ApiKey = Field(None, description="fallback: API key of the endpoint")
    llm_key_header: HeaderName | None = Field(None, description="fallback: header of the key; unset: the usual one")
    llm_headers: Headers = Field(None, description="fallback: further headers, as a JSON object or as Name: value")
    llm_out_of_scope: bool = Field(False, description="fallback: also ask the LLM about messages that are out of scope")
    llm_min_confidence: float = Field(
        0.6, ge=0, le=1, description="fallback: answers that the LLM is less confident of go to review"
    )
    llm_concurrency: PositiveInt = Field(8, description="fallback: concurrent calls")
    llm_timeout_s: PositiveFloat = Field(15.0, description="fallback: time-out of one call")
    llm_deadline_s: PositiveFloat = Field(45.0, description="fallback: deadline for one message, retries included")
    llm_max_tokens: PositiveInt = Field(200, description="fallback: longest answer, in tokens")
    llm_price_input: NonNegativeFloat = Field(0.0, description="fallback: price of a million input tokens")
    llm_price_output: NonNegativeFloat = Field(0.0, description="fallback: price of a million output tokens")
    llm_money_per_hour: PositiveFloat | None = Field(
        None, description="fallback: budget of all replicas for an hour, in the currency of the prices; unset: no limit"
    )
    llm_calls_per_hour: PositiveInt | None = Field(
        None, description="fallback: most calls of all replicas in an hour; unset: no limit"
    )

    # Operation
    http_host: str = Field("0.0.0.0", description="address of /livez, /readyz and /metrics")
    http_port: int = Field(8080, ge=0, le=65_535, description="port of /livez, /readyz and /metrics; 0: none")
    log_format: Annotated[Literal["console", "json"], Lower] = Field("console", description="readable lines or JSON")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = Field(
        "INFO", description="lowest level that is logged"
    )
    log_text: bool = Field(False, description="allow customers' text in the logs")

    GROUPS: ClassVar[Mapping[Service, str]] = {
        "worker": "triage-worker",
        "router": "triage-router",
        "fallback": "triage-fallback",
        "review": "triage-review",
        "helpdesk": "triage-helpdesk",
    }

    @classmethod
    def load(cls, **flags: object) -> Self:
        """Read flags, the environment and ``.env``; a flag that is None counts as not given.

        Raises:
            ConfigError: an unknown ``TRIAGE_`` variable, or an invalid value.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        env_file = sources.read_env_file()
        known = {variable(name) for name in cls.model_fields}
        sources.refuse_unknown(os.environ, known, "the environment")
        sources.refuse_unknown(env_file, known, ".env")
        found = {name: sources.source_of(variable(name), name in given, env_file) for name in cls.model_fields}
        try:
            settings = cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            raise ConfigError(_describe(error, found)) from None
        settings._sources.update(found)
        return settings

    def source(self, name: str) -> str:
        """Return where a value came from: "flag", "environment", ".env" or "default"."""
        return self._sources.get(name, "default")

    @property
    def heartbeat_ms(self) -> int:
        """Milliseconds between two heartbeats: at least three fit into a session."""
        return min(HEARTBEAT_MS, self.session_timeout_ms // 3)

    def group(self, service: Service) -> str:
        """Return the consumer group of a service."""
        return self.group_id or self.GROUPS[service]

    @model_validator(mode="after")
    def _whole_credentials(self) -> Self:
        if self.security_protocol.startswith("SASL_"):
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

    @model_validator(mode="after")
    def _transactions_are_idempotent(self) -> Self:
        if self.delivery == "exactly_once" and not self.idempotence:
            raise ValueError("TRIAGE_DELIVERY=exactly_once needs TRIAGE_IDEMPOTENCE=true")
        return self

    @model_validator(mode="after")
    def _money_needs_prices(self) -> Self:
        if self.llm_money_per_hour is not None and not (self.llm_price_input or self.llm_price_output):
            raise ValueError(
                "TRIAGE_LLM_MONEY_PER_HOUR needs TRIAGE_LLM_PRICE_INPUT and TRIAGE_LLM_PRICE_OUTPUT, "
                "the prices of a million tokens"
            )
        return self

    @model_validator(mode="after")
    def _distinct_topics(self) -> Self:
        seen: dict[str, str] = {}
        for name in type(self).model_fields:
            if name.endswith("_topic"):
                topic = getattr(self, name)
                if topic in seen:
                    raise ValueError(
                        f"{variable(seen[topic])} and {variable(name)} are both {topic}: give each its own"
                    )
                seen[topic] = name
        return self


def _describe(error: ValidationError, found: Mapping[str, str]) -> str:
    """Describe the first error in a sentence that names the setting and never its value, which may be a secret."""
    location, _, message = first_error(error)
    if not location:
        return f"{message}."
    name = str(location[0])
    source = found.get(name, "default")
    shown = f"--{name.replace('_', '-')}" if source == "flag" else variable(name)
    return f"{shown} ({source}) is not valid: {message[0].lower()}{message[1:]}."
