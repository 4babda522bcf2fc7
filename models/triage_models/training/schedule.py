"""How long and how hard to train, from how much there is to learn from."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """The knobs of one training run; `recipe_for` sets them, no user has to.

    ``anchor`` weighs how far texts may move from where the base had them: what the base knows of language keeps apart
    what few rows do not tell apart. ``words_frozen`` leaves the word vectors as they are: on few rows that costs no
    accuracy and saves a quarter of the time. ``layers_frozen`` leaves so large a share of the layers, those nearest the
    text, as they are; half of them saves a further third. ``seconds`` are those of one network, ``teachers`` how many
    are trained to teach the one that serves, where that is more than one.
    """

    epochs: float
    batch: int
    rate: float
    head_rate: float
    warmup: float = 0.1
    layer_decay: float = 0.9
    weight_decay: float = 0.01
    dropout: float = 0.1
    smoothing: float = 0.05
    noise: float = 0.5
    r_drop: float = 0.0
    anchor: float = 0.0
    words_frozen: bool = False
    layers_frozen: float = 0.0
    class_balance: float = 0.5
    bfloat16: bool = True
    seconds: float | None = None
    teachers: int = 1

    @property
    def networks(self) -> int:
        """How many are trained in all."""
        return self.teachers + 1 if self.teachers > 1 else 1


LEARNT = 150_000
"""Rows drawn in a whole training, if 4 to 10 epochs allow: more gained nothing that was seen."""


def recipe_for(rows: float, epochs: float | None = None, seconds: float | None = None, teachers: int = 1) -> Recipe:
    """The recipe for so many rows an epoch; ``epochs`` overrides and ``seconds``, of all networks, bound it."""
    by_size = min(10.0, max(4.0, LEARNT / rows))
    if rows < 1500:
        recipe = Recipe(
            epochs=by_size, batch=16, rate=1.5e-4, head_rate=2e-3, noise=0.1,
            anchor=0.3, words_frozen=True, layers_frozen=0.5,
        )  # fmt: skip
    elif rows < 20000:
        recipe = Recipe(epochs=by_size, batch=32, rate=1.5e-4, head_rate=1e-3, noise=0.2)
    else:
        recipe = Recipe(epochs=by_size, batch=64, rate=1.5e-4, head_rate=1e-3, noise=0.5)
    recipe = replace(recipe, epochs=epochs or recipe.epochs, teachers=teachers)
    return replace(recipe, seconds=None if seconds is None else seconds / recipe.networks)
