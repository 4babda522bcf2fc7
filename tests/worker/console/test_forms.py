"""No form makes the console fail, whatever in it is missing, empty or odd: it is answered, or refused."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from triage_models.bundle.store import BundleStore
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings
from triage_worker.console.pages import PAGES, sign_in
from triage_worker.routing.routes_file import DEFAULT_ROUTES, read

from tests.models.fake_bundles import fake_bundle
from tests.worker.console.conftest import PASSWORD, Browser, Console
from tests.worker.console.filling import request

RULES = "defaults: {queue: general, priority: normal, sla: 24h}\nrules: []\n"
ITEM = "review:customer.messages:0:1"
REASON = {"reason": "as asked"}
EMPTY_DIGEST = hashlib.sha256(b"").hexdigest()

FORMS: dict[str, dict[str, str]] = {
    "/review/next": {"skipped": "1"},
    "/review/undo": {"key": ITEM},
    "/review/settle": {"key": ITEM, "label": "WISMO"},
    "/review/message/{key:path}/answer": {"label": "WISMO", "none": "1"},
    "/review/message/{key:path}/skip": {},
    "/review/message/{key:path}/reveal": {},
    "/try": {"text": "where is my parcel", "channel": "email"},
    "/bundles/change": {"store": "STORE", "bundle": "", "serving": "SERVES", "despite": "1", **REASON},
    "/routes/check": {"text": RULES, "opened": "OPENED", "tried": "TRIED", **REASON},
    "/routes/save": {"text": RULES, "opened": "OPENED", "tried": "TRIED", **REASON},
    "/routes/download": {"text": RULES},
    "/sign-in": {"name": "anna", "password": PASSWORD, "next": "/now"},
    "/sign-out": {},
}
"""The forms of all pages, each with all its fields. Words in capitals stand for what a test makes."""

ODD = ("", " ", "\0", "\ud7ff\U0001f600 \N{RIGHT-TO-LEFT OVERRIDE}'\"<b>", "../..", "-1", "x" * 20_000, EMPTY_DIGEST)


EXPECTED = {200, 404, 409, 422}
OF_PATHS = {"/sign-in": {401, 429}, "/try": {503}}
"""A wrong password, too many attempts; and the bundle of these tests has no model."""


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """A store that has served 1 and serves 2."""
    opened = BundleStore(tmp_path / "store")
    for version in ("1", "2"):
        opened.promote(fake_bundle(tmp_path / "bundles" / version, version), why="a reason")
    return opened


@pytest.fixture
def settings(tmp_path: Path, store: BundleStore) -> Settings:
    file = tmp_path / "etc" / "routes.yaml"
    file.parent.mkdir()
    file.write_bytes(DEFAULT_ROUTES.read_bytes())
    users = tmp_path / "users.yaml"
    return Settings(console_users=users, routes=file, bundle=BundlePaths(store.root), device="cpu")


@pytest.fixture
async def browser(console: Console) -> Browser:
    """Somebody who may do everything, and has a message of the review."""
    await console.topics.events("review_topic", request("hm", 1))
    browser = await console.signed_in("anna", "admin")
    await browser.post("/review/next")
    return browser


def filled(form: dict[str, str], settings: Settings) -> dict[str, str]:
    """A form with what a page would put into it now."""
    assert settings.routes is not None
    assert settings.bundle is not None
    folder = settings.bundle.default
    serves = BundleStore(folder).current()
    stand_ins = {
        "STORE": str(folder),
        "SERVES": "" if serves is None else serves.name,
        "OPENED": read(settings.routes).digest,
        "TRIED": hashlib.sha256(RULES.encode()).hexdigest(),
    }
    return {name: stand_ins.get(value, value) for name, value in form.items()}


def changes() -> Iterator[tuple[str, list[dict[str, str | None]]]]:
    """Yield each address with fields that differ from its whole form; None: the field is missing."""
    for path, form in FORMS.items():
        yield path, [dict.fromkeys(form), {}] if form else [{}]
        for name in form:
            yield path, [{name: value} for value in (None, *ODD)]
    # An editor that was emptied, checked, and then lost its text.
    yield "/routes/save", [{"text": None, "tried": EMPTY_DIGEST}]


def test_all_forms_are_here() -> None:
    routes = [route for page in PAGES for route in page.routes] + list(sign_in.ROUTES)
    assert FORMS.keys() == {route.path for route in routes if "POST" in (route.methods or ())}


@pytest.mark.parametrize(("path", "changed"), list(changes()), ids=lambda one: str(one)[:40])
async def test_a_form_is_answered_or_refused_in_words(
    browser: Browser, settings: Settings, path: str, changed: list[dict[str, str | None]]
) -> None:
    for fields in changed:
        known = {**filled(FORMS[path], settings), **fields}
        sent = {name: value for name, value in known.items() if value is not None}
        answer = await browser.post(path.replace("{key:path}", ITEM), **sent)
        assert answer.status_code in EXPECTED | OF_PATHS.get(path, set()), fields
        if answer.status_code != 200:
            assert "<html" in answer.text


@pytest.mark.parametrize("path", ["/routes/check", "/routes/save", "/routes/download"])
async def test_rules_without_a_text_are_refused(browser: Browser, settings: Settings, path: str) -> None:
    assert settings.routes is not None
    before = settings.routes.read_bytes()
    form = filled(FORMS["/routes/save"], settings) | {"tried": EMPTY_DIGEST}
    del form["text"]
    answer = await browser.post(path, **form)
    assert answer.status_code == 422
    assert "There are no rules in this form" in answer.text
    assert settings.routes.read_bytes() == before
