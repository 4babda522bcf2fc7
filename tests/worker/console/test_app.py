"""The frame of the console: who gets in, what every answer carries, and what is refused."""

from contextlib import suppress

import pytest
from triage_worker.console.pages import sign_in
from triage_worker.console.shared.web import PageError
from triage_worker.console.signing_in.users import add_user

from tests.worker.console.conftest import PASSWORD, Console

PAGES = ("/now", "/review", "/tickets", "/try", "/trust", "/acts")


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_sees_a_page_without_signing_in(console: Console, path: str) -> None:
    async with console.browser() as browser:
        answer = await browser.get(f"{path}?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next=%2F{path[1:]}%3Fa%3D1")


async def test_a_password_signs_in_and_leads_to_the_page(console: Console) -> None:
    async with console.browser() as browser:
        form = {"name": "anna", "password": PASSWORD, "next": "/tickets"}
        answer = await browser.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/tickets")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert (await browser.get("/tickets")).status_code == 200
    stored = await console.parts.database.read(
        lambda connection: connection.execute("SELECT * FROM sessions").fetchone()
    )
    assert cookie.split("=")[1].split(";")[0] not in tuple(stored), "the state has only the hash of the id"


@pytest.mark.parametrize("where", ["//evil.test/x", "https://evil.test", "/\\evil.test", "javascript:alert(1)", ""])
async def test_the_sign_in_never_leads_to_another_site(console: Console, where: str) -> None:
    async with console.browser() as browser:
        answer = await browser.post("/sign-in", data={"name": "anna", "password": PASSWORD, "next": where})
    assert answer.headers["location"] == "/"


async def test_a_wrong_password_and_an_unknown_name_look_the_same_and_are_recorded(console: Console) -> None:
    async with console.browser() as browser:
        wrong = await browser.post("/sign-in", data={"name": "anna", "password": "no"})
        unknown = await browser.post("/sign-in", data={"name": "otto", "password": "no"})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert wrong.text == unknown.text
    assert [one.key for one in console.topics.sent] == [b"person:anna", b"person:(unknown)"]
    assert b"otto" not in b"".join(one.value or b"" for one in console.topics.sent), "it may be somebody's password"


async def test_attempts_are_limited(console: Console) -> None:
    async with console.browser() as browser:
        answers = [await browser.post("/sign-in", data={"name": "anna", "password": "no"}) for _ in range(6)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]


async def test_who_signs_in_may_mistype_as_often_again(console: Console) -> None:
    async with console.browser() as browser:
        passwords = ["no"] * 4 + [PASSWORD] + ["no"] * 5
        answers = [await browser.post("/sign-in", data={"name": "anna", "password": one}) for one in passwords]
    assert [one.status_code for one in answers] == [401] * 4 + [303] + [401] * 5


def test_nobody_has_a_hundred_attempts_in_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(sign_in, "monotonic", lambda: now[0])
    attempts, taken = sign_in.Attempts(), 0
    for second in range(3_600):
        now[0] = float(second)
        with suppress(PageError):
            attempts.check("anna", f"10.0.{second // 250}.{second % 250}")
            taken += 1
    assert 5 < taken < 100


def test_a_flood_of_names_gives_nobody_more_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "monotonic", lambda: 0.0)
    monkeypatch.setattr(sign_in, "MOST_BUCKETS", 100)
    attempts, taken = sign_in.Attempts(), 0
    for number in range(10):
        for name in ("anna", *(f"name {number}-{other}" for other in range(100))):
            with suppress(PageError):
                attempts.check(name, "10.0.0.1")
                taken += 1
    assert taken == 20


async def test_a_password_is_compared_as_a_whole(console: Console) -> None:
    async with console.browser() as browser:
        longer = {"name": "anna", "password": PASSWORD + "x" * 2_000}
        assert (await browser.post("/sign-in", data=longer)).status_code == 401


async def test_signing_in_again_ends_the_earlier_session(console: Console) -> None:
    async with console.browser() as browser:
        form = {"name": "anna", "password": PASSWORD}
        first = (await browser.post("/sign-in", data=form)).cookies[console.parts.sessions.cookie]
        await browser.post("/sign-in", data=form)
        assert (await browser.get("/now")).status_code == 200
    async with console.browser() as thief:
        thief.cookies.set(console.parts.sessions.cookie, first)
        assert (await thief.get("/now")).status_code == 303


@pytest.mark.parametrize("path", ["/now", "/sign-in", "/static/console.css", "/nothing", "/livez"])
async def test_every_answer_forbids_what_pages_do_not_need(console: Console, path: str) -> None:
    browser = await console.signed_in()
    headers = (await browser.get(path)).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


async def test_pages_have_no_inline_scripts_or_styles(console: Console) -> None:
    browser = await console.signed_in()
    for path in PAGES:
        page = (await browser.get(path)).text
        assert "style=" not in page, path
        assert "<style" not in page, path
        assert page.count("<script") == page.count('<script src="/static/console.js" defer></script>') == 1, path
        assert " onclick" not in page, path


async def test_a_form_without_the_token_of_its_session_is_refused(console: Console) -> None:
    browser = await console.signed_in()
    answer = await browser.client.post("/sign-out", data={"csrf": "guessed"})
    assert answer.status_code == 403
    assert (await browser.get("/now")).status_code == 200, "still signed in"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_form_of_another_site_is_refused(console: Console, headers: dict[str, str]) -> None:
    browser = await console.signed_in()
    answer = await browser.client.post("/sign-out", data={"csrf": await browser.csrf()}, headers=headers)
    assert answer.status_code == 403


async def test_signing_out_ends_the_session(console: Console) -> None:
    browser = await console.signed_in()
    cookies = dict(browser.client.cookies)
    await browser.post("/sign-out")
    browser.client.cookies.update(cookies)
    assert (await browser.get("/now")).status_code == 303


async def test_who_is_taken_out_of_the_file_is_signed_out(console: Console) -> None:
    assert console.parts.settings.console_users is not None
    async with console.browser() as browser:
        await browser.post("/sign-in", data={"name": "anna", "password": PASSWORD})
        assert (await browser.get("/acts")).status_code == 200
        add_user(console.parts.settings.console_users, "anna", "reader", PASSWORD)
        assert (await browser.get("/acts")).status_code == 403
        console.parts.settings.console_users.write_text("users: []")
        assert (await browser.get("/now")).status_code == 303


async def test_a_session_ends_after_a_while_without_requests(console: Console) -> None:
    browser = await console.signed_in()
    console.clock.seconds += 7 * 3600
    assert (await browser.get("/now")).status_code == 200
    console.clock.seconds += 9 * 3600
    assert (await browser.get("/now")).status_code == 303


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("reader", {"/now", "/tickets", "/try"}),
        ("reviewer", {"/now", "/tickets", "/try", "/review"}),
        ("lead", set(PAGES)),
    ],
)
async def test_each_role_sees_its_pages(console: Console, role: str, allowed: set[str]) -> None:
    browser = await console.signed_in(role=role)  # type: ignore[arg-type]
    statuses = {path: (await browser.get(path)).status_code for path in PAGES}
    assert {path for path, status in statuses.items() if status == 200} == allowed
    assert set(statuses.values()) <= {200, 403}
    navigation = (await browser.get("/now")).text.split("<nav", 1)[1].split("</nav>", 1)[0]
    assert {path for path in PAGES if f'href="{path}"' in navigation} == allowed


async def test_a_form_of_many_fields_is_refused_by_a_page(console: Console) -> None:
    browser = await console.signed_in()
    answer = await browser.post("/try", **{f"f{number}": "" for number in range(300)})
    assert (answer.status_code, "too many fields" in answer.text) == (413, True)


async def test_errors_are_pages(console: Console) -> None:
    browser = await console.signed_in()
    missing = await browser.get("/nothing")
    assert (missing.status_code, "There is nothing here" in missing.text) == (404, True)
    assert (await browser.client.post("/now", data={})).status_code == 405
    await console.parts.database.write(lambda connection: connection.execute("DROP TABLE minutes"))
    broken = await browser.get("/now")
    assert (broken.status_code, "Something went wrong" in broken.text) == (500, True)
    assert "minutes" not in broken.text, "a page says nothing of the inside"


async def test_the_probes_need_no_sign_in(console: Console) -> None:
    async with console.browser() as browser:
        assert [(await browser.get(path)).status_code for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
