"""A change of code builds one layer again, and the image has the change."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.deploy.tools import ROOT
from tests.image.containers import IMAGE, MARKS, engine

pytestmark = MARKS

CHANGED = "triage:0.0.0-changed"
CONTEXT = ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", ".dockerignore")


def layers(image: str) -> list[str]:
    """Return the digests of an image's layers, the lowest first."""
    found: list[str] = json.loads(engine("image", "inspect", image).stdout)[0]["RootFS"]["Layers"]
    return found


def test_a_change_of_code_rebuilds_one_layer(tmp_path: Path) -> None:
    for name in CONTEXT:
        shutil.copy2(ROOT / name, tmp_path)
    for name in ("deploy/Dockerfile", "deploy/image", "schemas", "worker", "models"):
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy2)(ROOT / name, target)
    module = tmp_path / "worker" / "triage_worker" / "__init__.py"
    module.write_text(module.read_text(encoding="utf-8") + '\nCHANGED = "yes"\n', encoding="utf-8")
    build = ["bash", str(tmp_path / "deploy" / "image" / "build")]
    begun = time.monotonic()
    subprocess.run(build, check=True, env=os.environ | {"VERSION": CHANGED.partition(":")[2]})
    print(f"\nrebuilt after a change of code in {time.monotonic() - begun:.1f} s")
    try:
        script = "import triage_worker; print(triage_worker.CHANGED)"
        assert (
            engine("run", "--rm", "--network", "none", "--entrypoint", "python", CHANGED, "-c", script).stdout
            == "yes\n"
        )
        before, after = layers(IMAGE), layers(CHANGED)
        changed = [one for one in after if one not in before]
        print(f"{len(changed)} of {len(after)} layers changed")
        assert before[0] == after[0]
        assert len(changed) == 1, "layers below the code were built again"
    finally:
        engine("rmi", "--force", CHANGED, check=False)
