"""Promotes a bundle that is verified on this machine: the command line and the console do it by this function."""

from pathlib import Path

from triage_models.bundle.store import BundleStore
from triage_models.serving.classifier import Classifier, Device


def promote_verified(
    store: BundleStore, folder: Path, *, why: str, device: Device = "auto", expected: str | None = None
) -> Path:
    """Replay a bundle's golden texts here, copy it into a store and serve it.

    Args:
        store: the store.
        folder: of the bundle.
        why: the reason, for the store's history.
        device: what it is verified on.
        expected: the version that the caller takes to be current; see `BundleStore.promote`.

    Returns:
        The bundle's folder in the store.

    Raises:
        StoreChangedError: Another version is current than expected.
        ModelError: The bundle is damaged, does not verify, or the store cannot take it.
    """
    Classifier.open(folder, device=device)
    return store.promote(folder, why=why, expected=expected)
