"""Opens a bundle's model on a device, and checks that it reproduces the outputs recorded in the bundle."""

from typing import Literal

import numpy as np

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, Bundle
from triage_models.errors import BundleError, DeviceError
from triage_models.serving.engine import Engine, cuda_available

Device = Literal["auto", "cpu", "cuda"]


def open_engine(bundle: Bundle, device: Device) -> tuple[str, Engine]:
    """Load the model for a device; returns the model's file name and the engine.

    Raises:
        BundleError: the model cannot be loaded.
        DeviceError: ``device`` is ``"cuda"`` and CUDA is not active, or the bundle has no model for it.
    """
    cuda = device != "cpu" and cuda_available()
    if device == "cuda" and not cuda:
        raise DeviceError(
            "The device is cuda, but this ONNX Runtime has no CUDA provider: install the [gpu] extra instead of "
            "onnxruntime, or set TRIAGE_DEVICE=auto."
        )
    if device == "auto" and cuda:
        try:
            return GPU_MODEL, Engine.open(bundle.path, GPU_MODEL, bundle.max_length, cuda=True)
        except (DeviceError, BundleError):
            cuda = False  # "auto" falls back to the CPU; `Classifier.device` says which one it is.
    model = GPU_MODEL if cuda else CPU_MODEL
    if not (bundle.path / model).is_file():
        raise DeviceError(f"The bundle {bundle.path} has no {model}: set TRIAGE_DEVICE=cpu, or train it again.")
    return model, Engine.open(bundle.path, model, bundle.max_length, cuda=cuda)


def check_golden_texts(bundle: Bundle, engine: Engine, model: str) -> None:
    """Compare the logits of the golden texts with those that ``triage.json`` has for this model.

    Raises:
        BundleError: a logit differs by more than the tolerance, or there is nothing to compare with.
    """
    golden = bundle.manifest.golden.get(model)
    if golden is None:
        raise BundleError(f"The bundle {bundle.path} has no golden texts for {model}: train it again.")
    logits = engine.outputs(engine.encode(golden.texts)).logits
    widths = {len(row) for row in golden.logits}
    if len(golden.logits) != len(logits) or widths != {len(bundle.classes)} or widths != {logits.shape[1]}:
        raise BundleError(
            f"{bundle.path / model} does not belong to its triage.json, which has another number of golden logits or "
            "labels: copy the whole bundle again."
        )
    drift = float(np.abs(logits - np.asarray(golden.logits, dtype=np.float32)).max())
    if not drift <= golden.tolerance:
        raise BundleError(
            f"{bundle.path / model} does not reproduce its golden texts on this machine: a logit is off by "
            f"{drift:.3g}, {golden.tolerance:.3g} is allowed. Copy the bundle again, or train it on such a machine."
        )
