"""``triage bundle``: promotion, rollback and errors."""

from pathlib import Path

import pytest
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
