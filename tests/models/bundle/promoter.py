"""Changes a store in another process, which may be killed while it does so. Imports little, since many are started."""

import os
import sys
from pathlib import Path
from typing import Any

from triage_models.bundle.store import BundleStore

KILLED = 9


def change(store: Path, bundle: Path | None) -> None:
    """Promote a bundle, or roll back if there is none."""
    if bundle is None:
        BundleStore(store).rollback(why="another process")
    else:
        BundleStore(store).promote(bundle, why="another process")


def killed_at(store: Path, bundle: Path | None, step: int) -> None:
    """Exit immediately, as after kill -9, before one of the steps that access the file system."""
    left = step

    def kill(event: str, _: tuple[Any, ...]) -> None:
        nonlocal left
        if event == "open" or event.startswith(("os.", "shutil.")):
            left -= 1
            if left < 0:
                os._exit(KILLED)

    sys.addaudithook(kill)
    change(store, bundle)
