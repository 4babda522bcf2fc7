"""Mixes rows that no customer wrote, made from templates or by a language model, into those that customers wrote.

Such rows are many and alike. The more of them a network sees, the better it does on their kind and the worse on
customers' messages, so an epoch draws only a few of each label, other ones each time.
"""

import numpy as np

from triage_models.training.batches import Examples

DRAWN_PER_CLASS = 300.0
"""Generated rows of a class that an epoch draws, and never more than it draws of the class's own rows."""


def mixed(own: Examples, generated: Examples) -> Examples:
    """Return both, in order; the weights of the generated rows are set so that an epoch draws few of each class.

    Args:
        own: N rows that customers wrote, or that were written like theirs.
        generated: M rows of the same classes; how they are weighted among each other is kept.
    """
    classes = int(max(own.classes.max(initial=0), generated.classes.max(initial=0))) + 1
    own_mass = np.bincount(own.classes, weights=own.weights, minlength=classes)
    mass = np.bincount(generated.classes, weights=generated.weights, minlength=classes)
    factor = np.minimum(np.minimum(own_mass, DRAWN_PER_CLASS) / mass.clip(min=1e-9), 1.0)
    return Examples(
        [*own.texts, *generated.texts],
        np.concatenate([own.classes, generated.classes]),
        np.concatenate([own.weights, generated.weights * factor[generated.classes]]),
        [*own.groups, *[""] * len(generated)] if own.groups else (),
    )
