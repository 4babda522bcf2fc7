"""Every setting of the services, from flags, the environment and a ``.env`` file, in that order.

A setting ``threads`` is the variable ``TRIAGE_THREADS`` and the flag ``--threads``.
"""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from dotenv import dotenv_values
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
from triage_schemas.input.formats import FormatName, describe_formats
from triage_schemas.validation import first_error

from triage_worker.config.errors import ConfigError
from triage_worker.config.types import Key, Lower, Servers, Site, TextField, Topic, Upper, Url

PREFIX = "TRIAGE_"
NOT_SETTINGS = frozenset({"TRIAGE_DATA", "TRIAGE_REQUIRE_KAFKA", "TRIAGE_TEST_BOOTSTRAP", "TRIAGE_TEST_LLM"})
"""Variables with our prefix that belong to the tests and the measurements."""

SERVICE_LINK = re.compile(r"_SERVICE_(HOST|PORT(_\w+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_\w+)?$")
"""Variables that Kubernetes puts into every pod beside a Service called ``triage…``."""

HEARTBEAT_MS = 3_000
Service = Literal["worker", "router", "fallback", "review", "helpdesk"]
HelpdeskName = Literal["zendesk", "gorgias"]
"""The helpdesk products; each name is a module in ``triage_worker/helpdesk/adapters``."""


class Settings(BaseSettings):
    """All settings; read with `Settings.load`, which knows where each value came from."""

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
    bootstrap_servers: Servers = Field("localhost:9092", description="Kafka brokers, host:port, separated by commas")
    security_protocol: Annotated[Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper] = Field(
        "PLAINTEXT", description="how to talk to the brokers"
    )
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Upper] = Field(
        "SCRAM-SHA-512", description="how to log in, with a SASL_ protocol"
    )
    sasl_username: str | None = Field(None, description="user name, with a SASL_ protocol")
    sasl_password: SecretStr | None = Field(None, description="password, with a SASL_ protocol")
    ssl_cafile: Path | None = Field(None, description="PEM file with the authority to trust; unset: the system's")
    ssl_certfile: Path | None = Field(None, description="PEM file with our certificate, for mutual TLS")
    ssl_keyfile: Path | None = Field(None, description="PEM file with its private key")
    ssl_password: SecretStr | None = Field(None, description="password of the private key")
    ssl_check_hostname: bool = Field(True, description="the broker's certificate must carry its host name")
    group_id: str | None = Field(None, description="consumer group; unset: triage- and the name of the service")
    group_instance_id: str | None = Field(None, description="a name that stays over restarts, for static membership")
    session_timeout_ms: PositiveInt = Field(45_000, description="silence after which the broker gives partitions away")
    max_poll_interval_ms: PositiveInt = Field(300_000, description="longest time between two polls of a live worker")
    fetch_max_wait_ms: PositiveInt = Field(500, description="how long a broker may hold a fetch that finds nothing")
    auto_offset_reset: Annotated[Literal["earliest", "latest"], Lower] = Field(
        "earliest", description="where a group without offsets begins"
    )

    # Topics
    input_topic: Topic = Field("customer.messages", description="messages come from here")
    output_topic: Topic = Field("customer.intents", description="accepted intents go here")
    fallback_topic: Topic = Field("customer.intents.fallback", description="what the model is unsure of goes here")
    dead_letter_topic: Topic = Field("customer.messages.dlq", description="what cannot be read goes here")
    tickets_topic: Topic = Field("support.tickets", description="router: tickets go here")
    alerts_topic: Topic = Field("support.alerts", description="router: surges go here")
    review_topic: Topic = Field("customer.intents.review", description="fallback: what a person must decide goes here")
    labels_topic: Topic = Field("customer.labels", description="fallback: answers to learn from go here")

    # Messages
    input_format: Annotated[FormatName, Lower] = Field(
        "json", description=f"what a message's value is: {describe_formats()}"
    )
    text_field: TextField = Field("text", description="path to the text in the JSON object, such as payload.body.text")
    conversation_field: TextField = Field(
        "conversation_id", description="path to the id of the conversation, which tickets are made by"
    )
    include_text: bool = Field(False, description="put the message's text into accepted intents, too")
    max_message_bytes: PositiveInt = Field(1_048_576, description="larger messages are dead letters")
    max_text_bytes: PositiveInt = Field(65_536, description="messages with a longer text (in UTF-8) are dead letters")

    # Model
    bundle: Path = Field(
        DEFAULT_BUNDLE, description="folder of the model to serve, or a store of bundles, whose current one it is then"
    )
    bundle_poll_s: float = Field(
        2.0,
        ge=0,
        le=86_400,
        description="time between two looks whether the bundle has become another; 0: only on SIGHUP",
    )
    shadow_bundle: Path | None = Field(
        None, description="a second bundle that classifies live messages too, to see how far it agrees; unset: none"
    )
    shadow_share: float = Field(1.0, ge=0, le=1, description="share of the messages that the shadow bundle is given")
    device: Annotated[Literal["auto", "cpu", "cuda"], Lower] = Field("auto", description="where inference runs")
    threads: NonNegativeInt = Field(0, description="batches that run at once; 0: as many as there are usable cores")
    batch_tokens: PositiveInt = Field(2_048, description="padded tokens in one batch")

    # Delivery
    delivery: Annotated[Literal["at_least_once", "exactly_once"], Lower] = Field(
        "at_least_once", description="exactly_once puts outputs and offsets into one transaction"
    )
    idempotence: bool = Field(True, description="the broker drops what is sent twice; off for a broker that cannot")
    transactional_id_prefix: str = Field("triage", description="begins the transactional ids, for ACLs")
    commit_interval_ms: PositiveInt = Field(100, description="time between commits, of offsets or transactions")
    max_in_flight: PositiveInt = Field(4_096, description="messages read and not yet acknowledged; bounds memory")
    drain_timeout_s: PositiveFloat = Field(20.0, description="time to finish what is in flight when told to stop")

    # Router and fallback
    routes: Path | None = Field(None, description="router: rules in YAML; unset: the shipped ones")
    state_dir: Path | None = Field(
        None, description="router: folder that keeps its tables over a restart; unset: a temporary one"
    )
    helpdesk: Annotated[HelpdeskName, Lower] | None = Field(None, description="helpdesk: which one tickets go to")
    helpdesk_url: Site | None = Field(None, description="helpdesk: its address, such as https://shop.zendesk.com")
    helpdesk_user: str | None = Field(None, description="helpdesk: e-mail address of the user that tickets are made by")
    helpdesk_token: SecretStr | None = Field(None, description="helpdesk: API token of that user")
    helpdesk_per_minute: PositiveInt = Field(100, description="helpdesk: most calls in a minute")
    llm_url: Url | None = Field(None, description="fallback: OpenAI-compatible endpoint, up to /v1")
    llm_model: str | None = Field(None, description="fallback: the model's name there")
    llm_api_key: Key = Field(None, description="fallback: key of the endpoint")
    llm_out_of_scope: bool = Field(False, description="fallback: ask about what the model found to have no intent, too")
    llm_min_confidence: float = Field(
        0.6, ge=0, le=1, description="fallback: answers that the LLM itself gives less than this go to review"
    )
    llm_concurrency: PositiveInt = Field(8, description="fallback: calls at once")
    llm_timeout_s: PositiveFloat = Field(15.0, description="fallback: time for one call")
    llm_deadline_s: PositiveFloat = Field(45.0, description="fallback: time for one message, with all its retries")
    llm_max_tokens: PositiveInt = Field(200, description="fallback: longest answer, in tokens")
    llm_price_input: NonNegativeFloat = Field(0.0, description="fallback: price of a million tokens in")
    llm_price_output: NonNegativeFloat = Field(0.0, description="fallback: price of a million tokens out")
    llm_money_per_hour: PositiveFloat | None = Field(
        None, description="fallback: most money in an hour, of all replicas, in the prices' currency; unset: no limit"
    )
    llm_calls_per_hour: PositiveInt | None = Field(
        None, description="fallback: most calls in an hour, of all replicas; unset: no limit"
    )

    # Operation
    http_host: str = Field("0.0.0.0", description="address of /livez, /readyz and /metrics")
    http_port: int = Field(8080, ge=0, le=65_535, description="port of /livez, /readyz and /metrics; 0: none")
    log_format: Annotated[Literal["console", "json"], Lower] = Field("console", description="for people or machines")
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Upper] = Field("INFO", description="least level")
    log_text: bool = Field(False, description="let logs carry the customers' text")

    GROUPS: ClassVar[Mapping[Service, str]] = {
        "worker": "triage-worker",
        "router": "triage-router",
        "fallback": "triage-fallback",
        "review": "triage-review",
        "helpdesk": "triage-helpdesk",
    }

    @classmethod
    def load(cls, **flags: object) -> Self:
        """Read flags (None counts as not given), the environment and ``.env``.

        Raises:
            ConfigError: an unknown ``TRIAGE_`` variable, or a value that will not do.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        env_file = _dotenv()
        _refuse_unknown(os.environ, "the environment")
        _refuse_unknown(env_file, ".env")
        sources = {name: _source(name, given, env_file) for name in cls.model_fields}
        try:
            settings = cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            raise ConfigError(_sentence(error, sources)) from None
        settings._sources.update(sources)
        return settings

    def source(self, name: str) -> str:
        """Where a value came from: "flag", "environment", ".env" or "default"."""
        return self._sources.get(name, "default")

    @property
    def heartbeat_ms(self) -> int:
        """Time between two heartbeats: at least three fit into a session."""
        return min(HEARTBEAT_MS, self.session_timeout_ms // 3)

    def group(self, service: Service) -> str:
        """The consumer group of a service."""
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


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


def _dotenv() -> Mapping[str, str | None]:
    try:
        return {name.upper(): value for name, value in dotenv_values(".env").items() if value}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The file .env in this folder cannot be read ({error}): mend or remove it.") from None


def _refuse_unknown(variables: Mapping[str, str | None], where: str) -> None:
    known = {variable(name) for name in Settings.model_fields}
    for name, value in variables.items():
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper in NOT_SETTINGS:
            continue
        if SERVICE_LINK.search(upper) or (value or "").startswith(("tcp://", "udp://", "sctp://")):
            continue
        near = difflib.get_close_matches(upper.removeprefix(PREFIX), (n.removeprefix(PREFIX) for n in known), n=1)
        hint = f"did you mean {PREFIX}{near[0]}?" if near else "`triage settings` lists all there are."
        raise ConfigError(f"{name} in {where} is no setting of Triage: {hint}")


def _source(name: str, flags: Mapping[str, object], env_file: Mapping[str, str | None]) -> str:
    if name in flags:
        return "flag"
    if any(value and key.upper() == variable(name) for key, value in os.environ.items()):
        return "environment"
    return ".env" if variable(name) in env_file else "default"


def _sentence(error: ValidationError, sources: Mapping[str, str]) -> str:
    """The first thing wrong, as a sentence that names the setting and never its value, which may be a secret."""
    location, _, message = first_error(error)
    if not location:
        return f"{message}."
    name = str(location[0])
    source = sources.get(name, "default")
    shown = f"--{name.replace('_', '-')}" if source == "flag" else variable(name)
    return f"{shown} ({source}) is not valid: {message[0].lower()}{message[1:]}."
