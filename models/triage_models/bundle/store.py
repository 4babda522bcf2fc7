"""A bundle store: versions of a bundle on disk, one of which is served, with promotion, rollback and a history.

    store/versions/2026.11.24-1f2e3d4c/   a bundle; never changed once it is there
    store/current                         a link to the bundle that is served
    store/history.jsonl                   one line per change

Serve a store with ``TRIAGE_BUNDLE=store``. Every step is atomic: after an interruption at any point, a complete bundle
is current, and the next change continues from there. A line is appended to the history before the link is changed, so
the last line may describe a change that did not happen. The next line shows which, because each line records what was
current before it.
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
from triage_models.errors import BundleError, StoreChangedError

VERSIONS = "versions"
HISTORY = "history.jsonl"
FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")

Action = Literal["promote", "rollback"]


class HistoryEntry(BaseModel):
    """One change of the served bundle; versions are names of folders."""

    model_config = ConfigDict(frozen=True)

    when: datetime
    action: Action
    before: str | None = Field(alias="from")
    to: str
    why: str


class BundleStore:
    """The bundle store in the folder ``root``, which the first promotion creates.

    Processes that change a store at the same time take turns. Every method raises `BundleError` if the store cannot be
    read or written; the current bundle is then unchanged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def current(self) -> Path | None:
        """Return the folder of the bundle that is served; None before the first promotion."""
        link = self.root / CURRENT
        return link.resolve() if link.is_symlink() else None

    def history(self) -> list[HistoryEntry]:
        """Return all changes, oldest first."""
        file = self.root / HISTORY
        lines = file.read_bytes().splitlines() if file.is_file() else []
        try:
            return [HistoryEntry.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise BundleError(f"{file} is damaged: correct or remove the invalid line.") from error

    def versions(self) -> list[Path]:
        """Return the folders of all bundles that the store keeps, by name."""
        folder = self.root / VERSIONS
        return sorted(one for one in folder.iterdir() if (one / MANIFEST).is_file()) if folder.is_dir() else []

    def rollback_target(self) -> str | None:
        """Return the version that `rollback` would serve now; None if there is nothing to go back to."""
        stack = _version_stack(self.history(), self._current_name())
        return stack[-2] if len(stack) > 1 else None

    def promote(self, bundle: Path, *, why: str, expected: str | None = None) -> Path:
        """Copy a bundle into the store and serve it.

        Promoting the bundle that is already current changes nothing.

        Args:
            bundle: the bundle's folder.
            why: the reason, for the history.
            expected: the version that the caller takes to be current, "" for none; None: whichever is.

        Returns:
            The bundle's folder in the store.

        Raises:
            StoreChangedError: Another version is current than expected.
            BundleError: The bundle is damaged, or the store has another bundle of that version.
        """
        source = Bundle.open(bundle)
        if not FOLDER_NAME.fullmatch(source.version):
            raise BundleError(
                f"The version of {bundle}, {source.version!r}, cannot be the name of a folder: change it."
            )
        with self._locked(f"{source.path} was not promoted"):
            self._check(expected)
            target = self._copy_in(source)
            if self._current_name() != target.name:
                self._serve("promote", target.name, why)
        return target

    def rollback(self, *, why: str, expected: str | None = None) -> Path:
        """Serve the bundle that was current before the last promotion; each further call goes one step back.

        Args:
            why: the reason, for the history.
            expected: the version that the caller takes to be current; None: whichever is.

        Returns:
            The folder of the bundle that is now current.

        Raises:
            StoreChangedError: Another version is current than expected.
            BundleError: There is no earlier bundle, or it is damaged or missing.
        """
        if self.current() is None:
            raise BundleError(f"There is no store of bundles at {self.root}: nothing was ever promoted there.")
        with self._locked("nothing was rolled back"):
            self._check(expected)
            stack = _version_stack(self.history(), self._current_name())
            if len(stack) < 2:
                raise BundleError(f"The store {self.root} has nothing to go back to: {stack[0]} was the first.")
            target = Bundle.open(self.root / VERSIONS / stack[-2]).path
            self._serve("rollback", target.name, why)
        return target

    def _check(self, expected: str | None) -> None:
        current = self._current_name() or ""
        if expected is not None and current != expected:
            raise StoreChangedError(
                f"The store {self.root} serves {current or 'nothing'} by now, and not {expected or 'nothing'}: look "
                "again before you change it."
            )

    def _current_name(self) -> str | None:
        current = self.current()
        return current.name if current else None

    def _copy_in(self, source: Bundle) -> Path:
        """Return the bundle's folder in the store, copying the bundle there if needed."""
        target = self.root.resolve() / VERSIONS / source.version
        if target.exists():
            if Bundle.open(target).manifest != source.manifest:
                raise BundleError(
                    f"The store {self.root} has another bundle of version {source.version}, and events name only "
                    f"the version: change it in the new bundle's {MANIFEST}."
                )
            return target
        incoming = target.with_name(".incoming")
        shutil.rmtree(incoming, ignore_errors=True)  # left by an interrupted promotion
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

    def _serve(self, action: Action, name: str, why: str) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        entry = HistoryEntry.model_validate(
            {"when": now, "action": action, "from": self._current_name(), "to": name, "why": why}
        )
        self._append(entry)
        link = self.root / f".{CURRENT}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(VERSIONS) / name)
        link.replace(self.root / CURRENT)
        _sync(self.root)

    def _append(self, entry: HistoryEntry) -> None:
        lines = [*self.history(), entry]
        file = self.root / f".{HISTORY}"
        file.write_text("".join(line.model_dump_json(by_alias=True) + "\n" for line in lines), encoding="utf-8")
        _sync(file)
        file.replace(self.root / HISTORY)

    @contextmanager
    def _locked(self, consequence: str) -> Iterator[None]:
        """Hold the store's lock; an `OSError` becomes a `BundleError` that states the consequence."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with (self.root / ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # released by the system if this process dies
                yield
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise BundleError(
                f"The store {self.root} cannot be changed: {error.strerror}{where}. Therefore {consequence}; the "
                "current bundle is unchanged."
            ) from error


def _version_stack(history: Sequence[HistoryEntry], current: str | None) -> list[str]:
    """Return the served versions as a stack, the current one last: a promotion pushes one, a rollback pops one."""
    after: list[str] = []
    before: list[str] = []
    for entry in history:
        before = _actual_stack(after, before, entry.before)
        after = [*before, entry.to] if entry.action == "promote" else before[:-1]
    return _actual_stack(after, before, current)


def _actual_stack(after: list[str], before: list[str], current: str | None) -> list[str]:
    """Return the stack ``after`` a change or ``before`` it, whichever the bundle found current afterwards matches."""
    for stack in (after, before):  # `before`: the history line was written, but the change did not happen
        if stack[-1:] == ([current] if current else []):
            return stack
    return [*after, current] if current else []  # the link was set by hand


def _sync(path: Path) -> None:
    """Flush a file or a folder to disk before the next step."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
