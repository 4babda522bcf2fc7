"""The version of a release: which ones are allowed, and every place of the repository that has it."""

import re
from collections.abc import Iterable
from pathlib import Path

from packaging.version import InvalidVersion, Version

FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-rc\.(0|[1-9]\d*))?")
"""Semantic versions, of whose pre-releases only `-rc.N`: Python's indexes, Helm and image tags all know these."""

PLACES = (
    ("pyproject.toml", r'(?m)^version = "{}"$'),
    ("schemas/pyproject.toml", r'(?m)^version = "{}"'),
    ("deploy/Dockerfile", r"triage:{}(?=[ -])"),
    ("deploy/Dockerfile", r"(?m)^ARG VERSION={}$"),
    ("deploy/compose.yaml", r"TRIAGE_VERSION:-{}\}"),
    ("deploy/helm/triage/Chart.yaml", r"(?m)^(version|appVersion): {}$"),
    ("deploy/helm/triage/Chart.yaml", r"(?m)image: triage:{}$"),
    ("deploy/helm/triage/ci/*.yaml", r"(?m)^  tag: {}-"),
    ("deploy/helm/rendered/*.yaml", r'app.kubernetes.io/version: "{}'),
    ("deploy/helm/rendered/*.yaml", r"(?m)helm.sh/chart: triage-{}$"),
    ("deploy/helm/rendered/*.yaml", r"triage:{}(?=[-\"])"),
    ("docs/*.md", r"triage:{}\b"),
)
"""Files, and the text around the version in them, where {} stands for it. The test of this module knows no others."""


class ReleaseError(Exception):
    """Why a release cannot be made: what is wrong, and what to do."""


def parsed(version: str) -> Version:
    """Return a version to compare.

    Raises:
        ReleaseError: it is not a version that can be released.
    """
    if not FORM.fullmatch(version):
        raise ReleaseError(f"{version!r} is not a version: use MAJOR.MINOR.PATCH, or MAJOR.MINOR.PATCH-rc.N.")
    return Version(version)


def latest(tags: Iterable[str]) -> Version | None:
    """Return the latest version among tags such as v1.2.3; other tags do not count."""
    versions = [Version(tag[1:]) for tag in tags if tag.startswith("v") and FORM.fullmatch(tag[1:])]
    return max(versions, default=None)


def check(version: str, current: str, tags: Iterable[str]) -> None:
    """Check that a version may follow what there is.

    Args:
        version: the version to release.
        current: the version in pyproject.toml: of the last release, or before the first one the one in development.
        tags: the repository's tags.

    Raises:
        ReleaseError: it is not a version, or not newer.
    """
    new, before = parsed(version), latest(tags)
    if before is not None and new <= before:
        raise ReleaseError(f"{version} is not newer than {before}, which is tagged: choose a newer version.")
    try:
        behind = new < Version(current)
    except InvalidVersion as error:
        raise ReleaseError(f"pyproject.toml has the version {current!r}, which is none: correct it.") from error
    if behind and not (new.is_prerelease and new.release == Version(current).release):
        raise ReleaseError(f"{version} is older than {current} in pyproject.toml: choose a newer version.")


def replace(root: Path, current: str, version: str) -> list[Path]:
    """Write a new version wherever the current one is, and return the changed files.

    Raises:
        ReleaseError: one of the places does not have the current version.
    """
    changed = set()
    for pattern, around in PLACES:
        expression = re.compile(around.replace("{}", re.escape(current)))
        found = False
        for file in sorted(root.glob(pattern)):
            text = file.read_text(encoding="utf-8")
            new = expression.sub(lambda match: match[0].replace(current, version), text)
            found |= bool(expression.search(text))
            if new != text:
                file.write_text(new, encoding="utf-8")
                changed.add(file)
        if not found:
            raise ReleaseError(f"{pattern} has no {around.replace('{}', current)!r}: correct PLACES in {__name__}.")
    return sorted(changed)
