"""Opening a bundle: a complete one opens, a damaged one is refused with one sentence."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the bundle of these tests is trained; needs the [train] extra")

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, Bundle, sha256
from triage_models.errors import BundleError, DeviceError
from triage_models.serving.classifier import Classifier

pytestmark = pytest.mark.train

Edit = Callable[[dict[str, Any]], None]


@pytest.fixture
def copy(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle to damage."""
    folder = tmp_path / "copy"
    shutil.copytree(tiny_bundle, folder)
    return folder


def refusal(folder: Path, *, verify: bool = True) -> str:
    """Open the folder, expect a refusal, and return its message."""
    with pytest.raises(BundleError) as refused:
        Classifier.open(folder, device="cpu", threads=1, verify=verify)
    message = str(refused.value)
    assert "\n" not in message
    assert str(folder) in message
    return message


def edit(folder: Path, change: Edit) -> None:
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")


def update_hash(folder: Path, name: str) -> None:
    """Update the hash of a file in the manifest, so that hashes do not reveal the damage."""
    edit(folder, lambda manifest: manifest["files"].update({name: sha256(folder / name)}))


def test_a_complete_bundle_opens_from_any_folder(copy: Path) -> None:
    bundle = Bundle.open(str(copy))
    assert bundle.name == "tiny"
    assert bundle.classes == (*bundle.labels, "OOS")
    assert bundle.threshold == bundle.manifest.thresholds.confidence
    assert bundle.max_length == 64
    assert set(bundle.descriptions) == set(bundle.labels)


def test_a_folder_that_is_not_a_bundle_is_refused(tmp_path: Path) -> None:
    assert "There is no bundle at" in refusal(tmp_path / "none")
    assert "is not a bundle: it has no triage.json" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", CPU_MODEL, GPU_MODEL])
def test_a_missing_file_is_named(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert name in refusal(copy)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", CPU_MODEL, GPU_MODEL, "training.jsonl"])
def test_a_flipped_bit_is_found(copy: Path, name: str) -> None:
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    message = refusal(copy)
    assert name in message
    assert "SHA-256 differs" in message


def test_a_truncated_file_is_found(copy: Path) -> None:
    with (copy / CPU_MODEL).open("r+b") as stream:
        stream.truncate(1000)
    assert "SHA-256 differs" in refusal(copy)


def test_a_file_without_read_permission_is_named(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    monkeypatch.setattr(
        "triage_models.bundle.bundle.sha256", refuse
    )  # the tests may run as root, who can read everything
    assert "cannot be read: Permission denied" in refusal(copy)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file: Invalid JSON"),
        (b"{", "the file: Invalid JSON"),
        (b"\xff\xfe", "the file: "),
        (b"[]", "the file: "),
        (b"{}", "name: Field required"),
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(copy: Path, content: bytes, says: str) -> None:
    (copy / MANIFEST).write_bytes(content)
    message = refusal(copy)
    assert "is damaged or of another version" in message
    assert says in message


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda m: m.update(format=2), "format"),
        (lambda m: m.update(labels=["one"]), "labels"),
        (lambda m: m["thresholds"].update(confidence=1.5), "thresholds.confidence"),
        (lambda m: m["calibration"].update(temperature=0), "calibration.temperature"),
        (lambda m: m["calibration"]["weights"].pop(), "calibration.weights"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m["files"].update({"../elsewhere": "00"}), "files.../elsewhere"),
    ],
)
def test_a_field_that_is_wrong_is_named(copy: Path, change: Edit, where: str) -> None:
    edit(copy, change)
    assert f"another version: {where}" in refusal(copy)


def test_a_damaged_tokenizer_with_a_valid_hash_is_refused_when_loaded(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"version": "1.0"}', encoding="utf-8")
    update_hash(copy, "tokenizer.json")
    assert "tokenizer.json cannot be read" in refusal(copy)


def test_a_damaged_model_with_a_valid_hash_is_refused_when_loaded(copy: Path) -> None:
    (copy / CPU_MODEL).write_bytes(b"no model")
    update_hash(copy, CPU_MODEL)
    assert f"{CPU_MODEL} cannot be loaded" in refusal(copy)
    assert f"{CPU_MODEL} cannot be loaded" in refusal(copy, verify=False)


def test_a_model_that_does_not_reproduce_its_golden_logits_is_refused(copy: Path) -> None:
    edit(copy, lambda m: m["golden"][CPU_MODEL]["logits"][2].__setitem__(1, 9.0))
    message = refusal(copy)
    assert "does not reproduce its golden texts on this machine" in message
    Classifier.open(copy, device="cpu", verify=False)


def test_a_drift_within_the_tolerance_is_accepted(copy: Path) -> None:
    tolerance = Bundle.open(copy).manifest.golden[CPU_MODEL].tolerance

    def drift(by: float) -> Edit:
        return lambda m: m["golden"][CPU_MODEL]["logits"][0].__setitem__(0, m["golden"][CPU_MODEL]["logits"][0][0] + by)

    edit(copy, drift(0.9 * tolerance))
    Classifier.open(copy, device="cpu")
    edit(copy, drift(0.2 * tolerance))
    refusal(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["golden"][CPU_MODEL]["logits"].pop(),
        lambda m: m["golden"][CPU_MODEL]["logits"][0].pop(),
        lambda m: m["golden"][CPU_MODEL].update(texts=[], logits=[]),
        lambda m: m["labels"].append("NEW"),
        lambda m: m.update(out_of_scope_label=None),
    ],
)
def test_a_wrong_number_of_golden_logits_or_labels_is_refused(copy: Path, change: Edit) -> None:
    edit(copy, change)
    assert "does not belong to its triage.json" in refusal(copy)


def test_a_bundle_without_golden_texts_is_refused(copy: Path) -> None:
    edit(copy, lambda m: m.update(golden={}))
    assert "has no golden texts for" in refusal(copy)


def test_cuda_where_there_is_none_is_refused_and_auto_falls_back(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage_models.serving.opening.cuda_available", lambda: False)
    with pytest.raises(DeviceError, match="has no CUDA provider"):
        Classifier.open(copy, device="cuda")
    assert Classifier.open(copy, device="auto").device == "cpu"


def test_cuda_that_is_installed_and_does_not_start_is_refused_and_auto_falls_back(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ONNX Runtime silently falls back to the CPU if there is no driver; a request for CUDA must fail."""
    from triage_models.serving import engine

    if engine.cuda_available():
        pytest.skip("there is a GPU build here: tests/models/serving/test_classifier.py runs on it")
    monkeypatch.setattr("triage_models.serving.opening.cuda_available", lambda: True)
    with (
        pytest.warns(UserWarning, match="CUDAExecutionProvider"),
        pytest.raises(DeviceError, match="fell back to the CPU"),
    ):
        Classifier.open(copy, device="cuda")
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        assert Classifier.open(copy, device="auto").device == "cpu"


def test_cuda_without_the_gpu_model_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / GPU_MODEL).unlink()
    edit(copy, lambda m: m["files"].pop(GPU_MODEL))
    monkeypatch.setattr("triage_models.serving.opening.cuda_available", lambda: True)
    with pytest.raises(DeviceError, match=f"has no {GPU_MODEL}"):
        Classifier.open(copy, device="cuda")
