"""Noticing that the folder of a bundle has become another bundle, and opening that one while the old one serves.

All of it happens in a thread of its own, so that neither a slow disk nor a damaged bundle holds up a message. It costs
a tenth of a second of CPU, and the tokenizer keeps the interpreter from others for some 20 ms of that.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from triage_models.bundle.bundle import Bundle, located
from triage_models.errors import ModelError
from triage_models.serving.classifier import Classifier, Device

from triage_worker.classify.bundle_metrics import BundleMetrics, Role
from triage_worker.classify.threads import wait_for

log = logging.getLogger(__name__)

Mark = tuple[object, ...]


class BundleWatch:
    """Looks at a bundle's folder from time to time, and hands over what it has become.

    Only what two looks in a row find the same is opened: it may be being copied, or replaced. A bundle that does not
    open or verify is told of once, and not tried again before it changes or somebody asks.

    Args:
        open_: `Classifier.open`.
        path: the bundle's folder, a link to it, or a store of bundles.
        device: where it is to run; once one runs on a GPU, others must too.
        threads: how many callers it will have; None: as many as there are usable cores.
        role: what it is opened for.
        poll_s: seconds between two looks; 0: only when asked.
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
        self._seen: Mark | None = None  # of what was opened or refused last
        self._found: Mark | None = None  # by the look before
        self._bundle: Bundle | None = None
        self._asked = threading.Event()
        self._closed = False
        self._looking: list[threading.Thread] = []

    def open(self) -> Classifier:
        """Open what is there now.

        Raises:
            ModelError: it cannot be opened, or does not verify.
        """
        self._seen = _mark(self._path)
        classifier = self._opened(located(self._path))
        self._bundle = classifier.bundle
        return classifier

    def start(self, use: Callable[[Classifier], None]) -> None:
        """Begin to look; what is found is given to ``use``, in the watch's thread."""
        # A daemon: a disk that hangs must not keep the process from leaving.
        thread = threading.Thread(target=self._run, args=(use,), name=f"{self._role}-bundle", daemon=True)
        self._looking.append(thread)
        thread.start()

    def look(self) -> None:
        """Look at once, and try again what was refused."""
        self._asked.set()

    def close(self) -> None:
        """End; a bundle that is being opened is waited for, but not for long."""
        self._closed = True
        self._asked.set()
        wait_for(self._looking)

    def _run(self, use: Callable[[Classifier], None]) -> None:
        asked = self._seen is None
        while not self._closed:
            try:
                self._look(use, asked)
            except Exception:
                log.exception("A look at a bundle failed; the next one may not", extra=self._about())
            asked = self._asked.wait(self._poll_s or None)
            if asked:  # else somebody may ask just now, and would not be heard
                self._asked.clear()

    def _look(self, use: Callable[[Classifier], None], asked: bool) -> None:
        mark, before = _mark(self._path), self._found
        self._found = mark
        if not asked and (mark == self._seen or mark != before):
            return
        self._seen = mark
        try:
            folder = located(self._path)
            if self._bundle is not None and Bundle.open(folder, verify=False).manifest == self._bundle.manifest:
                self._metrics.reload(self._role, "unchanged")
                log.info("The bundle is the one that is loaded", extra=self._about())
                return
            classifier = self._opened(folder)
        except Exception as error:  # whatever it is, the bundle before it is better
            self._metrics.reload(self._role, "refused")
            sentence = str(error) if isinstance(error, ModelError) else repr(error)
            log.error("A bundle is refused, nothing else changes: %s", sentence, extra=self._about())  # noqa: TRY400
            return
        if not self._closed:
            use(classifier)
            self._bundle = classifier.bundle
            self._metrics.reload(self._role, "loaded")
            log.info("The bundle is loaded", extra=self._about())

    def _opened(self, folder: Path) -> Classifier:
        classifier = self._open(folder, device=self._device, threads=self._callers)
        if classifier.device == "cuda":
            self._device = "cuda"
        return classifier

    def _about(self) -> dict[str, object]:
        loaded = f"{self._bundle.name} {self._bundle.version}" if self._bundle else "none"
        return {"role": self._role, "loaded": loaded, "path": str(self._path)}


def _mark(path: Path) -> Mark:
    """What changes when a bundle's folder becomes another, or any file in it does."""
    folder = located(path)
    try:
        with os.scandir(folder) as entries:
            files = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return (folder, error.errno)
    return (folder, *sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in files))
