"""The page Bundles: a real store, real promotions by the function of the command line, and two leads at once."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from triage_models.bundle.store import BundleStore
from triage_models.bundle.verdicts import CANDIDATES, append_run
from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings

from tests.models.bundle.test_verdicts import report
from tests.models.fake_bundles import fake_bundle, variant
from tests.worker.console.conftest import Browser, Console
from tests.worker.console.filling import NOW, intent
from tests.worker.console.test_pages import WORKER, look

SHADOW = """
# TYPE triage_shadow_model_info gauge
triage_shadow_model_info{name="shop",version="9",device="cpu"} 1.0
# TYPE triage_shadow_compared_messages counter
triage_shadow_compared_messages_total{outcome="same",accepted_by="both",serves="*"} 90.0
triage_shadow_compared_messages_total{outcome="intent_differs",accepted_by="neither",serves="*"} 6.0
triage_shadow_compared_messages_total{outcome="acceptance_differs",accepted_by="shadow",serves="*"} 4.0
# TYPE triage_shadow_skipped_messages counter
triage_shadow_skipped_messages_total{reason="dropped"} 11.0
"""


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """A store that has served 1 and serves 2."""
    opened = BundleStore(tmp_path / "store")
    for version in ("1", "2"):
        opened.promote(fake_bundle(tmp_path / "bundles" / version, version), why=f"the reason of {version}")
    return opened


@pytest.fixture
def settings(tmp_path: Path, store: BundleStore) -> Settings:
    return Settings(console_users=tmp_path / "users.yaml", bundle=BundlePaths(store.root), device="cpu")


@pytest.fixture
def candidate(store: BundleStore) -> Callable[..., Path]:
    """Put a candidate into the store, which verifies, with a verdict."""

    def put(version: str = "3", *, serving: str = "2", better: bool = True, **more: Any) -> Path:
        judged = report(version, serving, better=better, **more)
        append_run(store.root, datetime.now(UTC), promoted=False, report=judged)
        return variant(store.root / CANDIDATES / f"of-{version}", version)

    return put


def served(store: BundleStore) -> str:
    current = store.current()
    assert current is not None
    return current.name


def form(store: BundleStore, bundle: Path | None = None, **more: str) -> dict[str, str]:
    """The form by which a bundle is promoted, or a store is rolled back."""
    known = {"store": str(store.root), "bundle": str(bundle or ""), "serving": "2", "reason": "fewer errors"}
    return known | more


def acts(console: Console) -> list[dict[str, Any]]:
    """What was published on the topic of acts, without sign-ins."""
    sent = [orjson.loads(one.value or b"{}") for one in console.topics.sent if one.topic == "support.acts"]
    return [one for one in sent if one["act"] in {"promote", "rollback"}]


async def test_the_page_shows_what_serves_and_what_waits(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    candidate("3")
    candidate("4", better=False, why=["On 60 held-out answers it makes 9 errors, and the serving bundle makes 8."])
    append_run(store.root, datetime.now(UTC), promoted=False, report=report("elsewhere"))
    await console.topics.events("output_topic", *(intent(offset) for offset in range(3)))
    console.parts.scraper.looks.append(look(WORKER, SHADOW))
    page = (await (await console.signed_in("rea", "reader")).get("/bundles")).text
    for part in (
        "80.0 % of them, from a confidence of 70.0 %",
        "at most 5.0 % of what is accepted is wrong, at 95 % confidence",
        "the reason of 2",
        "95.5 % of the messages that have an intent",
        "right 85.0 % → <b>92.0 %</b>",
        "On 60 held-out answers it makes 9 errors",
        "and not kept here",
        "1 worker has loaded ecommerce <b>1</b>",
        "ecommerce 1</td><td class=\"number\">3</td>",
        "90.0 %</span> <span class=\"dim\">of 100 messages decided alike",
        "On 6 the intents differ, 4 only one of the two accepts, 11 were skipped.",
    ):  # fmt: skip
        assert part in page
    assert "/bundles/change" not in page, "a reader cannot change anything"
    lead = (await (await console.signed_in()).get("/bundles")).text
    for part in ("Promote 3 …", "Promote 4 …", "Promote 1 …", "Roll back to 1 …"):
        assert part in lead


async def test_a_lead_promotes_what_was_found_better(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder = candidate("3")
    browser = await console.signed_in("lena", "lead")
    asked = (await browser.client.get("/bundles/change", params=form(store, folder))).text
    assert "Promote 3 now" in asked
    page = (await browser.post("/bundles/change", **form(store, folder))).text
    assert "3 serves now." in page
    assert served(store) == "3"
    assert store.history()[-1].why == "fewer errors (lena, console)"
    (act,) = acts(console)
    assert (act["act"], act["who"], act["role"]) == ("promote", "lena", "lead")
    assert act["details"] == {"reason": "fewer errors", "from": "2", "to": "3"}
    assert "lena" in (await browser.get("/acts?act=promote")).text


async def test_a_rollback_serves_the_version_before(console: Console, store: BundleStore) -> None:
    browser = await console.signed_in("lena", "lead")
    asked = (await browser.client.get("/bundles/change", params={"store": str(store.root)})).text
    assert "Roll back to 1 now" in asked
    page = (await browser.post("/bundles/change", **form(store, reason="refunds go wrong"))).text
    assert "1 serves now." in page
    assert served(store) == "1"
    assert [one["act"] for one in acts(console)] == ["rollback"]
    last = (await browser.client.get("/bundles/change", params={"store": str(store.root)})).text
    assert "There is nothing to go back to." in last


async def test_two_leads_at_once_and_only_one_promotes(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folders = {"lena": candidate("3"), "otto": candidate("4")}
    browsers = {name: await console.signed_in(name, "lead") for name in folders}
    tokens = {name: await browser.csrf() for name, browser in browsers.items()}

    async def promote(name: str) -> int:
        data = {"csrf": tokens[name], **form(store, folders[name], reason=f"the reason of {name}")}
        answer = await browsers[name].client.post("/bundles/change", data=data)
        if answer.status_code == 409:
            assert "Somebody else has changed this store meanwhile, so nothing was changed now." in answer.text
            winner = next(one for one in folders if one != name)
            assert f"the reason of {winner} ({winner}, console)" in answer.text
        return answer.status_code

    assert sorted(await asyncio.gather(*map(promote, folders))) == [303, 409]
    assert [entry.to for entry in store.history()][:2] == ["1", "2"]
    assert len(store.history()) == 3
    assert served(store) == store.history()[-1].to
    assert [one["details"]["to"] for one in acts(console)] == [served(store)]
    kept = {folder.name for folder in store.versions()}
    assert kept == {"1", "2", served(store)}


@pytest.mark.parametrize("rolls_back", [False, True])
async def test_a_page_that_is_old_changes_nothing(
    console: Console, store: BundleStore, candidate: Callable[..., Path], rolls_back: bool
) -> None:
    candidate("3")
    other = candidate("4")
    store.promote(store.root / CANDIDATES / "of-3", why="at a terminal")
    answer = await (await console.signed_in()).post("/bundles/change", **form(store, None if rolls_back else other))
    assert answer.status_code == 409
    assert "3 serves since" in answer.text
    assert "Their reason: at a terminal" in answer.text
    assert 'name="serving" value="3"' in answer.text or not rolls_back
    assert served(store) == "3"
    assert acts(console) == []


async def test_two_leads_who_promote_the_same_bundle(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder = candidate("3")
    first, second = await console.signed_in("lena", "lead"), await console.signed_in("otto", "lead")
    await first.post("/bundles/change", **form(store, folder))
    answer = await second.post("/bundles/change", **form(store, folder))
    assert answer.status_code == 409
    assert "3 serves since" in answer.text
    assert "fewer errors (lena, console)" in answer.text
    assert len(acts(console)) == 1


@pytest.mark.parametrize(
    ("judged", "sentence"),
    [
        ({"better": False, "why": ["WISMO lost 4.0 points."]}, "WISMO lost 4.0 points."),
        ({"serving": "1"}, "It was compared with 1, and 2 serves now."),
        (None, "Nobody has compared it with 2, which serves now"),
    ],
)
async def test_what_the_gate_refuses_needs_an_admin(
    console: Console, store: BundleStore, candidate: Callable[..., Path], judged: dict[str, Any] | None, sentence: str
) -> None:
    folder = variant(store.root / CANDIDATES / "new", "3") if judged is None else candidate("3", **judged)
    lead = await console.signed_in("lena", "lead")
    asked = (await lead.client.get("/bundles/change", params=form(store, folder))).text
    assert sentence in asked
    assert "<button>Promote" not in asked
    refused = await lead.post("/bundles/change", **form(store, folder))
    assert refused.status_code == 422
    assert "The verdict is against it, so nothing was changed." in refused.text
    assert (await lead.post("/bundles/change", **form(store, folder, despite="1"))).status_code == 403
    assert served(store) == "2"
    assert acts(console) == []
    admin = await console.signed_in("anna", "admin")
    assert "I have read what stands against it" in (
        (await admin.client.get("/bundles/change", params=form(store, folder))).text
    )
    await admin.post("/bundles/change", **form(store, folder, despite="1"))
    assert served(store) == "3"
    assert acts(console)[0]["details"]["despite"] == "the verdict"


async def test_a_bundle_that_does_not_verify_is_refused_in_words(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder = candidate("3")
    with (folder / "tokenizer.json").open("a") as file:
        file.write(" ")
    answer = await (await console.signed_in()).post("/bundles/change", **form(store, folder))
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text
    assert "its SHA-256 differs" in answer.text
    assert "fewer errors" in answer.text, "the reason need not be written again"
    assert served(store) == "2"
    assert acts(console) == []


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
async def test_a_reason_is_needed(
    console: Console, store: BundleStore, candidate: Callable[..., Path], reason: str
) -> None:
    answer = await (await console.signed_in()).post("/bundles/change", **form(store, candidate("3"), reason=reason))
    assert answer.status_code == 422
    assert served(store) == "2"


async def test_a_reason_may_have_as_many_characters_as_browsers_allow(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    lines = ["x"] * 250  # 499 characters for a browser, which sends two for each end of a line
    reason = "\r\n".join(lines)
    answer = await (await console.signed_in()).post("/bundles/change", **form(store, candidate("3"), reason=reason))
    assert answer.status_code == 200
    [act] = acts(console)
    assert act["details"]["reason"] == "\n".join(lines)


@pytest.mark.parametrize("role", ["reader", "reviewer"])
async def test_others_may_look_and_not_change(
    console: Console, store: BundleStore, candidate: Callable[..., Path], role: Any
) -> None:
    browser, folder = await console.signed_in("rea", role), candidate("3")
    assert (await browser.get("/bundles")).status_code == 200
    assert (await browser.client.get("/bundles/change", params=form(store, folder))).status_code == 403
    assert (await browser.post("/bundles/change", **form(store, folder))).status_code == 403
    assert served(store) == "2"


async def test_folders_that_are_not_listed_are_never_promoted(console: Console, store: BundleStore) -> None:
    foreign = variant(store.root.parent / "foreign", "7")
    browser = await console.signed_in("anna", "admin")
    for fields in (
        form(store, foreign, despite="1"),
        form(store, store.root / CANDIDATES / ".." / ".." / "foreign", despite="1"),
        form(store) | {"store": str(store.root.parent)},
    ):
        assert (await browser.post("/bundles/change", **fields)).status_code == 404
    assert served(store) == "2"


async def test_without_a_broker_the_page_says_what_was_done(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder, browser = candidate("3"), await console.signed_in()
    console.topics.away = True
    page = (await browser.post("/bundles/change", **form(store, folder))).text
    assert served(store) == "3"
    assert "3 serves now." in page
    assert "Kafka did not confirm the record of this act; the history of the store has it" in page


async def test_a_read_only_store_shows_commands(
    console: Console, store: BundleStore, candidate: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, access = candidate("3"), os.access
    # The tests may run as root, whom no permission stops.
    monkeypatch.setattr(
        os, "access", lambda path, mode: access(path, mode) and not Path(path).is_relative_to(store.root)
    )
    browser: Browser = await console.signed_in()
    page = (await browser.get("/bundles")).text
    assert "This console cannot change it" in page
    assert f"triage bundle promote {folder} --store {store.root} --why" in page
    assert f"triage bundle rollback {store.root} --why" in page
    asked = (await browser.client.get("/bundles/change", params=form(store, folder))).text
    assert "is read-only here" in asked
    assert "<button>Promote" not in asked


async def test_a_store_that_cannot_be_written_after_all_is_left_as_it_was(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder, browser = candidate("3"), await console.signed_in()
    (store.root / ".lock").unlink()
    (store.root / ".lock").mkdir()  # stands for a file system that became read-only: the lock cannot be opened
    answer = await browser.post("/bundles/change", **form(store, folder))
    assert answer.status_code == 422
    assert "cannot be changed: Is a directory" in answer.text
    assert "the current bundle is unchanged" in answer.text
    assert served(store) == "2"
    assert acts(console) == []


async def test_without_a_store_the_page_says_what_to_set(console: Console, tmp_path: Path) -> None:
    alone = fake_bundle(tmp_path / "alone", "5")
    vars(console.parts.settings)["bundle"] = BundlePaths(alone)
    page = (await (await console.signed_in()).get("/bundles")).text
    assert "There is no store here" in page
    assert f"triage bundle promote {alone} --store STORE" in page
    assert "console.promotes: true" in page
    vars(console.parts.settings)["bundle"] = BundlePaths(tmp_path / "nothing")
    page = (await (await console.signed_in()).get("/bundles")).text
    assert "cannot be read: No such file or directory" in page


async def test_each_language_has_its_store(console: Console, store: BundleStore, tmp_path: Path) -> None:
    german = BundleStore(tmp_path / "german")
    german.promote(fake_bundle(tmp_path / "bundles" / "de", "de-1"), why="the German one")
    vars(console.parts.settings)["bundle"] = BundlePaths(store.root, {"de": german.root})
    page = (await (await console.signed_in()).get("/bundles")).text
    assert page.index("All other messages") < page.index("Messages in de")
    assert "the German one" in page


async def test_a_damaged_store_is_said_and_nothing_fails(console: Console, store: BundleStore) -> None:
    (store.root / "history.jsonl").write_text("{}\n")
    answer = await (await console.signed_in()).get("/bundles")
    assert answer.status_code == 200
    assert "history.jsonl is damaged" in answer.text


async def test_a_serving_bundle_that_is_damaged_can_be_replaced(
    console: Console, store: BundleStore, candidate: Callable[..., Path]
) -> None:
    folder, browser = candidate("3"), await console.signed_in()
    (store.root / "versions" / "2" / "triage.json").write_text("{")
    page = (await browser.get("/bundles")).text
    assert "triage.json is damaged" in page
    assert "Promote 3 …" in page
    assert 'name="serving" value="2"' in (
        (await browser.client.get("/bundles/change", params=form(store, folder) | {"serving": ""})).text
    )
    await browser.post("/bundles/change", **form(store, folder))
    assert served(store) == "3"


async def test_hostile_texts_of_bundles_are_shown_as_text(console: Console, store: BundleStore) -> None:
    script = "<script>alert(1)</script>\u202e"
    folder = fake_bundle(store.root / CANDIDATES / "odd<b>", "9")
    manifest = json.loads((folder / "triage.json").read_text())
    manifest["name"] = script
    manifest["training"] = {"base": script, "data": script, "rows": 3, "learnt_from": {"bundle": script}}
    manifest["metrics"] = {"measured_on": script, "accuracy_in_scope": "many"}
    (folder / "triage.json").write_text(json.dumps(manifest))
    append_run(store.root, NOW, promoted=False, report=report("9", better=False, why=[script]))
    store.rollback(why=script)
    page = (await (await console.signed_in()).get("/bundles")).text
    asked = (
        await (await console.signed_in("anna", "admin")).client.get("/bundles/change", params=form(store, folder))
    ).text
    for shown in (page, asked):
        assert "<script>alert" not in shown
        assert "\u202e" not in shown
        assert "&lt;script&gt;alert(1)&lt;/script&gt;⟦U+202E⟧" in shown
