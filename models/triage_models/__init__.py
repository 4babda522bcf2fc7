"""From labelled text to a bundle, from a bundle to a decision. Knows nothing of Kafka."""

import os
from pathlib import Path

# ONNX Runtime's own packages report each session to Microsoft unless told otherwise before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def shipped(name: str) -> Path:
    """A folder of data that ships with the package: inside it in a wheel, beside it in a checkout.

    Args:
        name: ``bundles`` or ``corpus``.
    """
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(__file__).parent.parent / name


DEFAULT_BUNDLE = shipped("bundles") / "ecommerce"
