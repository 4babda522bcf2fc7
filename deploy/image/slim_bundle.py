"""Copies the files of a bundle that serving on one device needs; the manifest of the copy lists only these files.

Usage: python slim_bundle.py cpu|gpu BUNDLE DESTINATION
"""

import json
import shutil
import sys
from pathlib import Path

SERVED = {
    "cpu": {"config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "model.int8.onnx"},
}
SERVED["gpu"] = SERVED["cpu"] | {"model.fp16.onnx"}
"""Files by device. The int8 graph is always included: a bundle without it is not valid."""

MANIFEST = "triage.json"


def slim(bundle: Path, destination: Path, device: str) -> list[str]:
    """Write the copy and return the names of the files that were left out."""
    manifest = json.loads((bundle / MANIFEST).read_text(encoding="utf-8"))
    served = SERVED[device]
    destination.mkdir(parents=True)
    left_out = [name for name in manifest["files"] if name not in served]
    manifest["files"] = {name: digest for name, digest in manifest["files"].items() if name in served}
    for name in manifest["files"]:
        shutil.copyfile(bundle / name, destination / name)
    (destination / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return left_out


def main() -> None:
    """Run the command line."""
    if len(sys.argv) != 4 or sys.argv[1] not in SERVED:
        sys.exit("usage: slim_bundle.py cpu|gpu BUNDLE DESTINATION")
    left_out = slim(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[1])
    sys.stdout.write(f"left out: {', '.join(sorted(left_out)) or 'nothing'}\n")


if __name__ == "__main__":
    main()
