"""Removes from an environment what the services never load: packages, tests, C sources, type stubs.

Usage, before bytecode is compiled, with the environment's own Python: python slim_packages.py cpu|gpu REQUIREMENTS

What stays is, byte for byte, what the wheels brought, and RECORD lists exactly that, so that scanners still know it.
"""

import csv
import io
import re
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

UNUSED = {
    ("tokenizers", "huggingface-hub"): "downloads tokenizers; ours are files of a bundle",
    ("grpcio-tools", "grpcio"): "for generated services; the compiler of messages does without",
    ("grpcio-tools", "setuptools"): "for a setup.py that compiles messages",
}
"""Dependencies that are not installed, each with the reason. Their own dependencies go too, unless others need them."""

FILES = {
    "*/tests/*": "tests",
    "*.pyi": "type stubs",
    **dict.fromkeys(
        ("*.c", "*.cc", "*.cpp", "*.h", "*.pyx", "*.pxd", "*.pxi", "*.f", "*.f90", "*.pyf"), "sources of C code"
    ),
    "onnxruntime/datasets/*": "models to try it with",
    "onnxruntime/quantization/*": "makes the graphs of a bundle, at training",
    "onnxruntime/tools/*": "converts graphs",
    "onnxruntime/transformers/*": "makes the graphs of a bundle, at training",
}
"""Files that are removed, by patterns of their path in site-packages, each with the reason."""

FILES_BY_DEVICE = {
    "cpu": {
        "onnxruntime/capi/libonnxruntime.so.*": "ONNX Runtime for C; the module of Python has all of it a second time"
    },
    "gpu": dict[str, str](),
}

Packages = Mapping[str, Distribution]
"""Installed packages by canonical name."""


def needed(requirements: Iterable[str], installed: Packages) -> set[str]:
    """Return the names of the packages that the requirements need, directly or not, without what is `UNUSED`."""
    wanted = [Requirement(line) for line in requirements]
    seen: set[tuple[str, str]] = set()
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if name in installed and (name, extra) not in seen:
                seen.add((name, extra))
                further = [Requirement(line) for line in installed[name].requires or ()]
                wanted += [
                    other
                    for other in further
                    if (name, canonicalize_name(other.name)) not in UNUSED
                    and (other.marker is None or other.marker.evaluate({"extra": extra}))
                ]
    return {name for name, _ in seen}


def is_unused(file: str, device: str) -> bool:
    """Tell whether a file, by its path in site-packages, is one that no service loads."""
    return any(fnmatchcase(file, pattern) for pattern in FILES | FILES_BY_DEVICE[device])


def remove(package: Distribution, site: Path, device: str, *, whole: bool) -> int:
    """Delete all files of a package, or the unused ones, which its RECORD then no longer lists; returns the bytes."""
    doomed = [file for file in package.files or () if whole or is_unused(file.as_posix(), device)]
    size = 0
    for file in doomed:
        path = site / file
        if path.is_file():
            size += path.stat().st_size
            path.unlink()
            remove_empty(path.parent, site)
    if doomed and not whole:
        forget({file.as_posix() for file in doomed}, site / record_of(package))
    return size


def record_of(package: Distribution) -> Path:
    """Return the path of a package's RECORD in site-packages."""
    return next(Path(file) for file in package.files or () if re.fullmatch(r"[^/]+\.dist-info/RECORD", file.as_posix()))


def forget(files: set[str], record: Path) -> None:
    """Write a RECORD again without these files."""
    rows = csv.reader(io.StringIO(record.read_text(encoding="utf-8")))
    kept = io.StringIO()
    csv.writer(kept, lineterminator="\n").writerows(row for row in rows if row[0] not in files)
    record.write_text(kept.getvalue(), encoding="utf-8")


def remove_empty(folder: Path, top: Path) -> None:
    """Delete a folder and those above it, as far as they are empty and below the top."""
    while folder != top and top in folder.parents and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def slim(site: Path, requirements: Iterable[str], device: str) -> tuple[list[str], int]:
    """Remove what is unused from a folder site-packages; returns the removed packages, and the bytes of all files."""
    installed: Packages = {canonicalize_name(package.name): package for package in distributions(path=[str(site)])}
    kept = needed(requirements, installed)
    size = sum(remove(package, site, device, whole=name not in kept) for name, package in installed.items())
    return sorted(installed.keys() - kept), size


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 3 or sys.argv[1] not in FILES_BY_DEVICE:
        sys.exit("usage: slim_packages.py cpu|gpu REQUIREMENTS")
    lines = [line for line in Path(sys.argv[2]).read_text(encoding="utf-8").splitlines() if line.strip()]
    site = next((Path(sys.prefix) / "lib").glob("python*/site-packages"))
    removed, size = slim(site, lines, sys.argv[1])
    sys.stdout.write(f"removed {size / 1e6:.0f} MB, and of packages: {', '.join(removed) or 'none'}\n")


if __name__ == "__main__":
    main()
