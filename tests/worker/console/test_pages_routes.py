"""The page Routes: rules in words, what others would change, and a save that loses nobody's change."""

import asyncio
import hashlib
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from triage_schemas.events import EntityRef
from triage_worker.config.settings import Settings
from triage_worker.console.queries.routes import sampled
from triage_worker.console.shared import rules
from triage_worker.console.state.samples import EACH_HOUR
from triage_worker.routing.routes_file import DEFAULT_ROUTES, SHOWN_DIGITS, read

from tests.worker.console.conftest import Browser, Console
from tests.worker.console.filling import NOW, NOW_MS, intent, request, ticket
from tests.worker.console.test_pages import look
from tests.worker.fallback.events import event

RULES = """\
timezone: Europe/Berlin
defaults: {queue: general, priority: normal, sla: 24h}
rules:
  - name: good customers
    when: {metadata: {tier: vip}, intent: [WISMO, DAMAGED_ITEM], confidence: {at_least: 0.5}}
    then: {queue: priority-care, priority: urgent, tags: [vip]}
  - name: parcels
    when: {intent: WISMO}
    then: {queue: delivery}
  - name: named orders
    when: {entities: order_number, channel: chat}
    then: {queue: orders, sla: 2h}
"""
ROUTER = """
# TYPE triage_router_rules_info gauge
triage_router_rules_info{{digest="{digest}"}} 1.0
# TYPE triage_router_rules_refused gauge
triage_router_rules_refused {refused}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "routes.yaml"
    path.parent.mkdir()
    put(path, RULES)
    return path


@pytest.fixture
def settings(tmp_path: Path, file: Path) -> Settings:
    return Settings(console_users=tmp_path / "users.yaml", routes=file)


def content(path: Path) -> str:
    """What a file has."""
    return path.read_text()


def put(path: Path, text: str) -> None:
    """Write a file, as an editor does."""
    path.write_text(text)


def delete(path: Path) -> None:
    """Remove a file."""
    path.unlink()


async def week(console: Console) -> None:
    """Intents: three of parcels, one of them of a good customer, and one that names an order on chat."""
    order = EntityRef(type="order_number", value="48213", start=0, end=5)
    await console.topics.events(
        "output_topic",
        intent(1, message_id="m-1", channel="email"),
        intent(2, message_id="m-2", channel="email", text="where is <b>my</b> parcel, write to jo.miller@example.com"),
        intent(3, message_id="m-3", channel="email", metadata={"tier": "vip"}),
        intent(4, message_id="m-4", intent="OTHER", channel="chat", entities=[order]),
        at=NOW - timedelta(days=2),
    )
    await console.topics.events("output_topic", intent(9, channel="email"), at=NOW - timedelta(days=9))
    await console.topics.events("fallback_topic", event("not an intent", 10))


def changes(path: Path, text: str, **more: str) -> dict[str, str]:
    """The form of a text that was checked, on the file as it is."""
    known = {"text": text, "opened": read(path).digest, "reason": "claims has no people"}
    return known | {"tried": digest(text)} | more


def digest(text: str) -> str:
    """What names a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def acts(console: Console) -> list[dict[str, Any]]:
    sent = [orjson.loads(one.value or b"{}") for one in console.topics.sent if one.topic == "support.acts"]
    return [one for one in sent if one["act"] == "change_rules"]


def row(page: str, name: str) -> str:
    """The row of a table that has a word in bold."""
    return next(part.split("</tr>")[0] for part in page.split("<tr>") if f"<b>{name}</b>" in part)


async def test_rules_are_readable_in_their_order(console: Console) -> None:
    await week(console)
    page = (await (await console.signed_in("rea", "reader")).get("/routes")).text
    assert page.index("good customers") < page.index("parcels") < page.index("named orders")
    first = row(page, "good customers")
    for part in (
        "the intent is WISMO or DAMAGED_ITEM",
        "the confidence is at least 0.5",
        "tier is vip",
        "<b>priority-care</b>, urgent, in 24 h",
        "vip</span>",
        ">1</td>",
    ):
        assert part in first
    assert ">2</td>" in row(page, "parcels"), "those of the last week alone"
    assert "the text names order_number" in row(page, "named orders")
    assert ">1</td>" in row(page, "named orders")
    assert "4 intents of the last 7 days" in page
    assert "Times are in Europe/Berlin" in page
    assert "/routes/edit" not in page, "a reader cannot change anything"


async def test_what_would_go_elsewhere(console: Console, file: Path) -> None:
    await week(console)
    changed = RULES.replace("queue: delivery", "queue: claims").replace("sla: 2h", "sla: 1h")
    browser = await console.signed_in()
    answer = await browser.post("/routes/check", **changes(file, changed))
    page = answer.text
    assert answer.status_code == 200
    assert "2</span>" in page
    assert "of 4 intents of the last 7 days would go to another queue (50.0 %)" in page
    moved = next(part for part in page.split("<tr>") if "delivery<br>" in part)
    assert "claims<br>" in moved
    assert "where is &lt;b&gt;my&lt;/b&gt; parcel, write to [EMAIL_1]" in moved
    assert "message m-1" in moved
    later = next(part for part in page.split("<tr>") if "2 h</span>" in part)
    assert "1 h</span>" in later
    assert "m-4" in later
    assert "changed &#39;parcels&#39;, changed &#39;named orders&#39;" in page
    assert "jo.miller" not in page
    assert content(file) == RULES, "nothing is saved by a check"


async def test_texts_that_the_router_does_not_have_are_examples_and_no_facts(console: Console, file: Path) -> None:
    await console.topics.events("output_topic", intent(1, decided_by="llm"))
    await console.topics.events("review_topic", request("my lawyer says so", 1))
    await console.topics.events("output_topic", intent(2, text="the lawyer again"))
    words = RULES.replace("when: {intent: WISMO}", "when: {words: lawyer}")
    page = (await (await console.signed_in()).post("/routes/check", **changes(file, words))).text
    assert "of 2 intents of the last 7 days would go to another queue (50.0 %)" in page
    assert "my lawyer says so" in page, "what goes to the defaults now"
    assert "the lawyer again" not in page


async def test_tickets_know_the_words_that_the_router_knows(console: Console, file: Path) -> None:
    put(file, RULES.replace("when: {intent: WISMO}", "when: {words: lawyer}"))
    await console.topics.events("output_topic", intent(1, text="my lawyer says so", conversation_id="c-1"))
    await console.topics.events("tickets_topic", ticket("T-1", conversation_id="c-1"))
    assert "The rule <b>parcels</b> fires" in (await (await console.signed_in()).get("/tickets/T-1")).text


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("rules:\n  - name: a\n    when: {intnt: X}\n    then: {}\n", 3, "rules.0.when.intnt: not known here"),
        ("rules: [\n", 2, "expected the node content"),
        ("rules:\n  - {name: a, then: {}}\n  - {name: b, then: {}}\n", 3, "can never fire"),
        ("[" * 5_000, None, "nested too deeply"),
    ],
)
async def test_a_mistake_is_shown_with_its_line(
    console: Console, file: Path, text: str, line: int | None, words: str
) -> None:
    answer = await (await console.signed_in()).post("/routes/check", **changes(file, text))
    assert answer.status_code == 422
    mistake = answer.text.split('id="mistake"', 1)[1].split("</p>", 1)[0]
    assert words in mistake
    assert f"routes.yaml, line {line}: " in mistake or line is None
    if line == 3:
        assert f"<code>3: {text.splitlines()[2]}".replace("'", "&#39;") in mistake
    assert "Save these rules" not in answer.text
    saved = await (await console.signed_in()).post("/routes/save", **changes(file, text))
    assert saved.status_code == 422
    assert content(file) == RULES


async def test_a_rule_that_fires_for_nothing_is_named(console: Console, file: Path) -> None:
    await week(console)
    form = changes(file, RULES.replace("WISMO}", "WISMOO}"))
    page = (await (await console.signed_in()).post("/routes/check", **form)).text
    assert "Would fire for none of them: <b>parcels</b>" in page


async def test_a_lead_saves_with_a_reason_and_it_is_recorded(console: Console, file: Path) -> None:
    changed = RULES.replace("queue: delivery", "queue: claims")
    before = read(file).digest
    browser = await console.signed_in("lena", "lead")
    asked = (await browser.get("/routes/edit")).text
    assert f'name="opened" value="{before}"' in asked
    form = changes(file, changed.replace("\n", "\r\n"), tried=digest(changed))
    page = (await browser.post("/routes/save", **form)).text
    assert "Saved. A router that has this file reads it within seconds." in page
    assert content(file) == changed
    (act,) = acts(console)
    assert (act["who"], act["role"], act["subject"]) == ("lena", "lead", f"rules {file}")
    assert act["details"] == {
        "reason": "claims has no people",
        "changes": "changed 'parcels'",
        "from": before[:SHOWN_DIGITS],
        "to": digest(changed)[:SHOWN_DIGITS],
    }


async def test_two_leads_at_once_and_no_change_is_lost(console: Console, file: Path) -> None:
    texts = {name: RULES.replace("queue: delivery", f"queue: of-{name}") for name in ("lena", "otto")}
    browsers = {name: await console.signed_in(name, "lead") for name in texts}
    forms = {name: changes(file, text, csrf=await browsers[name].csrf()) for name, text in texts.items()}

    async def save(name: str) -> int:
        answer = await browsers[name].client.post("/routes/save", data=forms[name])
        if answer.status_code == 409:
            winner = next(one for one in texts if one != name)
            assert "somebody else has changed" in answer.text
            assert 'name="tried" value=""' in answer.text, "what it changes of the other's rules is not seen yet"
            assert f"queue: of-{name}" in answer.text, "the text need not be written again"
            assert f"-    then: {{queue: of-{winner}}}" in answer.text, "what the other one wrote is shown"
        return answer.status_code

    answers = dict(zip(texts, await asyncio.gather(*map(save, texts)), strict=True))
    assert sorted(answers.values()) == [303, 409]
    winner = next(name for name, status in answers.items() if status == 303)
    assert content(file) == texts[winner]
    assert [one["who"] for one in acts(console)] == [winner]


async def test_a_stale_text_is_compared_with_the_new_rules_and_can_be_saved_then(console: Console, file: Path) -> None:
    mine, theirs = RULES + "# mine\n", RULES + "# theirs\n"
    form = changes(file, mine)
    put(file, theirs)
    browser = await console.signed_in()
    answer = await browser.post("/routes/save", **form)
    assert "somebody else has changed" in answer.text
    assert "-# theirs" in answer.text
    assert content(file) == theirs
    await browser.post("/routes/save", **changes(file, mine))
    assert content(file) == mine


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"reason": "  "}, "give a reason"),
        ({"reason": "x" * 501}, "give a reason"),
        ({"tried": ""}, "the text has changed since it was checked"),
    ],
)
async def test_nothing_is_saved_without_a_check_and_a_reason(
    console: Console, file: Path, more: dict[str, str], words: str
) -> None:
    answer = await (await console.signed_in()).post("/routes/save", **changes(file, RULES + "# more\n", **more))
    assert answer.status_code == 422
    assert words in answer.text
    assert content(file) == RULES
    assert acts(console) == []


@pytest.mark.parametrize("role", ["reader", "reviewer"])
async def test_others_may_look_and_not_change(console: Console, file: Path, role: Any) -> None:
    browser: Browser = await console.signed_in("rea", role)
    assert (await browser.get("/routes")).status_code == 200
    assert (await browser.get("/routes/edit")).status_code == 403
    for path in ("check", "save", "download"):
        assert (await browser.post(f"/routes/{path}", **changes(file, "rules: []\n"))).status_code == 403
    assert content(file) == RULES


async def test_read_only_rules_are_downloaded(console: Console, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "access", lambda *_: False)
    browser = await console.signed_in()
    page = (await browser.post("/routes/check", **changes(file, RULES + "# more\n"))).text
    assert "is read-only for this console" in page
    assert "--set-file router.routes=routes.yaml" in page
    assert "Save these rules" not in page
    assert (await browser.post("/routes/save", **changes(file, RULES + "# more\n"))).status_code == 403
    answer = await browser.post("/routes/download", **changes(file, RULES + "# more\r\n"))
    assert answer.headers["content-disposition"] == 'attachment; filename="routes.yaml"'
    assert answer.headers["content-type"] == "text/yaml; charset=utf-8"
    assert answer.text == RULES + "# more\n"
    assert content(file) == RULES


async def test_the_shipped_rules_are_never_changed(console: Console) -> None:
    vars(console.parts.settings)["routes"] = None
    shipped = DEFAULT_ROUTES.read_text()
    browser = await console.signed_in("anna", "admin")
    page = (await browser.get("/routes")).text
    assert "the rules that ship with Triage" in page
    assert "set TRIAGE_ROUTES to a file of your own" in page
    assert (await browser.post("/routes/save", **changes(DEFAULT_ROUTES, "rules: []\n"))).status_code == 403
    assert DEFAULT_ROUTES.read_text() == shipped


async def test_a_file_that_cannot_be_written_after_all_is_as_it_was(console: Console, file: Path) -> None:
    (file.parent / ".routes.yaml.lock").mkdir()  # stands for a file system that became read-only
    answer = await (await console.signed_in()).post("/routes/save", **changes(file, RULES + "# more\n"))
    assert answer.status_code == 422
    assert "cannot be written (Is a directory), and is as it was" in answer.text
    assert content(file) == RULES
    assert acts(console) == []


async def test_without_a_broker_the_page_says_what_was_done(console: Console, file: Path) -> None:
    browser = await console.signed_in()
    console.topics.away = True
    page = (await browser.post("/routes/save", **changes(file, RULES + "# more\n"))).text
    assert content(file) == RULES + "# more\n"
    assert "Kafka did not confirm the record of this act" in page


async def test_rules_in_force_that_are_not_valid_can_be_mended(console: Console, file: Path) -> None:
    put(file, "rules: [1]\n")
    browser = await console.signed_in()
    page = (await browser.get("/routes")).text
    assert "line 1: rules.0: should be a mapping" in page
    assert "The router keeps the last rules that were valid." in page
    assert "there is nothing to compare with" in (await browser.post("/routes/check", **changes(file, RULES))).text
    await browser.post("/routes/save", **changes(file, RULES))
    assert content(file) == RULES
    delete(file)
    gone = await browser.get("/routes")
    assert gone.status_code == 200
    assert "cannot be read: No such file or directory" in gone.text


async def test_the_routers_metrics_say_which_rules_are_in_force(console: Console, file: Path) -> None:
    own = ROUTER.format(digest=read(file).digest[:SHOWN_DIGITS], refused=0)
    browser = await console.signed_in()
    console.parts.scraper.looks.append(look(own))
    assert "1 router has these rules" in (await browser.get("/routes")).text
    console.parts.scraper.looks.append(look(own, ROUTER.format(digest="0" * SHOWN_DIGITS, refused=1)))
    page = (await browser.get("/routes")).text
    assert "1 router has other rules than these." in page
    assert "1 router refuses the present file" in page


async def test_hostile_texts_in_rules_and_messages_are_shown_as_text(console: Console, file: Path) -> None:
    script = "<script>alert(1)</script>\u202e"
    hostile = RULES.replace("name: parcels", f"name: {script!a}".replace("'", '"')).replace(
        "queue: delivery", 'queue: "<img src=x>"'
    )
    await console.topics.events("output_topic", intent(1, text=f"</textarea>{script}", message_id=script))
    browser = await console.signed_in()
    checked = (await browser.post("/routes/check", **changes(file, hostile + "# </textarea><script>alert(2)\n"))).text
    put(file, hostile)
    for page in (checked, (await browser.get("/routes")).text):
        assert "<script>alert" not in page
        assert "<img" not in page
        assert "\u202e" not in page
        assert "⟦U+202E⟧" in page
    assert checked.count("</textarea>") == 2


async def test_of_a_busy_hour_a_sample_stands_for_all(console: Console) -> None:
    many = 3 * EACH_HOUR
    intents = [intent(number, intent="WISMO" if number % 3 else "OTHER") for number in range(many)]
    for start in range(0, many, 100):
        await console.topics.events("output_topic", *intents[start : start + 100])
    await console.topics.events("output_topic", *intents[:100])  # sent twice, and counted once
    found = await console.parts.database.read(lambda connection: sampled(connection, NOW_MS - 3_600_000, EACH_HOUR))
    assert len(found) == EACH_HOUR
    assert sum(one.weight for one in found) == pytest.approx(many)
    share = sum(one.intent == "WISMO" for one in found) / EACH_HOUR
    assert share == pytest.approx(2 / 3, abs=0.1), "the draws are always the same, so this is no chance"
    few = await console.parts.database.read(lambda connection: sampled(connection, NOW_MS - 3_600_000, 12))
    assert len(few) == 12
    assert sum(one.weight for one in few) == pytest.approx(many)
    force = rules.rules_in_force(console.parts.settings)
    assert force.routes is not None
    run = rules.tried(force.routes, force.routes, found)
    assert run.messages == pytest.approx(many)
    assert run.moves == []
