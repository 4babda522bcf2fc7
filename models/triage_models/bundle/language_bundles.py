"""What bundles must have in common that serve together, each for its own languages."""

from collections.abc import Collection, Iterable

from triage_models.bundle.bundle import Bundle
from triage_models.errors import BundleError

SHOWN = 3


def check_together(bundles: Iterable[Bundle]) -> None:
    """Check that all bundles have the same labels, and that their names and versions tell them apart.

    Rules, reviews and reports know one set of labels, whatever language a customer writes in. Events and thresholds
    name the bundle that decided.

    Raises:
        BundleError: two bundles do not go together; says why.
    """
    first, *others = bundles
    seen = {(first.name, first.version): first}
    for other in others:
        _check_labels(first, other)
        same = seen.setdefault((other.name, other.version), other)
        if same is not other and same.manifest != other.manifest:
            raise BundleError(
                f"The bundles {same.path} and {other.path} differ, and both are {other.name} {other.version}: events "
                "could not say which of them decided. Train or calibrate one of them again."
            )


def _check_labels(first: Bundle, other: Bundle) -> None:
    if set(first.labels) == set(other.labels):
        return
    lacks = [
        f"only {one.path} has {_show(set(one.labels) - set(another.labels))}"
        for one, another in ((first, other), (other, first))
        if set(one.labels) - set(another.labels)
    ]
    raise BundleError(f"Bundles for several languages need the same labels: {', and '.join(lacks)}.")


def _show(labels: Collection[str]) -> str:
    names = sorted(labels)
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def expected_languages(routed: Collection[str], default: Iterable[str] | None) -> frozenset[str]:
    """Return the languages that messages are expected in, before their text is read.

    Args:
        routed: those that have a bundle of their own.
        default: those that the bundle for all other messages names; None if it answers any, so that none is expected.
    """
    return frozenset() if default is None else frozenset((*routed, *default))
