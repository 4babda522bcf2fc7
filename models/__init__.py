"""From labelled text to a bundle, from a bundle to a decision. Knows nothing of Kafka."""

import os
from pathlib import Path

# ONNX Runtime's own packages report each session to Microsoft unless told otherwise before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "ecommerce"
