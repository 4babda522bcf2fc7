"""From labelled texts to a bundle, and from a bundle to decisions. Knows nothing of Kafka.

>>> from triage_models import Classifier
>>> decision, = Classifier.open().classify(["where is my parcel"])
>>> decision.intent, decision.accepted
('WISMO', True)

What is in ``__all__`` is the public API. It is loaded on first use, so ``import triage_models`` is quick.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

from triage_models.paths import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from triage_models.errors import BundleError, DataError, DeviceError, ModelError
    from triage_models.serving.classifier import Classifier
    from triage_models.serving.decision import Decision
    from triage_models.serving.predictions import Predictions

__all__ = [
    "DEFAULT_BUNDLE",
    "BundleError",
    "Classifier",
    "DataError",
    "Decision",
    "DeviceError",
    "ModelError",
    "Predictions",
]

_MODULES = {
    "BundleError": "triage_models.errors",
    "Classifier": "triage_models.serving.classifier",
    "DataError": "triage_models.errors",
    "Decision": "triage_models.serving.decision",
    "DeviceError": "triage_models.errors",
    "ModelError": "triage_models.errors",
    "Predictions": "triage_models.serving.predictions",
}

# ONNX Runtime's own packages report each session to Microsoft, unless this is set before they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


if not TYPE_CHECKING:  # with it, type checkers would believe that every name is there

    def __getattr__(name: str) -> object:
        module = _MODULES.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
