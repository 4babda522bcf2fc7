"""Batches of texts: sampled by weight, augmented, and reproducible."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tokenizers import Tokenizer

pytest.importorskip("torch", reason="needs the [train] extra")

from triage_models.training.augment import augment
from triage_models.training.base_model import default_base, load_tokenizer
from triage_models.training.batches import Examples, epoch_batches, pad, token_ids
from triage_models.training.recipe import Recipe, recipe_for

CALM = Recipe(epochs=1, batch=8, rate=1e-4, head_rate=1e-3, noise=0.0)
NOISY = Recipe(epochs=1, batch=8, rate=1e-4, head_rate=1e-3, noise=1.0)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return load_tokenizer(default_base())


def examples(weights: NDArray[np.float64]) -> Examples:
    """Texts of one to seven words; the class is the row's number, which identifies it in batches."""
    count = len(weights)
    return Examples([" ".join(["parcel"] * (row % 7 + 1)) for row in range(count)], np.arange(count), weights)


def drawn(tokenizer: Tokenizer, of: Examples, recipe: Recipe, *, seed: int, epochs: range) -> list[Counter[int]]:
    """Count how often each row occurs in each epoch."""
    return [
        Counter(
            row for _, _, rows in epoch_batches(tokenizer, of, recipe, seed=seed, epoch=epoch) for row in rows.tolist()
        )
        for epoch in epochs
    ]


def test_every_row_of_weight_one_occurs_once_per_epoch_in_a_new_order(tokenizer: Tokenizer) -> None:
    of = examples(np.ones(50))
    orders = []
    for epoch in range(2):
        batches = [rows.tolist() for _, _, rows in epoch_batches(tokenizer, of, CALM, seed=1, epoch=epoch)]
        assert [len(rows) for rows in batches].count(8) == 6
        orders.append([row for rows in batches for row in rows])
        assert sorted(orders[-1]) == list(range(50))
    assert orders[0] != orders[1]


def test_an_epoch_depends_on_the_seed_only(tokenizer: Tokenizer) -> None:
    of = examples(np.ones(40))
    first, again, other = (
        [(ids.tolist(), mask.tolist(), rows.tolist()) for ids, mask, rows in found]
        for found in (epoch_batches(tokenizer, of, NOISY, seed=seed, epoch=3) for seed in (5, 5, 6))
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("weight", [0.2, 0.5, 1.0, 2.0, 2.5])
def test_a_row_occurs_as_often_as_its_weight_says(tokenizer: Tokenizer, weight: float) -> None:
    of = examples(np.full(30, weight))
    counts = drawn(tokenizer, of, CALM, seed=2, epochs=range(10))
    for row in range(30):
        own = [epoch[row] for epoch in counts]
        assert sum(own) == pytest.approx(10 * weight, abs=1e-9)
        assert max(own) - min(own) <= 1  # spread over the epochs, not concentrated
    # not all rare rows occur in the same epoch
    assert len({tuple(epoch[row] for epoch in counts) for row in range(30)}) > 1 or weight in (1.0, 2.0)


def test_batches_hold_texts_of_similar_length(tokenizer: Tokenizer) -> None:
    of = examples(np.ones(70))
    for _, mask, _ in epoch_batches(tokenizer, of, CALM, seed=0, epoch=0):
        lengths = mask.sum(dim=1)
        assert int(lengths.max() - lengths.min()) <= 4  # of 1 to 7 words; the jitter is 3
        assert int(mask.shape[1]) == int(lengths.max())


def test_padding_is_masked(tokenizer: Tokenizer) -> None:
    encodings = token_ids(tokenizer, ["where", "where is my parcel"])
    ids, mask = pad(encodings)
    assert ids.shape == mask.shape == (2, 6)
    assert ids[0].tolist() == encodings[0] + [0] * 3
    assert mask.sum(dim=1).tolist() == [3, 6]


@given(st.text(min_size=1).filter(lambda text: bool(text.strip())), st.integers(0, 2**32 - 1))
def test_noise_never_empties_a_text_and_depends_on_the_random_generator_only(text: str, seed: int) -> None:
    noised = augment(text.strip(), np.random.default_rng(seed), 1.0)
    assert noised.strip()
    assert noised == augment(text.strip(), np.random.default_rng(seed), 1.0)


def test_noise_of_strength_zero_changes_nothing() -> None:
    random = np.random.default_rng(0)
    assert all(augment("Where is my Parcel?", random, 0.0) == "Where is my Parcel?" for _ in range(100))


def test_noise_of_full_strength_makes_typos_case_short_forms_and_lost_words() -> None:
    random = np.random.default_rng(0)
    text = "Please tell me: where is the parcel, and what have you done?"
    seen = {augment(text, random, 1.0) for _ in range(300)}
    assert len(seen) > 60
    assert {text.lower(), text.upper()} <= seen
    assert any("pls tell" in noised and " d parcel" in noised for noised in seen)
    assert any(len(noised.split()) == len(text.split()) - 1 for noised in seen)
    assert any(noised.endswith(text) and noised != text for noised in seen)
    # most of the words are unchanged
    assert all(len(set(text.lower().split()) & set(noised.lower().split())) >= 3 for noised in seen)


@given(st.floats(1, 1e6), st.one_of(st.none(), st.floats(0.5, 50)), st.one_of(st.none(), st.floats(1, 1e5)))
def test_a_recipe_follows_the_arguments(rows: float, epochs: float | None, seconds: float | None) -> None:
    recipe = recipe_for(rows, epochs, seconds)
    assert recipe.seconds == seconds
    assert recipe.epochs == epochs if epochs is not None else recipe.epochs > 0
