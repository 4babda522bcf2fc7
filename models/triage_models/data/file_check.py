"""Refuses a path that holds no table or text, in one sentence, before anything slow is loaded."""

from pathlib import Path

from triage_models.data.file_kinds import recognize
from triage_models.errors import DataError

HEAD_BYTES = 64 * 1024


def check_file(path: Path, *, read_once: bool = False) -> None:
    """Check that a path is a file, and that its content is none of the known kinds that are not text.

    Args:
        path: what a user named.
        read_once: allow a pipe such as ``/dev/stdin``, which can be read only once; its content is not checked.

    Raises:
        DataError: There is no such file, it is a folder or a pipe, or it is not text; says what to do.
    """
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder: name a file in it.")
        if not path.exists():
            raise DataError(f"There is no file {path}: check the path.")
        if path.is_file():
            with path.open("rb") as stream:
                kind = recognize(stream.read(HEAD_BYTES))
            if kind is not None:
                raise DataError(f"{path} is {kind.name}: {kind.remedy}.")
        elif not read_once:
            raise DataError(f"{path} is a pipe or a device, not a file: save its content to a file, and name that.")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
