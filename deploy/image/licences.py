"""Checks the licences in an SBOM against those that Triage may be shipped with.

Usage: python licences.py SBOM.json
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0",
    "Python-2.0", "Unlicense", "Zlib", "ZPL-2.1",
}  # fmt: skip
"""Licences that allow to ship a package unchanged with software under Apache-2.0, by their SPDX names."""

NAMES = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "license :: osi approved :: apache software license": "Apache-2.0",
    "3-clause bsd license": "BSD-3-Clause",
    "license :: osi approved :: bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "license :: osi approved :: mit license": "MIT",
    "isc license": "ISC",
    "license :: osi approved :: python software foundation license": "PSF-2.0",
}
"""What packages write instead of an SPDX name, in lower case."""

KNOWN = {
    "imapclient": "BSD-3-Clause",
    "protobuf": "BSD-3-Clause",
    "python-stdnum": "LGPL-2.1-or-later: shipped unchanged, as Python files that anybody can replace",
    "venusian": "BSD-3-Clause AND ZPL-2.1",
}
"""Packages that were read by hand: their metadata names no licence, or one that is allowed for a reason."""


def licences(component: dict[str, Any]) -> list[str]:
    """Return what an SBOM says of a component's licence: SPDX names or expressions, or other words."""
    found = []
    for entry in component.get("licenses", ()):
        given = entry.get("expression") or entry["license"].get("id") or entry["license"].get("name") or ""
        found.append(NAMES.get(given.strip().lower(), given.strip()))
    return found


def allowed(expression: str) -> bool:
    """Tell whether every licence that an SPDX expression names may be shipped; stricter than SPDX where there is OR."""
    names = set(re.findall(r"[^\s()]+", expression)) - {"AND", "OR"}
    return bool(names) and names <= ALLOWED


def refused(sbom: dict[str, Any]) -> list[str]:
    """Return the components whose licence is unknown or not allowed, each with what is said of it."""
    wrong = []
    for component in sbom["components"]:
        found = licences(component)
        if component["name"].lower() not in KNOWN and not any(map(allowed, found)):
            wrong.append(
                f"{component['name']} {component.get('version', '')}: {' / '.join(found) or 'no licence named'}"
            )
    return wrong


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 2:
        sys.exit("usage: licences.py SBOM.json")
    sbom = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    wrong = refused(sbom)
    if wrong:
        sys.exit("Not allowed by deploy/image/licences.py, or unknown:\n" + "\n".join(wrong))
    sys.stdout.write(f"The licences of {len(sbom['components'])} packages are known and allowed.\n")


if __name__ == "__main__":
    main()
