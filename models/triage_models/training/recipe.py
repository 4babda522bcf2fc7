"""Training recipes: how long and how hard to train, chosen from the number of rows."""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of one training run; `recipe_for` chooses them.

    Attributes:
        epochs: passes over the data.
        batch: rows per step.
        rate: learning rate of the last encoder layer.
        head_rate: learning rate of the classification head.
        warmup: share of the training, 0 to 1, in which learning rates rise.
        layer_decay: factor of the learning rate from each layer to the one below it.
        weight_decay: that of AdamW.
        dropout: before the head.
        smoothing: label smoothing.
        noise: probability that a text is augmented, see `triage_models.training.augment`.
        r_drop: weight of the R-Drop loss; 0 is off.
        anchor: weight of the loss that keeps embeddings near those of the base model, or of the teacher with all
            layers. What the base knows of language separates classes that few rows do not.
        words_frozen: do not train the embeddings. With few rows this costs no accuracy and saves a quarter of the time.
        layers_frozen: share of the layers, 0 to 1, that is not trained, from the bottom up; a half saves a further
            third of the time.
        class_balance: exponent of the inverse class frequency that weighs classes; 0 is off.
        bfloat16: train in mixed precision, on CPUs that are faster with it.
        seconds: time budget of one network; None is unlimited.
        teachers: how many networks are trained to teach the one that serves; 1 means none.
        layers: how many of the base's layers serve, evenly spaced; 0 is all. With fewer, a network with all of them is
            trained first, and no other teachers. The one that serves starts from its layers and learns its answers, see
            `triage_models.training.layer_dropping`.
        averaged: how many networks are trained from the same start, in different orders, whose mean weights serve.
        word_share: how much a head that reads word pieces alone counts in the answer, 0 to 1; 0 is no such head, see
            `triage_models.training.word_head`.
        early_exit: whether texts that an early layer is sure of leave there, see `triage_models.training.early_exit`.
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
    layers: int = 0
    averaged: int = 1
    word_share: float = 0.0
    early_exit: bool = False

    @property
    def networks(self) -> int:
        """How many networks are trained, teachers included."""
        if self.layers:
            return self.averaged + 1
        return self.averaged + (self.teachers if self.teachers > 1 else 0)


TOTAL_ROWS = 150_000
"""Rows drawn in a whole training, within 4 to 10 epochs; more did not improve any result."""


def recipe_for(rows: float, epochs: float | None = None, seconds: float | None = None, teachers: int = 1) -> Recipe:
    """Choose a recipe.

    Args:
        rows: rows drawn per epoch.
        epochs: overrides the number of epochs.
        seconds: time budget of all networks together.
        teachers: see `Recipe`.
    """
    by_size = min(10.0, max(4.0, TOTAL_ROWS / rows))
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
