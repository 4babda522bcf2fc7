"""The bundles that serve at one moment, and which of them decides on a message."""

from collections.abc import Iterable, Mapping

from triage_models.bundle.language_bundles import expected_languages
from triage_models.text.language import Detection

from triage_worker.config.bundle_paths import DEFAULT
from triage_worker.inference.loaded_bundle import LoadedBundle


class LanguageBundles:
    """The bundles of one group of sources.

    Attributes:
        default: serves all languages that the others do not, and messages whose language is unsure.
        expected: the languages that messages are expected in, before their text is read.
    """

    def __init__(self, by_language: Mapping[str, LoadedBundle]) -> None:
        self.default = by_language[DEFAULT]
        self._by_language = {language: bundle for language, bundle in by_language.items() if language != DEFAULT}
        self.expected = expected_languages(self._by_language, self.default.languages or None)

    def of(self, found: Detection | None) -> LoadedBundle:
        """Return the bundle that decides on a message in a language; None: it is unsure."""
        if found is None or found.language is None:
            return self.default
        return self._by_language.get(found.language, self.default)


class ServingBundles:
    """The bundles that serve, each for its languages. It never changes: another bundle makes another one of these.

    Args:
        bundles: of each group of sources, one serves all languages that the others do not.

    Attributes:
        default: that of the first group.
    """

    def __init__(self, *bundles: LoadedBundle) -> None:
        self._by_serves = {bundle.serves: bundle for bundle in bundles}
        groups: dict[str, dict[str, LoadedBundle]] = {}
        for bundle in bundles:
            for served in bundle.serves:
                group, _, language = served.rpartition(":")
                groups.setdefault(group, {})[language] = bundle
        self._groups = {group: LanguageBundles(by_language) for group, by_language in groups.items()}
        self.default = next(iter(self._groups.values())).default

    @property
    def bundles(self) -> Iterable[LoadedBundle]:
        """All of them."""
        return self._by_serves.values()

    def group(self, name: str) -> LanguageBundles:
        """Return the bundles of a group of sources."""
        return self._groups[name]

    def in_place_of(self, bundle: LoadedBundle) -> LoadedBundle:
        """Return the bundle that serves the languages of another one now; that may be the same."""
        return self._by_serves[bundle.serves]

    def using(self, *bundles: LoadedBundle) -> "ServingBundles":
        """Return these bundles with some of them replaced by others, each for the same languages."""
        return ServingBundles(*(self._by_serves | {bundle.serves: bundle for bundle in bundles}).values())
