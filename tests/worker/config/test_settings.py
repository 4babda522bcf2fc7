"""Settings are read from flags, the environment and a file; an error names the setting, and never shows a secret."""

import inspect
import os
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_worker.cli.settings_flags import settings_flags
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.config.sources import PREFIX, variable


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def error_of(**flags: object) -> str:
    """Load settings that are not valid; returns the error, which must be one sentence."""
    with pytest.raises(ConfigError) as caught:
        Settings.load(**flags)
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith((".", "?"))
    return text


def test_every_setting_has_a_valid_default_and_a_description() -> None:
    settings = Settings.load()
    assert settings.bootstrap_servers == "localhost:9092"
    assert settings.bundle.only == DEFAULT_BUNDLE
    assert all(field.description for field in Settings.model_fields.values())
    assert {settings.source(name) for name in Settings.model_fields} == {"default"}


def test_the_fixed_names_are_settings() -> None:
    fixed = """
    BOOTSTRAP_SERVERS GROUP_ID INPUT_TOPIC OUTPUT_TOPIC FALLBACK_TOPIC DEAD_LETTER_TOPIC DELIVERY BUNDLE DEVICE THREADS
    HTTP_PORT TEXT_FIELD INPUT_FORMAT INCLUDE_TEXT SECURITY_PROTOCOL SASL_MECHANISM SASL_USERNAME SASL_PASSWORD
    SSL_CAFILE SSL_CERTFILE SSL_KEYFILE SSL_PASSWORD TICKETS_TOPIC ALERTS_TOPIC ROUTES LLM_URL LLM_MODEL LLM_API_KEY
    REVIEW_TOPIC LABELS_TOPIC OAUTH_TOKEN_URL OAUTH_CLIENT_ID OAUTH_CLIENT_SECRET OAUTH_SCOPE
    """
    assert {PREFIX + name for name in fixed.split()} <= {variable(name) for name in Settings.model_fields}


def test_flags_override_the_environment_which_overrides_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("TRIAGE_GROUP_ID=file\nTRIAGE_INPUT_TOPIC=file\nTRIAGE_OUTPUT_TOPIC=file.out\nOTHER=x\n")
    monkeypatch.setenv("TRIAGE_GROUP_ID", "environment")
    monkeypatch.setenv("TRIAGE_INPUT_TOPIC", "environment")
    settings = Settings.load(group_id="flag", input_topic=None)
    assert (settings.group_id, settings.source("group_id")) == ("flag", "flag")
    assert (settings.input_topic, settings.source("input_topic")) == ("environment", "environment")
    assert (settings.output_topic, settings.source("output_topic")) == ("file.out", ".env")


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIAGE_GROUP_ID", "")
    monkeypatch.setenv("TRIAGE_THREADS", "")
    settings = Settings.load()
    assert (settings.group_id, settings.threads, settings.source("threads")) == (None, 0, "default")


@pytest.mark.parametrize(
    ("typo", "meant"), [("TRIAGE_TREADS", "TRIAGE_THREADS"), ("TRIAGE_BOOTSTRAP_SERVER", "TRIAGE_BOOTSTRAP_SERVERS")]
)
def test_an_unknown_variable_is_refused_with_the_most_similar_name(
    monkeypatch: pytest.MonkeyPatch, typo: str, meant: str
) -> None:
    monkeypatch.setenv(typo, "2")
    assert error_of() == f"{typo} in the environment is not a setting of Triage: did you mean {meant}?"


def test_an_unknown_variable_in_the_file_is_refused_too() -> None:
    Path(".env").write_text("TRIAGE_QQQ=1\n")
    assert "`triage settings`" in error_of()


def test_variables_that_kubernetes_sets_for_a_service_called_triage_are_ignored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TRIAGE_WORKER_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("TRIAGE_WORKER_SERVICE_PORT_HTTP", "8080")
    monkeypatch.setenv("TRIAGE_WORKER_PORT", "tcp://10.0.0.1:8080")
    monkeypatch.setenv("TRIAGE_WORKER_PORT_8080_TCP_ADDR", "10.0.0.1")
    Settings.load()


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        ({"threads": "many"}, "--threads (flag) is not valid"),
        ({"http_port": "70000"}, "--http-port"),
        ({"http_host": "0.0.0.0:8080"}, "without a port"),
        ({"http_host": "http://0.0.0.0"}, "without a port"),
        ({"http_host": "a..b"}, "an address of this machine"),
        ({"delivery": "sometimes"}, "'at_least_once' or 'exactly_once'"),
        ({"input_topic": "customer messages"}, "--input-topic"),
        ({"text_field": "payload..text"}, "names joined by dots"),
        ({"bootstrap_servers": "kafka 9092"}, "host:port"),
        ({"bootstrap_servers": "kafka:http"}, "host:port"),
        ({"bootstrap_servers": "kafka:70000"}, "a port from 1 to 65535"),
        ({"bootstrap_servers": "a:9092,b:0"}, "'b:0' should have a port"),
        ({"bootstrap_servers": "PLAINTEXT://kafka:9092"}, "TRIAGE_SECURITY_PROTOCOL"),
        ({"bootstrap_servers": "kafka:9092;other:9092"}, "host:port"),
        ({"bootstrap_servers": " , "}, "host:port"),
        ({"bootstrap_servers": "::1:9092"}, "host:port"),
        ({"bootstrap_servers": "*:9092"}, "host:port"),
        ({"bootstrap_servers": "${HOST}:9092"}, "host:port"),
        ({"bootstrap_servers": "<host>:9092"}, "host:port"),
        ({"bootstrap_servers": "kafka:９０９２"}, "host:port"),
        ({"bootstrap_servers": "a..b:9092"}, "no host name that could exist"),
        ({"bootstrap_servers": "[.]:9092"}, "no host name that could exist"),
        ({"bootstrap_servers": "x" * 300 + ":9092"}, "no host name that could exist"),
        ({"bootstrap_servers": "me:secret@kafka:9092"}, "a login in it"),
        ({"helpdesk_url": "https://shop..zendesk.com"}, "no host name that could exist"),
        ({"input_topic": "customer.intents"}, "TRIAGE_INPUT_TOPIC and TRIAGE_OUTPUT_TOPIC are both customer.intents"),
        ({"security_protocol": "SASL_SSL"}, "needs TRIAGE_SASL_USERNAME"),
        ({"security_protocol": "SASL_SSL", "sasl_username": "u"}, "needs TRIAGE_SASL_PASSWORD"),
        ({"sasl_username": "u", "sasl_password": "p"}, "set it to SASL_SSL"),
        ({"delivery": "exactly_once", "idempotence": False}, "needs TRIAGE_IDEMPOTENCE=true"),
        ({"ssl_keyfile": "key.pem"}, "needs TRIAGE_SSL_CERTFILE"),
        ({"llm_money_per_hour": "2"}, "needs TRIAGE_LLM_PRICE_INPUT"),
        ({"llm_url": "localhost:8000/v1"}, "a URL, up to /v1"),
        ({"llm_url": "https://llm..example.com/v1"}, "no host name that could exist"),
        ({"llm_url": "https://llm:70000/v1"}, "a port from 1 to 65535"),
        ({"llm_url": "https://llm:http/v1"}, "a port from 1 to 65535"),
        ({"llm_url": "https://<resource>.openai.azure.com/openai/v1"}, "a placeholder in it"),
        ({"llm_url": "https://llm/openai/deployments/{deployment}"}, "a placeholder in it"),
        ({"llm_url": "https://llm/v1\u200b"}, "cannot be seen"),
        ({"llm_url": "http://tgi/generate"}, "another API (/generate)"),
        ({"llm_url": "http://llm/v1/models"}, "another API (/models)"),
        ({"llm_url": "http://llm/v1/chat"}, "another API (/chat)"),
        ({"helpdesk_url": "https://shop:70000"}, "a port from 1 to 65535"),
        ({"llm_api_key": "sk-1\nX-Other: 2"}, "a key is one line of printable characters"),
    ],
)
def test_a_value_that_is_not_valid_is_named_in_one_sentence(flags: dict[str, str], part: str) -> None:
    assert part in error_of(**flags)


@pytest.mark.parametrize(
    ("given", "servers"),
    [
        ("host:1, host:2", "host:1,host:2"),
        (" host:1 ,host:2, ", "host:1,host:2"),
        ("host:1\nhost:2\n", "host:1,host:2"),
        ("host", "host"),
        ("h:1,,\r\nh:2\r\n", "h:1,h:2"),
        ("[fe80::1%eth0]:9092", "[fe80::1%eth0]:9092"),
        ("müller.example:9092", "müller.example:9092"),
        ("[::1]:9092, kafka.example.com:9093", "[::1]:9092,kafka.example.com:9093"),
    ],
)
def test_a_list_of_brokers_may_have_blanks(given: str, servers: str) -> None:
    assert Settings.load(bootstrap_servers=given).bootstrap_servers == servers


@pytest.mark.parametrize(
    ("given", "host"), [("::", "::"), ("[::1]", "::1"), (" 127.0.0.1 ", "127.0.0.1"), ("a.b", "a.b")]
)
def test_an_address_of_this_machine_may_have_blanks_and_brackets(given: str, host: str) -> None:
    assert Settings.load(http_host=given).http_host == host


def test_values_may_be_in_upper_or_lower_case() -> None:
    settings = Settings.load(
        security_protocol="sasl_ssl", sasl_username="u", sasl_password="p", sasl_mechanism="plain", device="CPU"
    )
    assert (settings.security_protocol, settings.sasl_mechanism, settings.device) == ("SASL_SSL", "PLAIN", "cpu")


def test_a_secret_is_never_shown() -> None:
    secret = "hunter2"
    settings = Settings.load(security_protocol="SASL_SSL", sasl_username="u", sasl_password=secret, llm_api_key=secret)
    assert secret not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_line_break_after_a_key_is_removed() -> None:
    key = Settings.load(llm_api_key="sk-1\n").llm_api_key
    assert key is not None
    assert key.get_secret_value() == "sk-1"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_line_ends_after_a_value_are_removed(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """Files with secrets end with one, and a shell that reads a file of Windows leaves them."""
    monkeypatch.setenv("TRIAGE_SECURITY_PROTOCOL", f"SASL_SSL{end}")
    monkeypatch.setenv("TRIAGE_SASL_USERNAME", f"u{end}")
    monkeypatch.setenv("TRIAGE_SASL_PASSWORD", f" p {end}")
    monkeypatch.setenv("TRIAGE_GROUP_ID", f"g{end}")
    monkeypatch.setenv("TRIAGE_LLM_MODEL", end)
    monkeypatch.setenv("TRIAGE_THREADS", f"2{end}")
    settings = Settings.load()
    assert (settings.sasl_username, settings.group_id, settings.llm_model, settings.threads) == ("u", "g", None, 2)
    assert settings.sasl_password is not None
    assert settings.sasl_password.get_secret_value() == " p "


@pytest.mark.parametrize("servers", ["me:hunter2@kafka:9092", "kafka:1,SASL_SSL://me:hunter2@kafka:2"])
def test_a_password_in_a_list_of_brokers_is_refused_and_not_shown(servers: str) -> None:
    with pytest.raises(ConfigError, match="TRIAGE_SASL_PASSWORD") as caught:
        Settings.load(bootstrap_servers=servers)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://me:hunter2@llm/v1", "http://hunter2@llm/v1 and more", "https://hunter2@"])
def test_a_password_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ConfigError, match="TRIAGE_LLM_API_KEY") as caught:
        Settings.load(llm_url=url)
    assert "hunter2" not in str(caught.value)


def test_secrets_have_no_flags() -> None:
    secrets = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]
    assert "llm_api_key" in secrets
    command = settings_flags(Settings.model_fields)(lambda settings: None)
    assert not set(secrets) & set(inspect.signature(command).parameters)


def test_a_secret_of_the_wrong_type_is_never_shown() -> None:
    assert "hunter2" not in error_of(sasl_password=["hunter2"])


def test_each_service_has_a_group_of_its_own_unless_one_is_set() -> None:
    assert Settings.load().group("router") == "triage-router"
    assert Settings.load(group_id="custom").group("router") == "custom"
