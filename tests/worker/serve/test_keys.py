"""Keys: what the file may have, and what a request with a key may do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from starlette.datastructures import Headers
from triage_worker.config.errors import ConfigError
from triage_worker.serve.access import ANYONE, Access
from triage_worker.serve.key_file import KeyFile
from triage_worker.serve.keys import KEY_PREFIX, KeyEntry, KeyRing, Right, add_key, digest, new_key, read_keys
from triage_worker.serve.metrics import ServeMetrics
from triage_worker.web.problems import ProblemError


def entry(key: str, name: str = "shop", **more: object) -> KeyEntry:
    return KeyEntry.model_validate({"name": name, "hash": digest(key), **more})


def refusal(access: Access, right: Right = "classify", **headers: str) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        access.allow(Headers({name.replace("_", "-"): value for name, value in headers.items()}), right)
    return caught.value


def test_new_keys_differ_and_can_be_recognised() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(key.startswith(KEY_PREFIX) and len(key) > 45 for key in keys)


def test_a_key_that_is_added_is_in_the_file_by_its_hash_only(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    made = new_key()
    add_key(path, entry(made, rate=10, burst=40))
    add_key(path, entry("other", "second", rights=["metrics"], expires="2030-01-01T00:00:00Z"))
    assert made not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    ring = read_keys(path)
    found = ring.find(made)
    assert found is not None
    assert (found.name, found.rate, found.largest_burst, found.rights) == ("shop", 10, 40, ("classify", "intents"))
    second = ring.find("other")
    assert second is not None
    assert (second.rights, second.expires) == (("metrics",), datetime(2030, 1, 1, tzinfo=UTC))
    assert ring.find("another") is None
    assert [path.name for path in tmp_path.iterdir()] == ["keys.yaml"]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    path = tmp_path / "keys.yaml"
    add_key(path, entry("a"))
    with pytest.raises(ConfigError, match="has a key shop already"):
        add_key(path, entry("b"))
    assert len(read_keys(path).entries) == 1


HASH = digest("a")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("keys: [", "is not YAML or JSON"),
        ("- a", "is not valid"),
        ("keys:\n- {name: a}", "keys.0.hash"),
        (f"keys:\n- {{name: a, hash: '{HASH}', rigths: [classify]}}", "keys.0.rigths"),
        (f"keys:\n- {{name: a, hash: '{HASH}', rights: [everything]}}", "keys.0.rights.0"),
        (f"keys:\n- {{name: a, hash: '{HASH}', burst: 3}}", "burst needs a rate"),
        (f"keys:\n- {{name: a, hash: '{HASH}', expires: 2030-01-01}}", "keys.0.expires"),
        (f"keys:\n- {{name: a b, hash: '{HASH}'}}", "keys.0.name"),
        (f"keys:\n- {{name: a, hash: '{HASH}'}}\n- {{name: b, hash: '{HASH}'}}", "the hash of a twice"),
    ],
)
def test_a_wrong_file_is_refused_and_no_hash_is_shown(tmp_path: Path, content: str, what: str) -> None:
    path = tmp_path / "keys.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        read_keys(path)
    assert what in str(caught.value)
    assert HASH not in str(caught.value)


def test_json_is_yaml(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(f'{{"keys": [{{"name": "a", "hash": "{HASH}", "rate": 2.5}}]}}')
    assert read_keys(path).entries[0].rate == 2.5


def test_without_keys_everything_is_allowed() -> None:
    assert Access(None).allow(Headers({}), "metrics") is ANYONE


def test_a_key_comes_in_one_of_two_headers() -> None:
    access = Access(lambda: KeyRing([entry("secret")]))
    for headers in (
        {"authorization": "Bearer secret"},
        {"authorization": "bearer  secret "},
        {"x-api-key": "secret"},
        {"x-api-key": "secret", "authorization": "Bearer secret"},
    ):
        assert access.allow(Headers(headers), "classify").name == "shop"
    assert refusal(access).code == "no_key"
    assert refusal(access, authorization="Basic secret").code == "no_key"
    assert refusal(access, authorization="Bearer").code == "no_key"
    assert refusal(access, authorization="Bearer wrong").code == "unknown_key"
    assert refusal(access, authorization="Bearer secret", x_api_key="other").code == "two_keys"
    assert refusal(access, authorization="Bearer s\xe9cret").status == 401


def test_rights_and_expiry() -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    ring = KeyRing([entry("old", "old", expires=soon - timedelta(hours=2)), entry("new", "new", expires=soon)])
    access = Access(lambda: ring)
    assert access.allow(Headers({"x-api-key": "new"}), "intents").name == "new"
    assert refusal(access, "metrics", x_api_key="new").status == 403
    expired = refusal(access, x_api_key="old")
    assert (expired.status, expired.code, expired.headers["WWW-Authenticate"]) == (
        401,
        "expired_key",
        'Bearer realm="triage"',
    )


def test_the_rate_counts_texts_of_each_key_and_says_when_to_try_again() -> None:
    now = [0.0]
    first, second = entry("a", "a", rate=10, burst=10), entry("b", "b", rate=10, burst=10)
    access = Access(lambda: KeyRing([first, second]), clock=lambda: now[0])
    access.take(first, 10)
    with pytest.raises(ProblemError) as caught:
        access.take(first, 10)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (429, "1")
    access.take(second, 10)
    now[0] = 1.0
    access.take(first, 10)


def test_a_new_rate_counts_at_once() -> None:
    access = Access(lambda: KeyRing([]), clock=lambda: 0.0)
    access.take(entry("a", rate=1, burst=1), 1)
    access.take(entry("a", rate=100, burst=100), 100)


def test_the_file_is_read_again_when_it_changes_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    path, registry = tmp_path / "keys.yaml", CollectorRegistry()
    add_key(path, entry("a", "a"))
    file = KeyFile(path, ServeMetrics(registry))
    add_key(path, entry("b", "b"))
    file.check()
    assert file.current().find("b") is not None
    path.write_text("keys: [")
    file.check()
    assert file.current().find("b") is not None
    path.unlink()
    file.check()
    assert file.current().find("a") is not None
    add_key(path, entry("b", "b"))
    file.check()
    assert file.current().find("a") is None
    counts = {
        name: registry.get_sample_value("triage_http_key_reloads_total", {"outcome": name})
        for name in ("loaded", "refused")
    }
    assert counts == {"loaded": 2, "refused": 2}
