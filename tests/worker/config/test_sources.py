"""The sources of settings: where a value comes from, and variables that are no settings."""

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.sources import refuse_unknown, source_of, variable

KNOWN = {"TRIAGE_THREADS", "TRIAGE_GROUP_ID"}


def test_the_variable_of_a_setting_is_its_name_with_the_prefix() -> None:
    assert variable("group_id") == "TRIAGE_GROUP_ID"


@pytest.mark.parametrize(
    ("is_flag", "environment", "env_file", "expected"),
    [
        (True, "e", "f", "flag"),
        (True, None, None, "flag"),
        (False, "e", "f", "environment"),
        (False, None, "f", ".env"),
        (False, "", "f", ".env"),
        (False, None, None, "default"),
        (False, "", None, "default"),
    ],
)
@pytest.mark.parametrize("name", ["TRIAGE_GROUP_ID", "triage_group_id"])
def test_a_value_comes_from_the_first_source_that_has_one(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    is_flag: bool,
    environment: str | None,
    env_file: str | None,
    expected: str,
) -> None:
    monkeypatch.delenv("TRIAGE_GROUP_ID", raising=False)
    if environment is not None:
        monkeypatch.setenv(name, environment)
    file = {} if env_file is None else {"TRIAGE_GROUP_ID": env_file}
    assert source_of("TRIAGE_GROUP_ID", is_flag, file) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRIAGE_THREADS", "2"),
        ("triage_threads", "2"),
        ("PATH", "/bin"),
        ("MY_TRIAGE_SETTING", "1"),
        ("TRIAGE_TEST_BOOTSTRAP", "localhost:9092"),
        ("TRIAGE_WORKER_SERVICE_HOST", "10.0.0.1"),
        ("TRIAGE_WORKER_SERVICE_PORT", "8080"),
        ("TRIAGE_WORKER_SERVICE_PORT_HTTP", "8080"),
        ("TRIAGE_WORKER_PORT", "tcp://10.0.0.1:8080"),
        ("TRIAGE_WORKER_PORT", "udp://10.0.0.1:8080"),
        ("TRIAGE_WORKER_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("TRIAGE_WORKER_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ],
)
def test_settings_and_variables_of_others_are_accepted(name: str, value: str) -> None:
    refuse_unknown({name: value}, KNOWN, "the environment")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("TRIAGE_TREADS", "2", "did you mean TRIAGE_THREADS?"),
        ("triage_treads", "2", "did you mean TRIAGE_THREADS?"),
        ("TRIAGE_GROUP", None, "did you mean TRIAGE_GROUP_ID?"),
        ("TRIAGE_QQQ", "1", "`triage settings` lists all settings."),
        ("TRIAGE_WORKER_PORT", "8080", "`triage settings` lists all settings."),
        ("TRIAGE_THREADS_SERVICE", "8080", "did you mean TRIAGE_THREADS?"),
    ],
)
def test_other_variables_with_the_prefix_are_refused_with_the_most_similar_name(
    name: str, value: str | None, hint: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        refuse_unknown({name: value}, KNOWN, ".env")
    assert str(raised.value) == f"{name} in .env is not a setting of Triage: {hint}"
