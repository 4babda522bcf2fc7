"""From labelled text to a bundle, from a bundle to a decision. Knows nothing of Kafka."""

from pathlib import Path

DEFAULT_BUNDLE = Path(__file__).parent / "bundles" / "ecommerce"
