"""``triage bundle``: promotion, rollback and errors."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from triage_models.bundle.bundle import MANIFEST, Bundle
from triage_models.errors import BundleError
from triage_models.serving.classifier import Classifier

from tests.models.fake_bundles import fake_bundle
from tests.worker.cli.result import Triage, refused


def test_a_missing_bundle_is_one_sentence(triage: Triage) -> None:
    for command in (["classify", "hello"], ["bundle", "verify"], ["bundle", "inspect"]):
        refused(triage(*command, "--bundle", "nowhere"), "nowhere")
    refused(triage("bundle", "inspect", "nowhere"), "nowhere")


@pytest.mark.usefixtures("model")
def test_a_bundle_is_promoted_rolled_back_and_its_history_shown(triage: Triage, tmp_path: Path) -> None:
    for version in ("1", "2"):
        ran = triage(
            "bundle", "promote", str(fake_bundle(tmp_path / version, version)), "--store", "s", "--why", "a [test]"
        )
        assert (ran.code, ran.out) == (0, f"{version} is now current in s.\n"), ran.err
    assert triage("bundle", "rollback", "s", "--why", "no good").out == "1 is current in s again.\n"
    refused(triage("bundle", "rollback", "s"), "nothing to go back to")
    refused(triage("bundle", "rollback", "nowhere"), "There is no store")
    _, *lines, last = triage("bundle", "history", "s").out.splitlines()
    assert [line.split(None, 2)[2].strip() for line in lines] == [
        "promote         1   a [test]",
        "promote   1     2   a [test]",
        "rollback  2     1   no good",
    ]
    assert last == "Current is 1."


def test_all_bundles_of_a_setting_by_language_are_verified(
    triage: Triage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_a_model(path: Path, **_: object) -> SimpleNamespace:
        return SimpleNamespace(bundle=Bundle.open(path, verify=False), device="cpu")

    monkeypatch.setattr(Classifier, "open", without_a_model)
    first, second = (fake_bundle(tmp_path / version, version) for version in ("1", "2"))
    other = fake_bundle(tmp_path / "3", "3")
    manifest = Bundle.open(other, verify=False).manifest.model_copy(update={"labels": ("A", "C")})
    (other / MANIFEST).write_text(manifest.model_dump_json())
    ran = triage("bundle", "verify", "--bundle", f"en={first},*={second}")
    assert ran.code == 0, ran.err
    assert [line.split(" is valid")[0] for line in ran.out.splitlines()] == ["shop 2", "shop 1"]
    refused(triage("bundle", "verify", "--bundle", f"en={first},*={other}"), "need the same labels")
    refused(triage("bundle", "verify", "--bundle", f"en={first}"), "add *=FOLDER")


@pytest.mark.parametrize(
    "command",
    [
        ["bundle", "inspect"],
        ["calibrate", "--data", "rows.csv", "--output", "new"],
        ["evaluate", "--data", "rows.csv"],
        ["sample", "--input", "rows.csv", "--output", "drawn.csv"],
    ],
    ids=lambda command: command[0],
)
def test_what_is_about_one_bundle_says_which_there_are(triage: Triage, command: list[str]) -> None:
    Path("rows.csv").write_text("text,label\nwhere is my parcel,WISMO\n")
    refused(triage(*command, "--bundle", "en=a,*=b"), "give --bundle one of b, a")


def test_a_bundle_that_does_not_verify_is_not_promoted(triage: Triage, tmp_path: Path) -> None:
    refused(
        triage("bundle", "promote", str(fake_bundle(tmp_path / "1", "1")), "--store", "s", "--why", "x"),
        "cannot be read",
    )
    assert not (tmp_path / "s").exists()


def test_a_models_error_is_one_sentence(triage: Triage, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object, **__: object) -> None:
        raise BundleError("The bundle is damaged: copy it again.")

    monkeypatch.setattr(Classifier, "open", damaged)
    refused(triage("bundle", "verify"), "The bundle is damaged")
