"""What the image leaves out of its packages: nothing that is needed, and RECORD says what is left."""

from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from deploy.image import slim_packages
from deploy.image.requirements import requirements
from deploy.image.slim_packages import is_unused, needed, slim
from tests.deploy.tools import ROOT


def package(site: Path, name: str, requires: tuple[str, ...], *files: str) -> None:
    """Install a package as pip does: its files, METADATA and RECORD."""
    information = f"{name}-1.0.dist-info"
    lines = "".join(f"Requires-Dist: {line}\n" for line in requires)
    written = dict.fromkeys(files, "x" * 1000)
    written[f"{information}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{lines}"
    written[f"{information}/RECORD"] = "".join(f"{file},,\n" for file in [*written, f"{information}/RECORD"])
    for file, text in written.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text(text)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    package(tmp_path, "tokenizers", ("huggingface-hub>=1", "PyYAML"), "tokenizers/__init__.py", "tokenizers/core.pyi")
    package(tmp_path, "huggingface_hub", ("hf-xet", "pyyaml"), "huggingface_hub/__init__.py")
    package(tmp_path, "hf_xet", (), "hf_xet/deep/hf_xet.abi3.so")
    package(tmp_path, "PyYAML", ('other; extra == "fast"', 'older; python_version < "3"'), "yaml/__init__.py")
    package(tmp_path, "other", (), "other.py")
    return tmp_path


def test_what_only_an_unused_dependency_needs_goes_with_it(site: Path) -> None:
    removed, size = slim(site, ["tokenizers>=0.21"], "cpu")
    assert removed == ["hf-xet", "huggingface-hub", "other"]
    assert size > 4000
    left = {path.name for path in site.iterdir()}
    assert left == {"tokenizers", "tokenizers-1.0.dist-info", "yaml", "PyYAML-1.0.dist-info"}


def test_what_is_required_otherwise_stays(site: Path) -> None:
    removed, _ = slim(site, ["tokenizers", "hf_xet", "pyyaml[fast]"], "cpu")
    assert removed == ["huggingface-hub"]
    assert (site / "hf_xet" / "deep" / "hf_xet.abi3.so").is_file()


def test_a_record_lists_the_files_that_are_left(site: Path) -> None:
    slim(site, ["tokenizers"], "cpu")
    for found in distributions(path=[str(site)]):
        assert found.files
        assert all((site / file).is_file() for file in found.files), found.name
    assert not (site / "tokenizers" / "core.pyi").exists()


@pytest.mark.parametrize(
    ("file", "unused"),
    [
        ("numpy/_core/tests/test_array.py", True),
        ("aiohttp/_http_parser.pyx", True),
        ("onnxruntime/transformers/optimizer.py", True),
        ("onnxruntime/capi/libonnxruntime.so.1.32.0", True),
        ("onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so", False),
        ("onnxruntime/capi/libonnxruntime_providers_shared.so", False),
        ("jinja2/tests.py", False),
        ("numpy/testing/__init__.py", False),
        ("stdnum/iban.dat", False),
        ("../../../bin/uvicorn", False),
    ],
)
def test_which_files_are_unused(file: str, unused: bool) -> None:
    assert is_unused(file, "cpu") is unused


def test_the_gpu_variant_keeps_the_library_of_onnx_runtime() -> None:
    assert not is_unused("onnxruntime/capi/libonnxruntime.so.1.32.0", "gpu")


def test_every_exception_is_still_a_dependency() -> None:
    """An entry that no longer matches anything says that a dependency changed."""
    installed: dict[str, Distribution] = {canonicalize_name(found.name): found for found in distributions()}
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    kept = needed(requirements(pyproject, "cpu"), installed)
    for package_name, dependency in slim_packages.UNUSED:
        assert package_name in kept
        assert any(line.lower().startswith(dependency) for line in installed[package_name].requires or ())
    assert {"numpy", "protobuf", "faust-streaming", "cryptography", "pydantic-core"} <= kept
    assert not {"grpcio", "hf-xet", "torch", "transformers"} & kept
