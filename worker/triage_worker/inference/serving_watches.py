"""Opens the bundles of the setting, one for each language, and watches the folder of each."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from triage_models.bundle.bundle import Bundle
from triage_models.bundle.language_bundles import check_together
from triage_models.errors import BundleError, ModelError
from triage_models.serving.classifier import Classifier

from triage_worker.config.bundle_paths import BundlePaths
from triage_worker.config.settings import Settings
from triage_worker.inference.bundle_metrics import BundleMetrics
from triage_worker.inference.bundle_watch import BundleWatch

Serves = tuple[str, ...]
"""The languages of a bundle, or ``("*",)`` for all others; each with its group before it, if it has one."""

Opened = tuple[Serves, Classifier]


class ServingWatches:
    """One watch for each folder. A bundle that does not go together with the others is refused, as a damaged one is.

    If it would go together with what is in the other folders now, which was refused before for the same reason, all of
    them are used from the same moment: so the labels of all bundles can be changed.

    Args:
        settings: of the worker.
        bundles: the folders, by the group of sources whose messages they decide on.
        metrics: where reloads are counted.
        open_: `Classifier.open`.
    """

    def __init__(
        self,
        settings: Settings,
        bundles: Mapping[str, BundlePaths],
        metrics: BundleMetrics,
        open_: Callable[..., Classifier],
    ) -> None:
        self._serving: dict[Serves, Bundle] = {}
        self._refused: set[Serves] = set()
        self._switching = threading.Lock()
        self._watches = {
            serves: BundleWatch(
                # The worker reads messages and finds their language itself.
                partial(open_, detect_language=False, clean_email=False),
                folder,
                device=settings.device,
                threads=settings.threads or None,
                role="serving",
                poll_s=settings.bundle_poll_s,
                metrics=metrics,
            )
            for group, paths in bundles.items()
            for serves, folder in paths.served_by(group).items()
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
        opened = [(serves, watch.open()) for serves, watch in self._watches.items()]
        self._serving = self._after(opened)
        return opened

    def start(self, use: Callable[[Sequence[Opened]], None]) -> None:
        """Start checking; new classifiers are given to ``use`` with their languages, in threads of the watches."""
        for serves, watch in self._watches.items():
            watch.start(partial(self._use, use, serves))

    def _use(self, use: Callable[[Sequence[Opened]], None], serves: Serves, classifier: Classifier) -> None:
        """Use a new bundle, with those that have to take their places at the same moment.

        Raises:
            BundleError: it does not go together with the others; it is tried again when one of them changes.
        """
        with self._switching:
            try:
                new = self._switched(serves, classifier)
            except BundleError:
                self._refused.add(serves)
                raise
            use(new)
            self._serving = self._after(new)
            self._refused -= {one for one, _ in new}
            for one, other in new[1:]:
                self._watches[one].loaded(other.bundle)
            for one in self._refused:
                self._watches[one].check_now()

    def _switched(self, serves: Serves, classifier: Classifier) -> list[Opened]:
        """Return a new bundle and those in other folders without which it does not go together with the others."""
        new = [(serves, classifier)]
        try:
            self._after(new)
        except BundleError as apart:
            try:
                new += self._found_beside(serves, classifier)
                self._after(new)
            except ModelError:  # what is wrong with another bundle is reported by its own watch
                raise apart from None
        return new

    def _found_beside(self, serves: Serves, classifier: Classifier) -> list[Opened]:
        """Open the new bundles in other folders, if all that is in the folders goes together."""
        found = {one: watch.found() for one, watch in self._watches.items() if one != serves}
        check_together([classifier.bundle, *found.values()])
        changed = [one for one, bundle in found.items() if bundle.manifest != self._serving[one].manifest]
        return [(one, self._watches[one].read()) for one in changed]

    def _after(self, new: Iterable[Opened]) -> dict[Serves, Bundle]:
        """Return the bundles that serve after a change, if they go together."""
        bundles = self._serving | {serves: classifier.bundle for serves, classifier in new}
        check_together(bundles.values())
        return bundles
