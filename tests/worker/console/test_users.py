"""The file of people, the settings of the sign-in, and where the console may listen."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from triage_worker.config.console_values import metrics_urls, parse_roles, public_url
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.console.service import address, with_sign_in
from triage_worker.console.signing_in.roles import Person
from triage_worker.console.signing_in.users import Users, add_user, read_users

PASSWORD = "correct horse battery"


def test_a_password_fits_only_its_person(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    add_user(path, "anna", "lead", PASSWORD)
    add_user(path, "otto", "reader", "another long password")
    users = Users(path)
    assert users.sign_in("anna", PASSWORD) == Person("anna", "lead", "password")
    assert users.sign_in("anna", "another long password") is None
    assert users.sign_in("otto", PASSWORD) is None
    assert users.sign_in("nobody", PASSWORD) is None
    assert PASSWORD not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_changes_of_the_file_count_at_once(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    add_user(path, "anna", "lead", PASSWORD)
    users = Users(path)
    add_user(path, "anna", "reader", "a new long password")
    assert users.sign_in("anna", PASSWORD) is None
    assert users.sign_in("anna", "a new long password") == Person("anna", "reader", "password")
    path.write_text("users: [{name: anna}]")
    assert users.sign_in("anna", "a new long password") is None, "nobody signs in by a file that is not valid"


@pytest.mark.parametrize(
    "content", ["users: 5", "x: [", "users: [{name: a, role: king, hash: x}]", "users: [{name: a b, role: lead}]"]
)
def test_a_file_that_is_not_valid_stops_the_start(tmp_path: Path, content: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"users\.yaml"):
        read_users(path)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least 12 characters"),
        ("x3 plover kettle " * 8, "at most 128 characters"),
        ("password1234", "would be guessed .*very common"),
        ("123456789012", "would be guessed"),
        ("qwertyuiop12", "would be guessed"),
        ("aaaaaaaaaaaa", "would be guessed"),
        ("triageconsole", "would be guessed"),
        ("marguerite-d-1", "would be guessed"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(tmp_path: Path, password: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        add_user(tmp_path / "users.yaml", "marguerite-d", "lead", password)


def test_a_long_password_is_compared_as_a_whole(tmp_path: Path) -> None:
    path, password = tmp_path / "users.yaml", "x3 plover kettle " * 7
    add_user(path, "anna", "lead", password)
    assert Users(path).sign_in("anna", password) is not None
    assert Users(path).sign_in("anna", password[:-1]) is None


def test_without_people_only_this_machine_signs_in_by_a_code() -> None:
    settings = with_sign_in(Settings())
    assert settings.http_host == "127.0.0.1"
    assert settings.console_code is not None
    assert address(settings).startswith("http://127.0.0.1:8080/sign-in?code=")
    with pytest.raises(ConfigError, match="TRIAGE_CONSOLE_USERS"):
        with_sign_in(Settings.load(http_host="0.0.0.0"))
    with pytest.raises(ConfigError, match="TRIAGE_CONSOLE_CODE"):
        with_sign_in(Settings(console_code=SecretStr("x"), console_users=Path("users.yaml")))


def test_with_people_it_listens_where_it_is_told() -> None:
    settings = with_sign_in(Settings(console_users=Path("users.yaml"), http_host="0.0.0.0"))
    assert (settings.http_host, settings.console_code) == ("0.0.0.0", None)


def test_an_issuer_needs_all_of_its_settings() -> None:
    with pytest.raises(ConfigError, match="TRIAGE_CONSOLE_OIDC_CLIENT_ID"):
        Settings.load(console_oidc_issuer="https://issuer.example")


@pytest.mark.parametrize("value", ["support", "support=king", "=lead", ","])
def test_roles_that_are_not_valid_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="reviewer"):
        parse_roles(value)


def test_roles_can_have_any_name() -> None:
    assert parse_roles("cn=leads=lead, a b=reader") == {"cn=leads": "lead", "a b": "reader"}


@pytest.mark.parametrize("value", ["triage.example.com", "https://triage.example.com/path", "ftp://x", "https://a@b"])
def test_an_address_of_the_console_has_no_path(value: str) -> None:
    with pytest.raises(ValueError, match="address"):
        public_url(value)


def test_addresses_of_metrics_get_their_path() -> None:
    assert metrics_urls("http://a:8080, http://b/x/metrics") == "http://a:8080/metrics,http://b/x/metrics"
    with pytest.raises(ValueError, match="without a login"):
        metrics_urls("http://user:secret@a:8080")
