"""The stores of bundles that the settings name: what serves, what waits for a decision, and what was decided."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from triage_models.bundle.bundle import CURRENT, MANIFEST, resolve_bundle_folder
from triage_models.bundle.store import BundleStore, HistoryEntry
from triage_models.bundle.verdicts import CANDIDATES, Verdict, objections, read_verdicts
from triage_models.errors import BundleError

from triage_worker.config.errors import ConfigError
from triage_worker.config.input_topics import input_sources
from triage_worker.config.settings import Settings
from triage_worker.console.shared.bundle_cards import BundleCard, read_card

SHOWN_CHANGES = 20
SHOWN_RUNS = 10


@dataclass(frozen=True)
class BundleView:
    """A bundle in a folder.

    Attributes:
        folder: where it is.
        card: what its manifest says; None if it cannot be read.
        problem: why it cannot be read.
        verdict: what the last run of `triage learn` found about it; None if none was about it.
        objections: what stands against promoting it now; empty if nothing does.
        is_candidate: whether it waits in the folder of candidates; otherwise the store has served it, or keeps it.
    """

    folder: Path
    card: BundleCard | None
    problem: str | None = None
    verdict: Verdict | None = None
    objections: tuple[str, ...] = ()
    is_candidate: bool = False


@dataclass(frozen=True)
class StoreView:
    """A folder of the setting TRIAGE_BUNDLE.

    Attributes:
        serves: which messages its bundle decides on: languages, or ``*`` for all others.
        root: the folder.
        is_store: whether it is a store; otherwise it is one bundle.
        problem: why it cannot be shown as a whole.
        read_only: whether this console cannot change it.
        current: the bundle that serves.
        previous: the version that a rollback would serve; None if there is none.
        others: all other bundles, candidates first.
        runs: verdicts on candidates whose bundle is not here, newest first.
        history: the last changes, newest first.
    """

    serves: str
    root: Path
    is_store: bool
    current: BundleView
    problem: str | None = None
    read_only: bool = False
    previous: str | None = None
    others: tuple[BundleView, ...] = ()
    runs: tuple[Verdict, ...] = ()
    history: tuple[HistoryEntry, ...] = ()

    @property
    def version(self) -> str:
        """The version that serves, as a store calls it; also of a bundle that cannot be read."""
        return self.current.folder.name

    def other(self, folder: str) -> BundleView | None:
        """Return one of the other bundles by its folder; a path that a form names is only ever compared."""
        return next((one for one in self.others if str(one.folder) == folder), None)


def read_stores(settings: Settings) -> list[StoreView]:
    """Read all folders that serve. What cannot be read is said in what is returned.

    Raises:
        ConfigError: the file of sources cannot be read.
    """
    folders: dict[Path, list[str]] = {}
    for group, paths in input_sources(settings).bundles.items():
        for serves, folder in paths.served_by(group).items():
            folders.setdefault(folder, []).extend(serves)
    return [_read(", ".join(serves), folder) for folder, serves in folders.items()]


def find_store(settings: Settings, root: str) -> StoreView | None:
    """Return the store in one of the folders that serve; None if it is none of them."""
    try:
        return next((one for one in read_stores(settings) if str(one.root) == root and one.is_store), None)
    except ConfigError:
        return None


def _read(serves: str, root: Path) -> StoreView:
    is_store = (root / CURRENT).is_symlink()
    current = _bundle(resolve_bundle_folder(root))
    if not is_store:
        return StoreView(serves, root, False, current)
    try:
        return _read_store(serves, root, current)
    except (BundleError, OSError) as error:
        read_only = not is_writable(root)
        return StoreView(serves, root, True, current, problem=_sentence(error, root), read_only=read_only)


def _read_store(serves: str, root: Path, current: BundleView) -> StoreView:
    store, verdicts = BundleStore(root), read_verdicts(root)
    version = current.card.version if current.card else current.folder.name
    others = tuple(_others(store, current.folder, verdicts, version))
    here = {one.card.version for one in (current, *others) if one.card}
    runs = [verdict for name, verdict in reversed(verdicts.items()) if name not in here]
    return StoreView(
        serves,
        root,
        True,
        _bundle(current.folder, verdicts),
        read_only=not is_writable(root),
        previous=store.rollback_target(),
        others=others,
        runs=tuple(runs[:SHOWN_RUNS]),
        history=tuple(reversed(store.history()[-SHOWN_CHANGES:])),
    )


def _others(store: BundleStore, current: Path, verdicts: Mapping[str, Verdict], serving: str) -> Iterator[BundleView]:
    """Yield candidates, and then the versions that the store keeps, newest first; none of them twice."""
    kept = [_bundle(folder, verdicts, serving) for folder in store.versions() if folder.resolve() != current]
    known = {one.card.version for one in kept if one.card} | {serving}
    folder = store.root / CANDIDATES
    found = sorted(one.parent for one in folder.glob(f"*/{MANIFEST}"))
    waiting = [_bundle(one, verdicts, serving, is_candidate=True) for one in found if not one.name.startswith(".")]
    for bundles in ([one for one in waiting if one.card is None or one.card.version not in known], kept):
        yield from sorted(bundles, key=lambda one: one.card.created or 0 if one.card else 0, reverse=True)


def _bundle(
    folder: Path,
    verdicts: Mapping[str, Verdict] | None = None,
    serving: str | None = None,
    *,
    is_candidate: bool = False,
) -> BundleView:
    try:
        card = read_card(folder)
    except BundleError as error:
        return BundleView(folder, None, str(error), is_candidate=is_candidate)
    verdict = (verdicts or {}).get(card.version)
    against = () if serving is None else tuple(objections(verdict, serving))
    return BundleView(folder, card, None, verdict, against, is_candidate)


def is_writable(folder: Path) -> bool:
    """Whether this process may change what is in a folder; False on a file system that is mounted read-only."""
    return os.access(folder, os.W_OK | os.X_OK)


def _sentence(error: Exception, root: Path) -> str:
    return f"{root} cannot be read: {error.strerror}." if isinstance(error, OSError) else str(error)
