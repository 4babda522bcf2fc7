"""Writes a bundle completely or not at all: it is built in a folder beside its place, and moved there."""

import errno
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triage_models.bundle.bundle import MANIFEST
from triage_models.errors import DataError


@contextmanager
def locked_workspace(output: Path) -> Iterator[Path]:
    """Yield the folder next to ``output`` in which one process at a time builds a bundle.

    Raises:
        DataError: The disk is full or not writable, or another process builds a bundle there.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        lock_file = output.parent / f".{output.name}.lock"
        with lock_file.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released by the system if this process dies
            try:
                yield output.parent / f".{output.name}.partial"
            finally:
                lock_file.unlink(missing_ok=True)
    except BlockingIOError as error:
        raise DataError(f"Another process is making {output}: wait until it ends, or choose another folder.") from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise DataError(f"{output} cannot be written: {error}.") from error
        raise DataError(
            f"The disk is full: free space for {output} and in {tempfile.gettempdir()}, then run the same command "
            "again; it continues where it stopped."
        ) from error


def check_output(output: Path) -> None:
    """Refuse a folder that holds anything but a bundle: publishing replaces what is there.

    Raises:
        DataError: The output is not an empty folder, a bundle, or a new path.
    """
    if output.is_symlink():
        raise DataError(f"{output} is a link, which would be replaced: give the folder that it points to, or another.")
    if output.name in ("", ".."):
        raise DataError(f"{output} is not a name for a bundle: choose a folder of its own, such as bundles/mine.")
    if output.is_dir() and any(output.iterdir()) and not (output / MANIFEST).is_file():
        raise DataError(f"{output} holds other files and is not a bundle: choose a folder of its own.")
    within = sorted(path.name for path in output.iterdir() if path.is_dir()) if output.is_dir() else []
    if within:
        raise DataError(
            f"{output} holds the folder {within[0]} beside its bundle, which would be deleted: move it, or choose "
            "another folder."
        )
    if output.exists() and not output.is_dir():
        raise DataError(f"{output} is a file: choose a folder for the bundle.")


def replace_folder(folder: Path, output: Path) -> None:
    """Move a finished bundle into place by two renames, so that no half of it is ever seen."""
    replaced = output.parent / f".{output.name}.replaced"
    shutil.rmtree(replaced, ignore_errors=True)
    if output.exists():
        output.rename(replaced)
    folder.rename(output)
    shutil.rmtree(replaced, ignore_errors=True)
