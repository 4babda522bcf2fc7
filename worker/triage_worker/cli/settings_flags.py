"""Turns settings into flags: a command names its settings, and gets them from flags, environment and .env."""

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, get_args

import typer
from pydantic import SecretStr
from triage_schemas.channels import CHANNELS, Service, topic_settings

from triage_worker.config.settings import Settings
from triage_worker.config.sources import variable

PANEL = "Settings (also TRIAGE_… in the environment or .env)"


def _named(*prefixes: str) -> tuple[str, ...]:
    return tuple(name for name in Settings.model_fields if name.startswith(prefixes))


def _all_but(service: Service, others: Iterable[str]) -> tuple[str, ...]:
    """All settings except these others and the topics that the service does not use."""
    left_out = {*TOPICS, *others} - {*topic_settings(service)}
    return tuple(name for name in ALL if name not in left_out)


ALL = tuple(Settings.model_fields)
CONNECTION = _named("bootstrap_", "security_", "sasl_", "ssl_", "oauth_")
TOPICS = tuple(channel.setting for channel in CHANNELS)
MODEL = ("bundle", "device", "threads")
CONSUMING = ("group_id", "group_instance_id", "session_timeout_ms", "auto_offset_reset")
OPERATION = _named("http_", "log_")
REGISTRY = _named("schema_registry_")
EVENT_FORMAT = ("output_format", "schema_registration", "schema_compatibility")
_HELPDESK = ("helpdesk", *(name for name in _named("helpdesk_") if name != "helpdesk_ticket_field"))
_ROUTING = (*_named("routes", "state_"), *_HELPDESK)
ROUTER = (
    *CONNECTION,
    *CONSUMING,
    "max_poll_interval_ms",
    *topic_settings("router"),
    *REGISTRY,
    *EVENT_FORMAT,
    "dead_letter_headers",
    "idempotence",
    "routes",
    "state_dir",
    *OPERATION,
)
HELPDESK = (
    *CONNECTION,
    *CONSUMING,
    *topic_settings("helpdesk"),
    "dead_letter_headers",
    *REGISTRY,
    *EVENT_FORMAT,
    "idempotence",
    "transactional_id_prefix",
    *_named("redact"),
    "region",
    "routes",
    *_HELPDESK,
    *OPERATION,
)
_SERVING = _named("serve_")
SERVE = (
    *MODEL,
    "batch_tokens",
    "remembered_texts",
    "bundle_poll_s",
    *_named("detect_", "clean_", "max_text_", "max_in_", "entities", "order_", "catalogue", "region"),
    *_SERVING,
    *OPERATION,
)
_TAKING_IN = tuple(name for name in _named("intake_") if name not in TOPICS)
INTAKE = (
    *CONNECTION,
    *CONSUMING,
    *topic_settings("intake"),
    "sources",
    "input_format",
    "max_message_bytes",
    "dead_letter_headers",
    "transactional_id_prefix",
    *_TAKING_IN,
    *OPERATION,
)
_CONSOLE = _named("console_")
CONSOLE = (
    *CONNECTION,
    *topic_settings("console"),
    "shadow_bundle",
    "fetch_max_wait_ms",
    *REGISTRY,
    *EVENT_FORMAT,
    "idempotence",
    "include_text",
    "bundle",
    "routes",
    *_named("detect_", "clean_", "entities", "order_", "catalogue"),
    *_named("redact", "region"),
    *_CONSOLE,
    *OPERATION,
)
WORKER = _all_but("worker", (*_ROUTING, *_SERVING, *_TAKING_IN, *_CONSOLE, *_named("llm_")))
FALLBACK = _all_but(
    "fallback",
    (
        *_ROUTING,
        *_SERVING,
        *_TAKING_IN,
        *_CONSOLE,
        *MODEL,
        "remembered_texts",
        *_named("input_format", "text_", "skip_", "detect_", "clean_", "bundle_", "shadow_", "audit_"),
        *_named("sources", "id_field", "customer_field", "channel_field", "language_field", "helpdesk_ticket_field"),
    ),
)


def settings_flags(
    names: Iterable[str], short: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for each of these settings, and call it with ``settings``.

    Secrets get no flags: other users of a machine can read its command lines.

    Args:
        names: the settings.
        short: second names of flags, by setting.
    """
    flags = [_flag(name, (short or {}).get(name)) for name in names if not _is_secret(name)]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [
            parameter
            for parameter in inspect.signature(command, eval_str=True).parameters.values()
            if parameter.name != "settings"
        ]
        flag_names = {flag.name for flag in flags}

        def run(**given: Any) -> None:
            chosen = {name: given.pop(name) for name in flag_names}
            command(settings=Settings.load(**chosen), **given)

        run.__name__ = command.__name__
        run.__doc__ = command.__doc__
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in [*own, *flags]]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def _flag(name: str, short: str | None) -> inspect.Parameter:
    field = Settings.model_fields[name]
    flag = "--" + name.replace("_", "-")
    declared = f"{flag}/--no-{flag[2:]}" if field.annotation is bool else flag
    shown = "" if field.default is None or name == "bundle" else f" (default: {field.default})"
    option = typer.Option(
        declared,
        *([] if short is None else [short]),
        help=f"{_sentence_case(field.description or '')}{shown}",
        metavar=None if field.annotation is bool else _metavar(name),
        rich_help_panel=PANEL,
        show_default=False,
    )
    value_type = bool if field.annotation is bool else str
    annotation = Annotated[value_type | None, option]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _sentence_case(text: str) -> str:
    """Begin with a capital; `str.capitalize` would also write PEM and JSON in small letters."""
    return text[:1].upper() + text[1:]


def _metavar(name: str) -> str:
    return "|".join(_choices(Settings.model_fields[name].annotation)) or variable(name).rsplit("_", 1)[-1]


def _choices(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, also of one that is annotated or optional; none for other types."""
    if typing.get_origin(annotation) is typing.Literal:
        return get_args(annotation)
    return tuple(value for part in get_args(annotation) for value in _choices(part))


def _is_secret(name: str) -> bool:
    annotation = Settings.model_fields[name].annotation
    return annotation is SecretStr or SecretStr in get_args(annotation)
