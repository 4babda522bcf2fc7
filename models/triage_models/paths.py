"""The folders of data that ship with the package: the bundles and the corpus."""

from pathlib import Path


def shipped(name: str) -> Path:
    """Return a folder of data that ships with the package: inside it in a wheel, next to it in a checkout.

    Args:
        name: ``bundles`` or ``corpus``.
    """
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(__file__).parent.parent / name


DEFAULT_BUNDLE = shipped("bundles") / "ecommerce"
"""The folder of the shipped bundle: nine intents of online shops, in English."""

FAST_BUNDLE = shipped("bundles") / "ecommerce-fast"
"""The folder of the shipped bundle with early exits, in a checkout."""

MULTILINGUAL_BUNDLE = shipped("bundles") / "ecommerce-multilingual"
"""The folder of the bundle of the same intents in twelve languages, in a checkout."""
