"""A release that is made twice, from two clones in two places, has the same bytes: `make release-test`.

The second run has another umask, language, time zone and folder for temporary files, and is later.
"""

import json
import os
import subprocess
import tarfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.release.artifacts import SIGNATURE, SUMS
from tests.deploy.oci_layout import Layout, differences
from tests.deploy.tools import ROOT, TOOLS

pytestmark = [
    pytest.mark.release,
    pytest.mark.timeout(4 * 3600),
    pytest.mark.skipif("RELEASE_TEST" not in os.environ, reason="RELEASE_TEST is not set: `make release-test` sets it"),
]

VERSION = "99.0.0"
DAY = 1_700_000_000
"""When the released commit was made: not today, so that a date that is taken from the clock shows."""

ARGUMENTS = os.environ.get("RELEASE_ARGS", "").split()
WITH_IMAGE = "--no-image" not in ARGUMENTS
COSIGN = TOOLS / "release" / "bin" / "cosign"


@dataclass(frozen=True)
class Releases:
    """The folders of both releases, and the public key."""

    first: Path
    second: Path
    key: Path

    def file(self, name: str) -> Path:
        return self.first / name


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    folder = tmp_path_factory.mktemp("releases")
    password = {"COSIGN_PASSWORD": "of the test"}
    subprocess.run([COSIGN, "generate-key-pair"], cwd=folder, env=os.environ | password, check=True)
    other = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu"}
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True)
    commit = asked.stdout.strip()
    for name, umask, variables in (("first", 0o022, {}), ("second", 0o077, other)):
        begun = time.monotonic()
        clone, temporary = folder / name / "clone", folder / name / "temporary"
        temporary.mkdir(parents=True)
        _clone(clone, commit)
        command: list[str | Path] = [TOOLS / "release" / "bin" / "python", "-m", "deploy.release", VERSION, *ARGUMENTS]
        options: list[str | Path] = ["--output", folder / name / "made", "--key", folder / "cosign.key"]
        environment = {**_home(clone), **password, **variables, "TMPDIR": str(temporary), "PYTHONPATH": str(clone)}
        subprocess.run([*command, *options], cwd=clone, env=environment, umask=umask, check=True)
        print(f"\n{name} release: {time.monotonic() - begun:.0f} s")
    return Releases(folder / "first" / "made", folder / "second" / "made", folder / "cosign.pub")


def _clone(clone: Path, commit: str) -> None:
    """Clone this repository; the commit gets the time of the test, and somebody who releases."""
    subprocess.run(["git", "clone", "--quiet", "--no-checkout", ROOT, clone], check=True)
    subprocess.run(["git", "checkout", "--quiet", "--detach", commit], cwd=clone, check=True)
    (clone / "deploy" / ".tools").symlink_to(TOOLS)
    for key, value in (("user.name", "A Maintainer"), ("user.email", "maintainer@example.com")):
        subprocess.run(["git", "config", "--global", key, value], env=_home(clone), check=True)
    when = {"GIT_COMMITTER_DATE": f"{DAY} +0000"}
    amend = ["git", "commit", "--quiet", "--amend", "--no-edit", "--allow-empty", f"--date={DAY} +0000"]
    subprocess.run(amend, cwd=clone, env=_home(clone) | when, check=True)


def _home(clone: Path) -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_GLOBAL": str(clone.parent / "gitconfig")}


def test_both_have_the_same_files_with_the_same_bytes(releases: Releases) -> None:
    names = sorted(path.name for path in releases.first.iterdir())
    assert names == sorted(path.name for path in releases.second.iterdir())
    differ = [
        name
        for name in names
        if name != SIGNATURE and (releases.first / name).read_bytes() != (releases.second / name).read_bytes()
    ]
    inside = [
        line
        for name in differ
        if name.endswith(".oci.tar")
        for line in differences(releases.first / name, releases.second / name)
    ]
    assert (differ, inside) == ([], [])
    print(
        f"\n{len(names) - 1} files, {sum((releases.first / name).stat().st_size for name in names):,} bytes, the same"
    )


def test_the_checksums_are_signed(releases: Releases) -> None:
    offline = ("--key", releases.key, "--insecure-ignore-tlog")
    for folder in (releases.first, releases.second):
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=folder, check=True)
        verify: list[str | Path] = [COSIGN, "verify-blob", *offline, "--bundle", SIGNATURE, SUMS]
        subprocess.run(verify, cwd=folder, check=True)
        listed = {line.split()[1] for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()}
        assert listed == {path.name for path in folder.iterdir()} - {SUMS, SIGNATURE}
    changed = releases.second / "changed"
    changed.write_text((releases.second / SUMS).read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert subprocess.run([*verify[:-1], changed.name], cwd=releases.second, check=False).returncode != 0
    changed.unlink()


def test_the_wheels_and_sources_have_the_version(releases: Releases) -> None:
    for package in ("triage_worker", "triage_schemas"):
        with ZipFile(releases.file(f"{package}-{VERSION}-py3-none-any.whl")) as wheel:
            assert f"Version: {VERSION}\n" in wheel.read(f"{package}-{VERSION}.dist-info/METADATA").decode()
        with tarfile.open(releases.file(f"{package}-{VERSION}.tar.gz")) as source:
            assert {Path(name).parts[0] for name in source.getnames()} == {f"{package}-{VERSION}"}
            assert {member.mtime for member in source} == {DAY}


def test_the_chart_is_in_the_layout_as_helm_packs_and_pulls_it(releases: Releases) -> None:
    packed = releases.file(f"triage-{VERSION}.tgz")
    layout = Layout(releases.file(f"triage-chart-{VERSION}.oci.tar"))
    (content,) = layout.manifest["layers"]
    assert content["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    assert layout.manifest["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert layout.blob(content["digest"]) == packed.read_bytes()
    assert (layout.config["name"], layout.config["version"]) == ("triage", VERSION)
    assert layout.entry["annotations"]["org.opencontainers.image.ref.name"] == VERSION
    with tarfile.open(packed) as archive:
        assert {member.mtime for member in archive} == {DAY}
        assert "triage/templates/deployments.yaml" in archive.getnames()


@pytest.mark.skipif(not WITH_IMAGE, reason="the release was made with --no-image")
def test_the_image_has_the_release_and_no_date_of_today(releases: Releases) -> None:
    layout = Layout(releases.file(f"triage-image-{VERSION}.oci.tar"))
    facts = json.loads(releases.file("release.json").read_text(encoding="utf-8"))
    labels = layout.config["config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION
    assert labels["org.opencontainers.image.revision"] == facts["commit"]
    day = datetime.fromtimestamp(DAY, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert {entry["created"] for entry in layout.config["history"]} == {layout.config["created"]} == {day}
    assert {about[3] for _, _, about in layout.members()} == {DAY}


@pytest.mark.skipif(not WITH_IMAGE, reason="the release was made with --no-image")
def test_the_packages_of_the_image_are_listed(releases: Releases) -> None:
    listed = json.loads(releases.file(f"triage-image-{VERSION}.cdx.json").read_text(encoding="utf-8"))
    found = {part["name"]: part["version"] for part in listed["components"]}
    assert found["triage-worker"] == VERSION
    assert {"onnxruntime", "aiokafka"} <= found.keys()
    assert "libc6\t" in releases.file(f"triage-image-{VERSION}.debian.txt").read_text(encoding="utf-8")
