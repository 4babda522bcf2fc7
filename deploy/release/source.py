"""The source of a release: a clone of its own, in which the release's commit is made."""

import os
import tomllib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.release.changelog import notes, released
from deploy.release.commands import output
from deploy.release.version import ReleaseError, check, replace


@dataclass(frozen=True)
class Source:
    """A clone at the commit of a release.

    Attributes:
        folder: the clone.
        version: the version that is released.
        commit: the full hash of the release's commit.
        epoch: its time in seconds since 1970, for everything that is built.
        notes: the changelog's section, as Markdown.
    """

    folder: Path
    version: str
    commit: str
    epoch: int
    notes: str


def project_version(root: Path) -> str:
    """Return the version in pyproject.toml."""
    version: str = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return version


def prepare(root: Path, folder: Path, version: str, repository: str = "") -> Source:
    """Clone a repository at its current commit, and commit the release there unless this is the commit of its tag.

    The release's commit has the time of the commit before it, so that a second run makes the same one.

    Args:
        root: the repository; it stays as it is.
        folder: where to; it must not exist.
        version: the version to release, or one whose tag is at the current commit, to build it again.
        repository: the image's name without tag that the chart gets as its default; empty: unchanged.

    Raises:
        ReleaseError: there are changes without a commit, the version is not newer, or nothing changed for users.
    """
    dirty = output("git", "status", "--porcelain", cwd=root)
    if dirty:
        raise ReleaseError(f"There are changes without a commit; commit or remove them:\n{dirty}")
    head, tags = output("git", "rev-parse", "HEAD", cwd=root), output("git", "tag", "--list", cwd=root).split()
    again = f"v{version}" in tags
    if again:
        tagged = output("git", "rev-parse", f"v{version}^{{commit}}", cwd=root)
        if tagged != head:
            raise ReleaseError(
                f"v{version} is tagged, at {tagged[:12]}: check it out to build it again, or choose a newer version."
            )
    else:
        check(version, project_version(root), tags)
    output("git", "clone", "--quiet", "--no-checkout", root.resolve(), folder, cwd=root)
    output("git", "checkout", "--quiet", "--detach", head, cwd=folder)
    if not again:
        _commit(folder, version, repository)
    changelog = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    commit, epoch = output("git", "log", "-1", "--format=%H %ct", cwd=folder).split()
    return Source(folder, version, commit, int(epoch), notes(changelog, version))


def _commit(folder: Path, version: str, repository: str) -> None:
    seconds = int(output("git", "log", "-1", "--format=%ct", cwd=folder))
    file = folder / "CHANGELOG.md"
    day = datetime.fromtimestamp(seconds, UTC).date()
    file.write_text(released(file.read_text(encoding="utf-8"), version, day), encoding="utf-8")
    replace(folder, project_version(folder), version)
    if repository:
        _name_image(folder, version, repository)
    when = {"GIT_AUTHOR_DATE": f"{seconds} +0000", "GIT_COMMITTER_DATE": f"{seconds} +0000"}
    unsigned = ("git", "-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null")
    output(*unsigned, "commit", "--quiet", "--all", "--message", f"Release {version}", cwd=folder, variables=when)


def _name_image(folder: Path, version: str, repository: str) -> None:
    chart = folder / "deploy" / "helm" / "triage"
    for name, before, after in (
        ("values.yaml", "\n  repository: triage\n", f"\n  repository: {repository}\n"),
        ("Chart.yaml", f"\n      image: triage:{version}\n", f"\n      image: {repository}:{version}\n"),
    ):
        text = (chart / name).read_text(encoding="utf-8")
        if before not in text:
            raise ReleaseError(f"{name} of the chart has no line {before.strip()!r}, where the image would be named.")
        (chart / name).write_text(text.replace(before, after), encoding="utf-8")


def tag(root: Path, source: Source) -> str:
    """Bring the release's commit and its tag into the repository, and return the tag; branches stay as they are."""
    name = f"v{source.version}"
    output("git", "fetch", "--quiet", "--no-tags", source.folder, "HEAD", cwd=root)
    message = f"Triage {source.version}\n\n{source.notes}"
    output("git", "tag", "--annotate", "--cleanup=verbatim", "--message", message, name, source.commit, cwd=root)
    return name


def set_times(folder: Path, epoch: int) -> None:
    """Set the times of all files below a folder, for programs that write them into what they build."""
    for path in folder.rglob("*"):
        os.utime(path, (epoch, epoch), follow_symlinks=False)
