"""Makes a release in a folder, from a clone of the repository's current commit: `make release VERSION=1.2.3`.

The repository stays as it is, unless --tag is given, and nothing is ever pushed. docs/release.md says what comes next.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from deploy.release import artifacts
from deploy.release.chart import chart
from deploy.release.source import Source, prepare, tag
from deploy.release.version import ReleaseError, parsed

ROOT = Path(__file__).parents[2]


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument("version", help="MAJOR.MINOR.PATCH or MAJOR.MINOR.PATCH-rc.N")
    parser.add_argument("--output", type=Path, help="the folder that is made; default: dist/release/VERSION")
    parser.add_argument(
        "--key", type=Path, help="a private key of cosign to sign with; its password is COSIGN_PASSWORD"
    )
    parser.add_argument("--image", default="", metavar="NAME", help="the image that the chart names, as in host/triage")
    parser.add_argument("--tag", action="store_true", help="bring the release's commit and tag into this repository")
    parser.add_argument("--no-image", action="store_true", help="leave the image out: for a look at the rest")
    return parser.parse_args()


def make(source: Source, target: Path, with_image: bool, key: Path | None) -> None:
    """Write all files of a release into an empty folder."""
    steps = [artifacts.distributions, chart, artifacts.documents]
    for step in [*steps, *([artifacts.image] if with_image else [])]:
        say(f"{step.__name__} …")
        step(source, target)
    sums = artifacts.checksums(target)
    if key:
        artifacts.sign(sums, key)


def release(options: argparse.Namespace) -> None:
    """Make a release as the command line says.

    Raises:
        ReleaseError: it cannot be made; nothing is left behind.
    """
    parsed(options.version)
    target = (options.output or ROOT / "dist" / "release" / options.version).resolve()
    if target.exists():
        raise ReleaseError(f"{target} exists: remove it, or give another folder by --output.")
    if options.key and not options.key.is_file():
        raise ReleaseError(f"{options.key} is not a file: `cosign generate-key-pair` makes a key.")
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="triage-release-", ignore_cleanup_errors=True) as name:
        work = Path(name)
        source = prepare(ROOT, work / "source", options.version, options.image)
        (work / "source" / "deploy" / ".tools").symlink_to(ROOT / "deploy" / ".tools")
        say(f"Triage {source.version}, commit {source.commit}, in {target}")
        made = work / "made"
        made.mkdir()
        make(source, made, not options.no_image, options.key)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, target)
        if options.tag:
            say(f"tagged {tag(ROOT, source)}; nothing was pushed")
    for file in sorted(target.iterdir()):
        say(f"{file.stat().st_size:>12,}  {file.name}")
    say("signed" if options.key else "NOT signed: --key signs it")


def say(line: str) -> None:
    """Write a line at once, since the programs that are called write, too."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run the command line."""
    try:
        release(arguments())
    except ReleaseError as error:
        sys.exit(f"No release: {error}")


if __name__ == "__main__":
    main()
