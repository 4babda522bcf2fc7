"""ARCHITECTURE.md has the layout that is on disk, and pictures that name modules which exist."""

import re
from pathlib import Path

from tests.import_graph import PACKAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "message.svg").read_text(encoding="utf-8")


def test_every_package_on_disk_has_one_line_and_no_other() -> None:
    packages = [ROOT / root / package for root, package in PACKAGES.items()]
    on_disk = [
        folder.relative_to(ROOT).as_posix()
        for package in packages
        for folder in (package, *(path for path in package.rglob("*") if path.is_dir()))
        if any(folder.glob("*.py"))
    ]
    listed = re.findall(r"^\| `([\w/]+)` \| \S.* \|$", PAGE, re.MULTILINE)
    assert len(on_disk) > 25
    assert sorted(listed) == sorted(on_disk)


def test_the_rule_names_every_package_of_the_worker_and_no_other() -> None:
    rule = PAGE[PAGE.index("**Imports point downwards.**") : PAGE.index("**No cycles**")]
    arrows, *services = re.findall(r"`([^`]+)`", rule)
    named = {*re.findall(r"\w+", arrows), *services} - {"services", "triage_models", "triage_schemas"}
    folders = {path.name for path in (ROOT / "worker" / "triage_worker").iterdir() if any(path.glob("*.py"))}
    assert named == folders


def test_every_module_in_the_picture_is_there() -> None:
    lines = re.findall(r'<text class="code"[^>]*>([^<]+)</text>', PICTURE)
    assert len(lines) >= 16
    paths = [f"{folder}{name}" for folder, name in zip(lines[:-1:2], lines[1:-1:2], strict=True)]
    for path in paths:
        package = path.partition("/")[0]
        base = (
            ROOT / package.removeprefix("triage_")
            if package.startswith("triage_")
            else ROOT / "worker" / "triage_worker"
        )
        assert (base / path).exists(), path
    tracking = re.findall(r"[\w/]+\.py", lines[-1])
    assert all(
        (ROOT / "worker" / "triage_worker" / "streaming" / "tracking" / Path(name).name).is_file() for name in tracking
    )
