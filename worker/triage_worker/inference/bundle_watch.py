"""Watches the folder of a bundle, and opens a new bundle there while the old one serves.

This happens in a thread of its own, so that neither a slow disk nor a damaged bundle delays a message. A reload costs
0.1 s of CPU time; loading the tokenizer holds Python's global lock for some 20 ms of that.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from triage_models.bundle.bundle import Bundle, resolve_bundle_folder
from triage_models.errors import ModelError
from triage_models.serving.classifier import Classifier, Device

from triage_worker.inference.bundle_metrics import BundleMetrics, Role
from triage_worker.inference.threads import join

log = logging.getLogger(__name__)

Fingerprint = tuple[object, ...]
"""Changes when a bundle's folder becomes another one, or when any file in it does."""


class BundleWatch:
    """Checks a bundle's folder periodically, and opens what it finds there.

    A bundle is opened only if two checks in a row find the same files, since it may still be copied. A bundle that does
    not open or verify is reported once, and tried again only after it changes or on request.

    Args:
        open_: `Classifier.open`.
        path: the bundle's folder, a link to it, or a store of bundles.
        device: where it runs; after one bundle ran on a GPU, the next ones must too.
        threads: how many threads will call it; None: as many as there are usable cores.
        role: what it is opened for.
        poll_s: seconds between two checks; 0: only on request.
        metrics: where reloads are counted.
    """

    def __init__(
        self,
        open_: Callable[..., Classifier],
        path: Path,
        *,
        device: Device,
        threads: int | None,
        role: Role,
        poll_s: float,
        metrics: BundleMetrics,
    ) -> None:
        self._open = open_
        self._path = path
        self._device: Device = device
        self._callers = threads
        self._role: Role = role
        self._poll_s = poll_s
        self._metrics = metrics
        self._seen: Fingerprint | None = None  # of what was opened or refused last
        self._found: Fingerprint | None = None  # by the previous check
        self._bundle: Bundle | None = None
        self._requested = threading.Event()
        self._closed = False
        self._threads: list[threading.Thread] = []

    def open(self) -> Classifier:
        """Open the bundle that is there now.

        Raises:
            ModelError: it cannot be opened, or does not verify.
        """
        self._seen = _fingerprint(self._path)
        classifier = self.read()
        self._bundle = classifier.bundle
        return classifier

    def found(self) -> Bundle:
        """Return the bundle that is there now, unverified.

        Raises:
            ModelError: there is none.
        """
        return Bundle.open(resolve_bundle_folder(self._path), verify=False)

    def read(self) -> Classifier:
        """Open the bundle that is there now, whoever uses it.

        Raises:
            ModelError: it cannot be opened, or does not verify.
        """
        classifier = self._open(resolve_bundle_folder(self._path), device=self._device, threads=self._callers)
        if classifier.device == "cuda":
            self._device = "cuda"
        return classifier

    def loaded(self, bundle: Bundle) -> None:
        """Take note that this bundle, which was there, is in use now."""
        self._bundle = bundle
        self._metrics.reload(self._role, "loaded")
        log.info("The bundle is loaded", extra=self._about())

    def start(self, use: Callable[[Classifier], None]) -> None:
        """Start checking; new classifiers are given to ``use``, in the thread of this watch, which may refuse them."""
        # A daemon thread: a disk that hangs must not keep the process from exiting.
        thread = threading.Thread(target=self._run, args=(use,), name=f"{self._role}-bundle", daemon=True)
        self._threads.append(thread)
        thread.start()

    def check_now(self) -> None:
        """Check at once, and try again a bundle that was refused."""
        self._requested.set()

    def close(self) -> None:
        """Stop; waits up to 5 s for a bundle that is being opened."""
        self._closed = True
        self._requested.set()
        join(self._threads)

    def _run(self, use: Callable[[Classifier], None]) -> None:
        requested = self._seen is None
        while not self._closed:
            try:
                self._check(use, requested)
            except Exception:
                log.exception("Checking the bundle failed; the loaded one stays", extra=self._about())
            requested = self._requested.wait(self._poll_s or None)
            if requested:  # clearing it after a time-out could lose a request that arrives at this moment
                self._requested.clear()

    def _check(self, use: Callable[[Classifier], None], requested: bool) -> None:
        found, before = _fingerprint(self._path), self._found
        self._found = found
        if not requested and (found == self._seen or found != before):
            return
        self._seen = found
        try:
            if self._bundle is not None and self.found().manifest == self._bundle.manifest:
                self._metrics.reload(self._role, "unchanged")
                log.info("The bundle is already loaded", extra=self._about())
                return
            classifier = self.read()
        except Exception as error:  # whatever is wrong, the old bundle goes on serving
            self._refuse(error)
            return
        if self._closed:
            return
        try:
            use(classifier)
        except ModelError as error:
            self._refuse(error)
        else:
            self.loaded(classifier.bundle)

    def _refuse(self, error: Exception) -> None:
        self._metrics.reload(self._role, "refused")
        sentence = str(error) if isinstance(error, ModelError) else repr(error)
        log.error("A new bundle is refused; the loaded one stays: %s", sentence, extra=self._about())

    def _about(self) -> dict[str, object]:
        loaded = f"{self._bundle.name} {self._bundle.version}" if self._bundle else "none"
        return {"role": self._role, "loaded": loaded, "path": str(self._path)}


def _fingerprint(path: Path) -> Fingerprint:
    folder = resolve_bundle_folder(path)
    try:
        with os.scandir(folder) as entries:
            files = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return (folder, error.errno)
    return (folder, *sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in files))
