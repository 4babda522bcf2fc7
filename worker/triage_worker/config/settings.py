"""The settings of all services, from flags, the environment and a ``.env`` file, in that order.

A setting ``threads`` is the variable ``TRIAGE_THREADS`` and the flag ``--threads``.
"""

import os
from collections.abc import Mapping
from typing import ClassVar, Self

from pydantic import PrivateAttr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from triage_schemas.channels import Service
from triage_schemas.validation import first_error

from triage_worker.config import sources
from triage_worker.config.audit_settings import AuditSettings
from triage_worker.config.console_settings import ConsoleSettings
from triage_worker.config.delivery_settings import DeliverySettings
from triage_worker.config.errors import ConfigError
from triage_worker.config.fallback_settings import FallbackSettings
from triage_worker.config.intake_settings import IntakeSettings
from triage_worker.config.kafka_settings import KafkaSettings
from triage_worker.config.message_settings import MessageSettings
from triage_worker.config.model_settings import ModelSettings
from triage_worker.config.oauth_settings import OAuthSettings, check_login_by_token
from triage_worker.config.operation_settings import OperationSettings
from triage_worker.config.registry_settings import RegistrySettings
from triage_worker.config.routing_settings import RoutingSettings
from triage_worker.config.serve_settings import ServeSettings
from triage_worker.config.sources import PREFIX, variable
from triage_worker.config.text_settings import TextSettings
from triage_worker.config.topic_selection import TopicSelection

HEARTBEAT_MS = 500
"""Members learn from the answer to a heartbeat that their group rebalances, and all wait for the last one to learn it.
So this interval, and not the work at a rebalance, is most of what a rebalance takes; Kafka's default is 3 s."""

STATIC_HEARTBEAT_MS = 3_000
"""For static members, whose restarts need no rebalance. Where two have one name by mistake, each takes the partitions
from the other at its next heartbeat, and both have to get on in between."""


# pydantic collects the fields from the last base to the first, and they are listed in that order.
class Settings(
    OperationSettings,
    IntakeSettings,
    ConsoleSettings,
    ServeSettings,
    FallbackSettings,
    RoutingSettings,
    DeliverySettings,
    AuditSettings,
    ModelSettings,
    TextSettings,
    RegistrySettings,
    MessageSettings,
    OAuthSettings,
    KafkaSettings,
    BaseSettings,
):
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

    GROUPS: ClassVar[Mapping[Service, str]] = {
        "worker": "triage-worker",
        "router": "triage-router",
        "fallback": "triage-fallback",
        "review": "triage-review",
        "helpdesk": "triage-helpdesk",
        "audit": "triage-audit",
        "intake": "triage-intake",
        "console": "triage-console",
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

    def changed(self, changes: Mapping[str, object], source: str) -> Self:
        """Return these settings with some of them changed, which come from another source, such as a file."""
        changed = self.model_copy(update=dict(changes))
        changed._sources = self._sources | dict.fromkeys(changes, source)
        return changed

    @property
    def heartbeat_ms(self) -> int:
        """Milliseconds between two heartbeats: at least three fit into a session."""
        usual = HEARTBEAT_MS if self.group_instance_id is None else STATIC_HEARTBEAT_MS
        return min(usual, self.session_timeout_ms // 3)

    def group(self, service: Service) -> str:
        """Return the consumer group of a service."""
        return self.group_id or self.GROUPS[service]

    @property
    def helpdesk_state_topic(self) -> str:
        """The topic that has what the helpdesk connector wrote on tickets."""
        return f"{self.group('helpdesk')}-state"

    @model_validator(mode="before")
    @classmethod
    def _without_line_ends(cls, values: dict[str, object]) -> dict[str, object]:
        """Drop line ends at the end of values: those of the file that a secret, or a shell's variables, came from."""
        plain = {name: value.rstrip("\r\n") if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in plain.items() if value != "" or values[name] == ""}

    @model_validator(mode="after")
    def _login_by_token(self) -> Self:
        used = self.logs_in_by_token or self.schema_registry_oauth
        check_login_by_token({name: getattr(self, name) for name in OAuthSettings.model_fields}, used=used)
        return self

    @model_validator(mode="after")
    def _registry_of_the_formats(self) -> Self:
        if self.input_format in {"avro", "protobuf"} and self.schema_registry_url is None:
            raise ValueError(f"TRIAGE_INPUT_FORMAT={self.input_format} needs TRIAGE_SCHEMA_REGISTRY_URL too")
        if self.output_format != "json" and self.schema_registry_url is None:
            raise ValueError(f"TRIAGE_OUTPUT_FORMAT={self.output_format} needs TRIAGE_SCHEMA_REGISTRY_URL too")
        return self

    @model_validator(mode="after")
    def _distinct_topics(self) -> Self:
        seen: dict[str, str] = {}
        for name in type(self).model_fields:
            if name.endswith("_topic"):
                topics = (
                    TopicSelection.parse(self.input_topic).names if name == "input_topic" else (getattr(self, name),)
                )
                for topic in topics:
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
