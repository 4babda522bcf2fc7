"""The image: hadolint accepts its Dockerfile, it installs the project's requirements, and its bundle is complete."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from triage_models import DEFAULT_BUNDLE
from triage_models.bundle.bundle import Bundle
from triage_models.serving.classifier import Classifier

from deploy.image.requirements import requirements
from deploy.image.slim_bundle import slim
from tests.deploy.tools import DEPLOY, ROOT, call

DOCKERFILE = DEPLOY / "Dockerfile"
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_hadolint_finds_nothing() -> None:
    call("venv/bin/hadolint", DOCKERFILE)


def test_requirements_are_those_of_the_services() -> None:
    project = tomllib.loads(PYPROJECT)["project"]
    cpu = requirements(PYPROJECT, "cpu")
    extras = project["optional-dependencies"]
    assert set(cpu) == {
        *project["dependencies"],
        *extras["router"],
        *extras["otel"],
        *extras["registry"],
        *extras["serve"],
        *extras["email"],
        *extras["imap"],
        *extras["console"],
    }
    assert not [line for line in cpu if re.match(r"(torch|transformers|scikit-learn|pytest)\b", line)]


@pytest.mark.parametrize("logins", [("aws",), ("azure", "gcp")])
def test_an_image_can_have_the_logins_of_clouds(logins: tuple[str, ...]) -> None:
    extras = tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
    added = set(requirements(PYPROJECT, "cpu", logins)) - set(requirements(PYPROJECT, "cpu"))
    assert added == {line for login in logins for line in extras[login]}


def test_the_gpu_variant_differs_only_in_onnx_runtime() -> None:
    cpu, gpu = requirements(PYPROJECT, "cpu"), requirements(PYPROJECT, "gpu")
    changed = [(mine, other) for mine, other in zip(cpu, gpu, strict=True) if mine != other]
    assert len(changed) == 1
    assert changed[0][0].startswith("onnxruntime>")
    assert changed[0][1].startswith("onnxruntime-gpu[cuda,cudnn]>")


@pytest.mark.parametrize(
    ("device", "models"), [("cpu", {"model.int8.onnx"}), ("gpu", {"model.int8.onnx", "model.fp16.onnx"})]
)
def test_a_slim_bundle_is_valid_and_decides_the_same(tmp_path: Path, device: str, models: set[str]) -> None:
    left_out = slim(DEFAULT_BUNDLE, tmp_path / "bundle", device)
    assert "training.jsonl" in left_out
    assert {file.name for file in (tmp_path / "bundle").glob("*.onnx")} == models
    assert set(Bundle.open(tmp_path / "bundle").manifest.files) == {
        file.name for file in (tmp_path / "bundle").iterdir() if file.name != "triage.json"
    }
    texts = ["where is my parcel", "the lamp came in pieces"]
    whole, small = (
        Classifier.open(path, device="cpu", threads=1).classify(texts) for path in (DEFAULT_BUNDLE, tmp_path / "bundle")
    )
    assert whole == small


def test_a_damaged_slim_bundle_is_detected(tmp_path: Path) -> None:
    slim(DEFAULT_BUNDLE, tmp_path / "bundle", "cpu")
    manifest = json.loads((tmp_path / "bundle" / "triage.json").read_text())
    assert all(len(digest) == 64 for digest in manifest["files"].values())
    (tmp_path / "bundle" / "tokenizer.json").write_bytes(b"{}")
    with pytest.raises(Exception, match="SHA-256 differs"):
        Bundle.open(tmp_path / "bundle")


def test_layers_are_ordered_by_how_often_they_change() -> None:
    """A change of code must not rebuild the layers of the dependencies or of the bundle.

    The version and the revision come last, since every commit changes them. Nothing is mounted from another stage,
    since podman then does not notice that the stage changed.
    """
    runtime = DOCKERFILE.read_text(encoding="utf-8").split(" AS runtime\n")[1]
    order = [runtime.index(f"COPY --from={stage}") for stage in ("dependencies", "bundle", "code")]
    order += [runtime.index("ARG REVISION")]
    assert order == sorted(order)
    assert "--mount" not in runtime
    dependencies = DOCKERFILE.read_text(encoding="utf-8").split(" AS dependencies\n")[1].split("\nFROM ")[0]
    assert re.findall(r"^COPY (.*) \./$", dependencies, re.MULTILINE) == [
        "constraints.txt deploy/image/slim_packages.py",
        "--from=requirements /build/requirements.txt",
    ]


def test_bytecode_is_compiled_when_the_image_is_built() -> None:
    """Bytecode of the standard library, of the dependencies and of our packages."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    compiled = re.findall(r"compileall -q --invalidation-mode unchecked-hash\s(.*?)\n(?=[A-Z#\n])", text, re.DOTALL)
    folders = ("/opt/triage/lib", "/code/opt/triage/lib", "/usr/local/lib/python")
    assert all(folder in command for folder, command in zip(folders, compiled, strict=True))
    assert "PYTHONDONTWRITEBYTECODE=1" in text


def test_it_runs_as_an_unprivileged_user() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE) == ["10001:10001"]
    values = (DEPLOY / "helm" / "triage" / "values.yaml").read_text(encoding="utf-8")
    assert "runAsUser: 10001" in values
