"""Builds what a release consists of, each from the release's clone into the release's folder."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

from deploy.release.commands import TOOLS, output, run
from deploy.release.source import Source

SUMS = "SHA256SUMS"
SIGNATURE = f"{SUMS}.sigstore.json"


def distributions(source: Source, target: Path) -> None:
    """Write the source distributions, and the wheels as these build them."""
    variables = {"SOURCE_DATE_EPOCH": str(source.epoch)}
    for project in (source.folder, source.folder / "schemas"):
        build = (TOOLS / "python", "-m", "build", "--no-isolation", "--outdir", target, project)
        output(*build, cwd=source.folder, variables=variables)


def image(source: Source, target: Path) -> None:
    """Build the image in a store of its own, write it as an image layout, and list its packages.

    Fails if a licence is not allowed or a vulnerability is known, as `make image-test` does.
    """
    work = source.folder.parent
    with _store(work) as store:
        variables = {"SOURCE_DATE_EPOCH": str(source.epoch), "VERSION": source.version, "ENGINE": "podman", **store}
        engine = source.folder / "deploy" / "image" / "engine"
        run(engine, "deploy/image/build", cwd=source.folder, variables=variables)
        name, layout = f"triage:{source.version}", work / "image"
        run(engine, "podman", "push", "--quiet", name, f"oci:{layout}:{source.version}", cwd=work, variables=variables)
        archive(layout, target / f"triage-image-{source.version}.oci.tar", source.epoch)
        listed = variables | {"PYTHON": str(TOOLS / "python")}
        run(engine, "deploy/image/sbom", work / "sbom", cwd=source.folder, variables=listed)
    shutil.copyfile(work / "sbom" / "sbom.json", target / f"triage-image-{source.version}.cdx.json")
    shutil.copyfile(work / "sbom" / "debian.txt", target / f"triage-image-{source.version}.debian.txt")


@contextmanager
def _store(work: Path) -> Iterator[dict[str, str]]:
    """Variables for podman with an empty store, so that nothing is of an earlier build. It is removed at the end."""
    store = work / "store"
    file = work / "storage.conf"
    lines = ["[storage]", 'driver = ""', f'graphroot = "{store}/graph"', f'runroot = "{store}/run"']
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        yield {"CONTAINERS_STORAGE_CONF": str(file)}
    finally:
        remove = ("rm", "-rf", store) if os.getuid() == 0 else ("podman", "unshare", "rm", "-rf", store)
        output(*remove, cwd=work)


def archive(folder: Path, target: Path, epoch: int) -> None:
    """Write a folder as a tar archive that depends on nothing but names and contents."""
    fixed = ("--sort=name", f"--mtime=@{epoch}", "--owner=0", "--group=0", "--numeric-owner", "--mode=u=rwX,go=rX")
    output("tar", "--create", "--format=gnu", *fixed, "--file", target, "--directory", folder, ".", cwd=folder)


def documents(source: Source, target: Path) -> None:
    """Write the dashboards, the notes, and what the release was made from."""
    for file in (source.folder / "deploy" / "helm" / "triage" / "files" / "dashboards").glob("*.json"):
        shutil.copyfile(file, target / file.name)
    (target / "release-notes.md").write_text(source.notes + "\n", encoding="utf-8")
    facts = {"version": source.version, "commit": source.commit, "source_date_epoch": source.epoch}
    (target / "release.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def checksums(target: Path) -> Path:
    """Write the SHA-256 of every file, in the format of sha256sum, and return the list."""
    lines = []
    for file in sorted(path for path in target.iterdir() if path.name not in (SUMS, SIGNATURE)):
        with file.open("rb") as opened:
            lines.append(f"{file_digest(opened, 'sha256').hexdigest()}  {file.name}\n")
    (target / SUMS).write_text("".join(lines), encoding="utf-8")
    return target / SUMS


def sign(sums: Path, key: Path) -> None:
    """Sign the list of checksums by cosign with a private key, without a transparency log or another server."""
    # The flag is deprecated for a configuration without a log, with which cosign asks the network for its trusted root.
    offline = ("--use-signing-config=false", "--tlog-upload=false", "--yes")
    sums_signed = ("--bundle", sums.with_name(SIGNATURE), sums)
    run(TOOLS / "cosign", "sign-blob", "--key", key.resolve(), *offline, *sums_signed, cwd=sums.parent)
    sums.with_name(SIGNATURE).chmod(0o644)
