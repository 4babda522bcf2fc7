"""A release's version, its changelog and its commit; tests/deploy/test_release_twice.py builds whole ones."""

import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from deploy.release import artifacts
from deploy.release.changelog import notes, released
from deploy.release.source import Source, prepare, project_version, tag
from deploy.release.version import PLACES, ReleaseError, check, replace
from tests.deploy.tools import CHART, ROOT

CURRENT = project_version(ROOT)
NEXT = "99.0.0"
CHANGELOG = """# Changelog

## Unreleased

### Added
- A thing (`--thing`).

## [1.0.0] - 2026-01-02

### Fixed
- Another thing.
"""
DAY = "2026-02-03T23:30:00 +0000"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with those files of this one that have the version, and a changelog."""
    root = tmp_path_factory.mktemp("repository")
    for pattern in {pattern for pattern, _ in PLACES} | {"deploy/helm/triage/values.yaml"}:
        for file in ROOT.glob(pattern):
            target = root / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    (root / "CHANGELOG.md").write_text(CHANGELOG.replace("[1.0.0]", "[0.0.1]"), encoding="utf-8")
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "config", "user.name", "A Maintainer")
    git(root, "config", "user.email", "maintainer@example.com")
    git(root, "add", ".")
    git(root, "-c", "commit.gpgsign=false", "commit", "--quiet", "--message", "Say hello", "--date", DAY, day=DAY)
    return root


@pytest.fixture(autouse=True)
def identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone has no configuration of its own: who releases is known from the user's."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Maintainer")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "maintainer@example.com")


def git(root: Path, *arguments: str, day: str = DAY) -> str:
    environment = {"GIT_COMMITTER_DATE": day, "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(root)}
    done = subprocess.run(["git", *arguments], cwd=root, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("version", "current", "tags"),
    [
        ("0.1.0", "0.1.0", []),
        ("0.1.0-rc.1", "0.1.0", []),
        ("0.1.1", "0.1.0", ["v0.1.0", "nightly", "v1"]),
        ("0.10.0", "0.9.0", ["v0.9.0"]),
        ("1.0.0", "1.0.0-rc.2", ["v1.0.0-rc.2"]),
        ("1.0.0-rc.10", "1.0.0-rc.9", ["v1.0.0-rc.9"]),
    ],
)
def test_a_newer_version_may_be_released(version: str, current: str, tags: list[str]) -> None:
    check(version, current, tags)


@pytest.mark.parametrize(
    ("version", "current", "tags", "why"),
    [
        ("v1.0.0", "0.1.0", [], "is not a version"),
        ("1.0", "0.1.0", [], "is not a version"),
        ("1.0.0-beta", "0.1.0", [], "is not a version"),
        ("01.0.0", "0.1.0", [], "is not a version"),
        ("", "0.1.0", [], "is not a version"),
        ("0.1.0", "0.1.0", ["v0.1.0"], "not newer than 0.1.0, which is tagged"),
        ("0.9.0", "0.1.0", ["v0.10.0"], "not newer than 0.10.0, which is tagged"),
        ("1.0.0-rc.1", "1.0.0", ["v1.0.0"], "not newer"),
        ("0.0.9", "0.1.0", [], "older than 0.1.0 in pyproject.toml"),
        ("1.0.0", "next", [], "which is none"),
    ],
)
def test_any_other_is_refused(version: str, current: str, tags: list[str], why: str) -> None:
    with pytest.raises(ReleaseError, match=why):
        check(version, current, tags)


def test_the_unreleased_section_gets_version_and_date() -> None:
    text = released(CHANGELOG, "1.1.0", date(2026, 2, 3))
    assert text.startswith("# Changelog\n\n## Unreleased\n\n## [1.1.0] - 2026-02-03\n\n### Added\n- A thing")
    assert text.endswith(CHANGELOG[CHANGELOG.index("## [1.0.0]") :])
    assert notes(text, "1.1.0") == "### Added\n- A thing (`--thing`)."
    assert notes(text, "1.0.0") == "### Fixed\n- Another thing."


@pytest.mark.parametrize(
    "changelog", ["# Changelog\n", "## Unreleased\n", "## Unreleased\n\n### Added\n\n## [1.0.0]\n- a\n"]
)
def test_nothing_is_released_without_an_entry(changelog: str) -> None:
    with pytest.raises(ReleaseError, match=r"is empty|has no section"):
        released(changelog, "1.1.0", date(2026, 2, 3))


def test_the_changelog_of_this_repository_has_both_kinds_of_sections() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased\n" in changelog
    others = re.findall(r"(?m)^## (?!Unreleased$)(.*)$", changelog)
    assert [line for line in others if not re.fullmatch(r"\[[\d.]+(-rc\.\d+)?\] - \d{4}-\d\d-\d\d", line)] == []


def test_a_new_version_is_written_everywhere(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path / "copy")
    changed = replace(tmp_path / "copy", CURRENT, NEXT)
    assert tmp_path / "copy" / "deploy" / "helm" / "rendered" / "medium.yaml" in changed
    assert project_version(tmp_path / "copy") == project_version(tmp_path / "copy" / "schemas") == NEXT
    old = re.compile(rf"(?<![\d.]){re.escape(CURRENT)}(?![\d.])")
    of_ours = re.compile(rf"triage[:-]{re.escape(CURRENT)}")
    for file in (path for path in (tmp_path / "copy").rglob("*") if path.is_file() and ".git" not in path.parts):
        text = file.read_text(encoding="utf-8")
        assert not (of_ours if "docs" in file.parts else old).search(text), file


def test_no_file_of_the_deployment_has_a_version_that_a_release_forgets() -> None:
    known = {file for pattern, _ in PLACES for file in ROOT.glob(pattern)}
    named = re.compile(rf"(?<![\d.]){re.escape(CURRENT)}(?![\d.])")
    suffixes = {".yaml", ".json", ".tpl", ".txt", ".md", ""}
    texts = (path for path in (ROOT / "deploy").rglob("*") if path.suffix in suffixes and path.is_file())
    others = [path for path in texts if path not in known and not {".tools", "check"} & set(path.parts)]
    assert [path for path in others if named.search(path.read_text(encoding="utf-8"))] == []


def test_a_place_without_the_version_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('version = "1.2.3"\n', encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"pyproject.toml has no"):
        replace(tmp_path, "1.2.4", "1.2.5")


def test_two_clones_get_the_same_commit_and_the_repository_stays_as_it_is(repository: Path, tmp_path: Path) -> None:
    before = git(repository, "show-ref")
    first, second = (prepare(repository, tmp_path / name, NEXT) for name in ("first", "second"))
    assert first.commit == second.commit != git(repository, "rev-parse", "HEAD")
    assert first.notes == "### Added\n- A thing (`--thing`)."
    assert f"## [{NEXT}] - 2026-02-03\n" in (first.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    assert git(first.folder, "status", "--porcelain") == ""
    assert git(first.folder, "log", "-1", "--format=%s %aI %cI") == (
        f"Release {NEXT} 2026-02-03T23:30:00+00:00 2026-02-03T23:30:00+00:00"
    )
    assert first.epoch == int(git(repository, "log", "-1", "--format=%ct"))
    assert git(repository, "show-ref") == before
    assert git(repository, "status", "--porcelain") == ""


def test_a_tagged_release_is_built_again_from_its_commit(repository: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(repository, root)
    made = prepare(root, tmp_path / "first", NEXT)
    assert tag(root, made) == f"v{NEXT}"
    assert git(root, "tag", "--list", "--format=%(contents)").startswith(f"Triage {NEXT}\n\n### Added\n- A thing")
    with pytest.raises(ReleaseError, match=f"v{NEXT} is tagged, at {made.commit[:12]}: check it out"):
        prepare(root, tmp_path / "elsewhere", NEXT)
    git(root, "checkout", "--quiet", f"v{NEXT}")
    again = prepare(root, tmp_path / "again", NEXT)
    assert (again.commit, again.epoch, again.notes) == (made.commit, made.epoch, made.notes)


def test_changes_without_a_commit_are_refused(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path / "root")
    (tmp_path / "root" / "left.txt").touch()
    with pytest.raises(ReleaseError, match=r"(?s)changes without a commit.*left.txt"):
        prepare(tmp_path / "root", tmp_path / "clone", NEXT)


def test_the_chart_can_name_the_image_of_a_registry(repository: Path, tmp_path: Path) -> None:
    chart = prepare(repository, tmp_path / "clone", NEXT, "registry.example.com/a/triage").folder / CHART.relative_to(
        ROOT
    )
    assert "\n  repository: registry.example.com/a/triage\n" in (chart / "values.yaml").read_text(encoding="utf-8")
    assert f"\n      image: registry.example.com/a/triage:{NEXT}\n" in (chart / "Chart.yaml").read_text(
        encoding="utf-8"
    )


def test_checksums_are_those_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"b")
    (tmp_path / "a.txt").write_bytes(b"a")
    assert artifacts.checksums(tmp_path).read_text(encoding="utf-8").split()[1::2] == ["a.txt", "b.txt"]
    subprocess.run(["sha256sum", "--check", "--strict", artifacts.SUMS], cwd=tmp_path, check=True)


def test_an_archive_depends_on_names_and_contents_alone(tmp_path: Path) -> None:
    for name, mode in (("one", 0o600), ("two", 0o644)):
        (tmp_path / name / "blobs").mkdir(parents=True)
        for file in ("z", "a") if name == "one" else ("a", "z"):
            (tmp_path / name / "blobs" / file).write_text(file, encoding="utf-8")
            (tmp_path / name / "blobs" / file).chmod(mode)
        artifacts.archive(tmp_path / name, tmp_path / f"{name}.tar", 1_700_000_000)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_the_documents_are_those_of_the_release(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(CHART / "files", tmp_path / CHART.relative_to(ROOT) / "files")
    target = tmp_path / "made"
    target.mkdir()
    artifacts.documents(Source(tmp_path, NEXT, "c" * 40, 1, "- A thing."), target)
    assert {file.name for file in target.iterdir()} == {
        "release-notes.md", "release.json", "triage-quality.json", "triage-service.json",
    }  # fmt: skip
    assert (target / "release-notes.md").read_text(encoding="utf-8") == "- A thing.\n"
