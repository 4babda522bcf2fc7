"""A folder of bundles, one of which is served: promoting a new one, going back, and what was done when and why.

    store/versions/2026.11.24-1f2e3d4c/   a bundle, whole, never changed again
    store/current                         a link to the one that is served
    store/history.jsonl                   one line a change

Serve it with ``TRIAGE_BUNDLE=store``. Every step is atomic: whenever this is interrupted, a whole bundle is current,
and the next change goes on from there. A line of the history is written before the link is changed, so the last one may
be of a change that never came; what comes next tells, since each line says what was current before it.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triage_models.bundle.bundle import CURRENT, MANIFEST, Bundle
from triage_models.errors import BundleError

VERSIONS = "versions"
HISTORY = "history.jsonl"
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


class Entry(BaseModel):
    """One change of what is served; versions are names of folders."""

    model_config = ConfigDict(frozen=True)

    when: datetime
    action: Literal["promote", "rollback"]
    before: str | None = Field(alias="from")
    to: str
    why: str


class BundleStore:
    """The store at ``root``; the folder is made by the first promotion.

    Processes that change it at once take turns. All methods raise `BundleError` where the store cannot be read or
    written; what was current then still is.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def current(self) -> Path | None:
        """The folder of the bundle that is served; None before the first promotion."""
        link = self.root / CURRENT
        return link.resolve() if link.is_symlink() else None

    def history(self) -> list[Entry]:
        """All changes, oldest first."""
        file = self.root / HISTORY
        lines = file.read_bytes().splitlines() if file.is_file() else []
        try:
            return [Entry.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise BundleError(f"{file} is damaged: mend or remove the line that is no entry of it.") from error

    def promote(self, bundle: Path, *, why: str) -> Path:
        """Copy a bundle into the store and serve it; returns its folder there.

        One that is current already stays so, and no line is written.

        Raises:
            BundleError: the bundle is damaged, or the store has another one of that version.
        """
        source = Bundle.open(bundle)
        if not FOLDER_NAME.fullmatch(source.version):
            raise BundleError(
                f"The version of {bundle}, {source.version!r}, cannot be the name of a folder: change it."
            )
        with self._changing(f"{source.path} was not promoted"):
            target = self._take_in(source)
            if self._current_name() != target.name:
                self._serve("promote", target.name, why)
        return target

    def rollback(self, *, why: str) -> Path:
        """Serve what was current before the last promotion, and, called again, before the one before; its folder.

        Raises:
            BundleError: there is nothing to go back to, or it is damaged or gone.
        """
        if self.current() is None:
            raise BundleError(f"There is no store of bundles at {self.root}: nothing was ever promoted there.")
        with self._changing("nothing was rolled back"):
            served = _served(self.history(), self._current_name())
            if len(served) < 2:
                raise BundleError(f"The store {self.root} has nothing to go back to: {served[0]} was the first.")
            target = Bundle.open(self.root / VERSIONS / served[-2]).path
            self._serve("rollback", target.name, why)
        return target

    def _current_name(self) -> str | None:
        current = self.current()
        return current.name if current else None

    def _take_in(self, source: Bundle) -> Path:
        """The bundle's own folder in the store, made where it is not there yet."""
        target = self.root.resolve() / VERSIONS / source.version
        if target.exists():
            if Bundle.open(target).manifest != source.manifest:
                raise BundleError(
                    f"The store {self.root} has another bundle of version {source.version}: events could not tell them "
                    f"apart. Give this one a version of its own in its {MANIFEST}."
                )
            return target
        incoming = target.with_name(".incoming")
        shutil.rmtree(incoming, ignore_errors=True)  # of a promotion that was interrupted
        try:
            incoming.mkdir(parents=True)
            for name in (*source.manifest.files, MANIFEST):
                shutil.copyfile(source.path / name, incoming / name)
                _sync(incoming / name)
            Bundle.open(incoming)
            _sync(incoming)
            incoming.rename(target)
        except BaseException:
            shutil.rmtree(incoming, ignore_errors=True)
            raise
        _sync(target.parent)
        return target

    def _serve(self, action: Literal["promote", "rollback"], name: str, why: str) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        entry = Entry.model_validate(
            {"when": now, "action": action, "from": self._current_name(), "to": name, "why": why}
        )
        self._write_down(entry)
        link = self.root / f".{CURRENT}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(VERSIONS) / name)
        link.replace(self.root / CURRENT)
        _sync(self.root)

    def _write_down(self, entry: Entry) -> None:
        lines = [*self.history(), entry]
        file = self.root / f".{HISTORY}"
        file.write_text("".join(line.model_dump_json(by_alias=True) + "\n" for line in lines), encoding="utf-8")
        _sync(file)
        file.replace(self.root / HISTORY)

    @contextmanager
    def _changing(self, otherwise: str) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # the system takes it back from a process that dies
                yield
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise BundleError(
                f"The store {self.root} cannot be changed: {error.strerror}{where}. So {otherwise}; what was current "
                "still is."
            ) from error


def _served(history: Sequence[Entry], current: str | None) -> list[str]:
    """The versions that lie one on another, the current one last: a promotion lays one on, a rollback takes it off."""
    now: list[str] = []
    before: list[str] = []
    for entry in history:
        before = _settled(now, before, entry.before)
        now = [*before, entry.to] if entry.action == "promote" else before[:-1]
    return _settled(now, before, current)


def _settled(now: list[str], before: list[str], current: str | None) -> list[str]:
    """What a change has led to, by what was found to be current after it."""
    for served in (now, before):  # `before`: the line was written, and the change never came
        if served[-1:] == ([current] if current else []):
            return served
    return [*now, current] if current else []  # the link was set by hand


def _sync(path: Path) -> None:
    """Have a file or a folder on the disk before what comes next."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
