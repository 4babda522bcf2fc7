"""Checks resources against the CRDs of their operators. A field that is not in the CRD is an error.

Usage: python crds.py FOLDER < resources.json
"""

import json
import sys
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator


def strict(schema: Any) -> Any:
    """Return the schema with unknown properties forbidden wherever it names properties."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("type", None)
        made["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return made


def schemas(folder: Path) -> dict[tuple[str, str], Any]:
    """Return the schemas in a folder by apiVersion and kind."""
    found = {}
    for file in folder.glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            schema = strict(version["schema"]["openAPIV3Schema"])
            schema["properties"]["metadata"] = {"type": "object"}
            found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = schema
    return found


def main() -> None:
    """Run the command line."""
    known = schemas(Path(sys.argv[1]))
    wrong = []
    for resource in json.load(sys.stdin):
        key = (resource["apiVersion"], resource["kind"])
        if key not in known:
            wrong.append(f"{' '.join(key)}: no such kind")
            continue
        wrong += [
            f"{key[1]} {error.json_path}: {error.message}"
            for error in Draft202012Validator(known[key]).iter_errors(resource)
        ]
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main()
