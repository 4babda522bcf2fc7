"""Makes the fp16 model for GPUs of a bundle that has none, from the weights of its int8 model."""

import shutil
from pathlib import Path

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, MANIFEST, Bundle, sha256
from triage_models.bundle.card import write_card
from triage_models.bundle.manifest import Manifest
from triage_models.bundle.publishing import check_output, locked_workspace, replace_folder
from triage_models.errors import DataError
from triage_models.training.exit_graph import copy_exits
from triage_models.training.export import export_fp16
from triage_models.training.manifest_writer import golden_of
from triage_models.training.network import ServingNetwork
from triage_models.training.onnx_weights import load_network, load_prototypes


def add_gpu_model(bundle: Path, output: Path) -> Path:
    """Write a copy of a bundle that also has the fp16 model. It answers as the int8 model does, but for its rounding.

    Args:
        bundle: the bundle's folder.
        output: the folder of the copy; a bundle that is there is replaced.

    Returns:
        ``output``.

    Raises:
        DataError: The bundle has an fp16 model, or the output cannot be written.
        BundleError: The bundle cannot be opened.
    """
    opened = Bundle.open(bundle)
    if (opened.path / GPU_MODEL).is_file():
        raise DataError(f"{bundle} has a {GPU_MODEL} already: nothing was written.")
    check_output(output)
    with locked_workspace(output) as workspace:
        folder = workspace.with_suffix(".gpu")  # in the workspace there may be a training that can continue
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _write(opened, folder)
            replace_folder(folder, output)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return output


def _write(bundle: Bundle, folder: Path) -> None:
    folder.mkdir()
    for name in bundle.manifest.files:
        shutil.copyfile(bundle.path / name, folder / name)
    network = load_network(bundle.path, dropout=0.0).eval()
    export_fp16(ServingNetwork(network, load_prototypes(bundle.path)), folder / GPU_MODEL)
    copy_exits(bundle.path / CPU_MODEL, folder / GPU_MODEL)
    manifest = _with_gpu_model(bundle.manifest, folder)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    write_card(folder, manifest, bundle.path)


def _with_gpu_model(manifest: Manifest, folder: Path) -> Manifest:
    golden = golden_of(folder, GPU_MODEL, manifest.golden[CPU_MODEL].texts, manifest.max_length)
    return manifest.model_copy(
        update={
            "version": f"{manifest.version}-gpu",  # no two bundles of one name have the same version
            "golden": {**manifest.golden, GPU_MODEL: golden},
            "files": {**manifest.files, GPU_MODEL: sha256(folder / GPU_MODEL)},
        }
    )
