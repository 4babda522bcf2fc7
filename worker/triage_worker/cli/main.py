"""The entry point of the ``triage`` command: runs it, and turns what goes wrong into one sentence and an exit code.

The rest of the command line is imported inside, so that Ctrl-C ends the command quietly from its first moment.
"""

import errno
import os
import signal
import sys
from typing import NoReturn

BAD_INPUT = 2
INTERRUPTED = 130
OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
SYMLINK_LOOP = "Symlink loop"


def main() -> None:
    """Run the command line. An error that the user can correct is one sentence on standard error and exit code 2."""
    _open_missing_streams()
    if os.getpid() == 1:
        # Linux ignores a signal for the first process of a container unless the process handles it, and services do so
        # only once they are loaded.
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        _run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        _leave("", INTERRUPTED)
    except OSError as error:
        if error.filename is not None:
            _leave(f"triage: {error.filename} cannot be used: {error.strerror}.", BAD_INPUT)
        if error.errno not in OUTPUT_ERRORS:
            raise
        _leave(f"triage: The output cannot be written: {error.strerror}.", BAD_INPUT)
    except RuntimeError as error:
        if not str(error).startswith(SYMLINK_LOOP):  # which pathlib raises
            raise
        _leave(f"triage: A path cannot be used: {error}.", BAD_INPUT)


def _open_missing_streams() -> None:
    """Open the null device for each standard stream that was closed when the process was started (``>&-``).

    Otherwise a file or a connection would get its number, and what is printed would go there.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode))


def _run() -> None:
    from triage_models.errors import ModelError  # noqa: PLC0415 (see above)

    from triage_worker.cli.app import app  # noqa: PLC0415
    from triage_worker.config.errors import TriageError, print_error  # noqa: PLC0415

    for stream in (sys.stdout, sys.stderr):
        # A terminal or pipe that is not UTF-8 gets a question mark for what its encoding lacks.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app()
    except (TriageError, ModelError) as error:
        print_error(error)
        sys.exit(BAD_INPUT)


def _leave(sentence: str, code: int) -> NoReturn:
    """Exit without the interpreter's attempt to write what is still buffered, which would fail again."""
    if sentence:
        print(sentence, file=sys.stderr)  # noqa: T201 (without the imports of `_run`)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(code)
