"""The bundles that serve at one moment, and which of them decides on a message."""

from collections.abc import Iterable

from triage_models.bundle.language_bundles import expected_languages
from triage_models.text.language import Detection

from triage_worker.inference.loaded_bundle import ALL, LoadedBundle


class ServingBundles:
    """The bundles that serve, each for its languages. It never changes: another bundle makes another one of these.

    Args:
        bundles: one of them serves `ALL` languages that the others do not, and messages whose language is unsure.

    Attributes:
        default: that one.
        expected: the languages that messages are expected in, before their text is read.
    """

    def __init__(self, *bundles: LoadedBundle) -> None:
        self._by_serves = {bundle.serves: bundle for bundle in bundles}
        self.default = self._by_serves[ALL]
        self._by_language = {
            language: bundle for bundle in bundles for language in bundle.serves if language not in ALL
        }
        self.expected = expected_languages(self._by_language, self.default.languages or None)

    @property
    def bundles(self) -> Iterable[LoadedBundle]:
        """All of them."""
        return self._by_serves.values()

    def of(self, found: Detection | None) -> LoadedBundle:
        """Return the bundle that decides on a message in a language; None: it is unsure."""
        if found is None or found.language is None:
            return self.default
        return self._by_language.get(found.language, self.default)

    def in_place_of(self, bundle: LoadedBundle) -> LoadedBundle:
        """Return the bundle that serves the languages of another one now; that may be the same."""
        return self._by_serves[bundle.serves]

    def using(self, *bundles: LoadedBundle) -> "ServingBundles":
        """Return these bundles with some of them replaced by others, each for the same languages."""
        return ServingBundles(*(self._by_serves | {bundle.serves: bundle for bundle in bundles}).values())
