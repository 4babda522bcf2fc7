"""The classifier that serves: a bundle, proven on this machine, that turns texts into decisions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL, Bundle
from triage_models.errors import BundleError, DeviceError
from triage_models.serving.decision import Decision, decide
from triage_models.serving.engine import Encoded, Engine, Outputs, cuda_available, usable_cores

__all__ = ["Classifier", "Decision", "Device", "Encoded", "Outputs"]

Device = Literal["auto", "cpu", "cuda"]


class Classifier:
    """A bundle, ready to classify; `infer` may be called from as many threads as ``threads`` says."""

    def __init__(self, bundle: Bundle, engine: Engine, threads: int) -> None:
        self.bundle = bundle
        self.engine = engine
        self.threads = threads

    @classmethod
    def open(
        cls, path: Path | str, *, device: Device = "auto", threads: int | None = None, verify: bool = True
    ) -> "Classifier":
        """Open a bundle on a device and replay its golden texts there.

        Args:
            path: the bundle's folder.
            device: "cuda" refuses to start where the CUDA provider is not active; "auto" takes it when it is.
            threads: how many callers will run at once; None is the number of usable cores.
            verify: check hashes and golden texts; turn off only where that was just done.

        Raises:
            BundleError: damaged, incomplete, or not reproducing its golden texts here.
            DeviceError: CUDA was asked for and is not active.
        """
        bundle = Bundle.open(path, verify=verify)
        model, engine = _open_engine(bundle, device)
        classifier = cls(bundle, engine, threads or usable_cores())
        if verify:
            classifier._replay_golden(model)
        return classifier

    @property
    def device(self) -> str:
        """ "cuda" or "cpu": where the session really runs."""
        return self.engine.device

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Texts as token ids, cut at the bundle's maximum length. Releases the GIL."""
        return self.engine.encode(texts)

    def infer(self, batch: Sequence[Encoded]) -> Outputs:
        """Run the network on one batch, padded to its longest row; thread-safe, releases the GIL."""
        return self.engine.infer(batch)

    def decide(self, batch: Sequence[Encoded], outputs: Outputs) -> list[Decision]:
        """One decision a row."""
        return decide(self.bundle.manifest, outputs.logits, outputs.similarity, [row.truncated for row in batch])

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        """Decisions for any number of texts, in their order."""
        encoded = self.encode(texts)
        return self.decide(encoded, self.engine.outputs(encoded)) if encoded else []

    def _replay_golden(self, model: str) -> None:
        golden = self.bundle.manifest.golden.get(model)
        if golden is None:
            raise BundleError(f"The bundle {self.bundle.path} has no golden texts for {model}: train it anew.")
        logits = self.engine.outputs(self.encode(golden.texts)).logits
        widths = {len(row) for row in golden.logits}
        if len(golden.logits) != len(logits) or widths != {len(self.bundle.classes)} or widths != {logits.shape[1]}:
            raise BundleError(
                f"{self.bundle.path / model} does not belong to its triage.json, which has golden logits or labels of "
                "other numbers: copy the whole bundle again."
            )
        drift = float(np.abs(logits - np.asarray(golden.logits, dtype=np.float32)).max())
        if not drift <= golden.tolerance:
            raise BundleError(
                f"{self.bundle.path / model} does not reproduce its golden texts on this machine: a logit is off by "
                f"{drift:.3g}, {golden.tolerance:.3g} is allowed. Copy the bundle again, or train it on such a machine."
            )


def _open_engine(bundle: Bundle, device: Device) -> tuple[str, Engine]:
    cuda = device != "cpu" and cuda_available()
    if device == "cuda" and not cuda:
        raise DeviceError(
            "TRIAGE_DEVICE=cuda, but this ONNX Runtime has no CUDA provider: install the [gpu] extra instead of "
            "onnxruntime, or set TRIAGE_DEVICE=auto."
        )
    if device == "auto" and cuda:
        try:
            return GPU_MODEL, Engine.open(bundle.path, GPU_MODEL, bundle.max_length, cuda=True)
        except (DeviceError, BundleError):
            cuda = False  # "auto" means: where the GPU works, and the CPU elsewhere; `Classifier.device` tells
    model = GPU_MODEL if cuda else CPU_MODEL
    if not (bundle.path / model).is_file():
        raise DeviceError(f"The bundle {bundle.path} has no {model}: set TRIAGE_DEVICE=cpu, or train it anew.")
    return model, Engine.open(bundle.path, model, bundle.max_length, cuda=cuda)
