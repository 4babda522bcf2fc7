"""Prints the requirements of the services from pyproject.toml, so that the image's first layer changes only with them.

Usage: python requirements.py cpu|gpu [PYPROJECT [LOGINS]] > requirements.txt
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

EXTRAS = ("router", "otel", "registry", "serve", "console", "email", "imap")
LOGINS = ("aws", "azure", "gcp")
"""Extras that log in to the Kafka of a cloud. They are large, so the image has only those that it is built with."""

GPU_RUNTIME = "onnxruntime-gpu[cuda,cudnn]"
"""ONNX Runtime for CUDA, with the CUDA libraries as wheels."""


def requirements(pyproject: str, device: str, logins: Sequence[str] = ()) -> list[str]:
    """Return the requirements of the core and of the services' extras; "gpu" replaces ONNX Runtime by its GPU build.

    Args:
        pyproject: the text of pyproject.toml.
        device: "cpu" or "gpu".
        logins: which of `LOGINS` to add.
    """
    project = tomllib.loads(pyproject)["project"]
    optional = project.get("optional-dependencies", {})
    wanted = [*project["dependencies"], *(line for extra in (*EXTRAS, *logins) for line in optional[extra])]
    if device == "gpu":
        wanted = [re.sub(r"^onnxruntime(?=\W|$)", GPU_RUNTIME, line) for line in wanted]
    return wanted


def main() -> None:
    """Run the command line."""
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    if device not in ("cpu", "gpu"):
        sys.exit(f"requirements.py: {device!r} is not a device: use cpu or gpu.")
    file = Path(sys.argv[2] if len(sys.argv) > 2 else "pyproject.toml")
    logins = (sys.argv[3] if len(sys.argv) > 3 else "").replace(",", " ").split()
    unknown = sorted(set(logins) - set(LOGINS))
    if unknown:
        sys.exit(f"requirements.py: {unknown[0]!r} is not a login: use {', '.join(LOGINS)}, or several of them.")
    sys.stdout.write("\n".join(requirements(file.read_text(encoding="utf-8"), device, logins)) + "\n")


if __name__ == "__main__":
    main()
