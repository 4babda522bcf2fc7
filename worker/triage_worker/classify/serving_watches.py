"""Opens the bundles of the setting, one for each language, and watches the folder of each."""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from triage_models.bundle.bundle import Bundle
from triage_models.bundle.language_bundles import check_together
from triage_models.serving.classifier import Classifier

from triage_worker.classify.bundle_metrics import BundleMetrics
from triage_worker.classify.bundle_watch import BundleWatch
from triage_worker.config.settings import Settings

Serves = tuple[str, ...]
"""The languages of a bundle, or ``("*",)`` for all others."""

Opened = tuple[Serves, Classifier]


class ServingWatches:
    """One watch for each folder. A bundle that does not go together with the others is refused, as a damaged one is.

    Args:
        settings: of the worker.
        metrics: where reloads are counted.
        open_: `Classifier.open`.
    """

    def __init__(self, settings: Settings, metrics: BundleMetrics, open_: Callable[..., Classifier]) -> None:
        self._open_classifier = open_
        self._bundles: dict[Serves, Bundle] = {}
        self._checking = threading.Lock()
        self._watches = {
            serves: BundleWatch(
                partial(self._open, serves),
                folder,
                device=settings.device,
                threads=settings.threads or None,
                role="serving",
                poll_s=settings.bundle_poll_s,
                metrics=metrics,
            )
            for serves, folder in settings.bundle.by_languages.items()
        }

    @property
    def watches(self) -> Sequence[BundleWatch]:
        """All watches."""
        return list(self._watches.values())

    def open(self) -> list[Opened]:
        """Open the bundles that are there now; that for all other languages is the first.

        Raises:
            ModelError: one cannot be opened, does not verify, or does not go together with the others.
        """
        return [(serves, watch.open()) for serves, watch in self._watches.items()]

    def start(self, use: Callable[[Serves, Classifier], None]) -> None:
        """Start checking; new classifiers are given to ``use`` with their languages, in threads of the watches."""
        for serves, watch in self._watches.items():
            watch.start(partial(use, serves))

    def _open(self, serves: Serves, *arguments: Any, **options: Any) -> Classifier:
        # The worker finds the language of messages itself.
        classifier = self._open_classifier(*arguments, **options, detect_language=False, clean_email=False)
        with self._checking:
            bundles = self._bundles | {serves: classifier.bundle}
            check_together(bundles.values())
            self._bundles = bundles
        return classifier
