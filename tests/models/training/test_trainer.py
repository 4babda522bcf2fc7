"""The training loop: it learns, stops early, and resumes after an interruption to the same weights."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tokenizers import Tokenizer

pytest.importorskip("torch", reason="needs the [train] extra")

import torch
from triage_models.errors import DataError
from triage_models.training import trainer
from triage_models.training.base_model import load_encoder, load_tokenizer
from triage_models.training.batches import Examples
from triage_models.training.inference import embed_texts, predict_logits
from triage_models.training.network import Network
from triage_models.training.recipe import Recipe
from triage_models.training.trainer import EARLY_STOPPING_EPOCHS, Trainer

from tests.models.tiny import tiny_rows

pytestmark = pytest.mark.train

CLASSES = ("WISMO", "CANCEL_ORDER", "OOS")
RECIPE = Recipe(epochs=4, batch=8, rate=3e-4, head_rate=1e-2, noise=0.3)
Make = Callable[..., Trainer]


@pytest.fixture(scope="module")
def tokenizer(tiny_base: Path) -> Tokenizer:
    return load_tokenizer(str(tiny_base))


@pytest.fixture
def make(tiny_base: Path, tokenizer: Tokenizer) -> Iterator[Make]:
    rows = tiny_rows(each=20, labels=CLASSES)
    numbers = np.array([CLASSES.index(label) for _, label in rows])
    examples = Examples([text for text, _ in rows], numbers, np.ones(len(rows)))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def make_trainer(recipe: Recipe = RECIPE, **rest: object) -> Trainer:
        torch.manual_seed(0)
        network = Network(load_encoder(str(tiny_base)), len(CLASSES), recipe.dropout)
        return Trainer(network, tokenizer, examples, recipe, seed=0, **rest)  # type: ignore[arg-type]

    yield make_trainer
    torch.set_num_threads(threads)


def interrupting(at: int) -> Callable[[float, float], None]:
    """Return a callback that interrupts the training at a step, like Ctrl-C."""
    steps = 0

    def progress(_share: float, _loss: float) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            raise KeyboardInterrupt

    return progress


def same(first: Network, second: Network) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def test_training_learns(make: Make) -> None:
    trained = make(Recipe(epochs=12, batch=8, rate=1e-3, head_rate=2e-2, noise=0.0))
    losses: list[float] = []
    trained.progress = lambda share, loss: losses.append(loss)
    trained.run()
    texts, classes = trained.examples.texts, trained.examples.classes
    assert np.mean(losses[-8:]) < 0.7 * np.mean(losses[:8])
    assert (predict_logits(trained.network, trained.tokenizer, texts).argmax(1).numpy() == classes).mean() > 0.8
    assert not trained.network.training


def test_the_same_seed_gives_the_same_weights(make: Make) -> None:
    first, second = make(), make()
    first.run()
    second.run()
    assert same(first.network, second.network)


@pytest.mark.parametrize("stopped_at", [3, 8, 9, 20, 30])  # within the first epoch, at its end, and later
def test_an_interrupted_training_ends_with_the_weights_of_an_uninterrupted_one(
    make: Make, tmp_path: Path, stopped_at: int
) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    whole = make()
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        make(checkpoint=checkpoint, progress=interrupting(stopped_at)).run()
    again = make(checkpoint=checkpoint)
    again.run()
    assert same(whole.network, again.network)


def test_the_best_weights_seen_survive_an_interruption(make: Make, tmp_path: Path) -> None:
    watched = make().examples.take(np.arange(0, 60, 4))
    whole = make(validation=watched)
    whole.run()
    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        make(validation=watched, checkpoint=checkpoint, progress=interrupting(20)).run()
    again = make(validation=watched, checkpoint=checkpoint)
    again.run()
    assert same(whole.network, again.network)


def test_a_finished_training_is_not_repeated(make: Make, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    over = make(checkpoint=checkpoint)
    over.run()
    again = make(checkpoint=checkpoint, progress=interrupting(1))
    again.run()
    assert same(over.network, again.network)


def test_training_ends_when_errors_stop_falling_with_the_best_weights(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = make().examples.take(np.arange(4))
    errors = iter([3, 2, 1, 2, 2, 2, 0, 0])
    seen: list[dict[str, torch.Tensor]] = []

    def scripted(network: Network, _tokenizer: Tokenizer, _texts: object) -> torch.Tensor:
        seen.append({name: tensor.clone() for name, tensor in network.state_dict().items()})
        wrong = next(errors)
        right = torch.nn.functional.one_hot(torch.from_numpy(watched.classes), len(CLASSES)).float()
        right[:wrong] *= -1
        return right

    monkeypatch.setattr(trainer, "predict_logits", scripted)
    trained = make(Recipe(epochs=20, batch=30, rate=1e-3, head_rate=1e-2), validation=watched)
    trained.run()
    assert len(seen) == 3 + EARLY_STOPPING_EPOCHS
    assert all(torch.equal(tensor, seen[2][name]) for name, tensor in trained.network.state_dict().items())


def test_teacher_predictions_count_more_than_labels(make: Make) -> None:
    recipe = Recipe(epochs=12, batch=8, rate=1e-3, head_rate=2e-2, noise=0.0)
    classes = torch.from_numpy(make().examples.classes)
    others = torch.nn.functional.one_hot((classes + 1) % len(CLASSES)).float()
    trained = make(recipe, teacher_probabilities=others)
    trained.run()
    answered = predict_logits(trained.network, trained.tokenizer, trained.examples.texts).argmax(1)
    assert (answered == (classes + 1) % len(CLASSES)).float().mean() > 0.8


def test_teachers_that_predict_the_labels_change_little(make: Make) -> None:
    """Without label smoothing, a label and a teacher that is certain of it are the same target."""
    recipe = replace(RECIPE, smoothing=0.0, bfloat16=False)
    alone = make(recipe)
    taught = make(
        recipe, teacher_probabilities=torch.nn.functional.one_hot(torch.from_numpy(alone.examples.classes)).float()
    )
    alone.run()
    taught.run()
    for ours, theirs in zip(alone.network.parameters(), taught.network.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3)


def each_call_takes(seconds: float) -> SimpleNamespace:
    """Return a clock on which so many seconds pass from one look at it to the next."""
    times = count(0.0, seconds)
    return SimpleNamespace(monotonic=lambda: next(times))


def test_a_time_budget_ends_the_training(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "time", each_call_takes(0.01))
    shares: list[float] = []
    trained = make(Recipe(epochs=1e6, batch=8, rate=1e-4, head_rate=1e-3, seconds=0.3))
    trained.progress = lambda share, loss: shares.append(share)
    trained.run()
    assert shares[-1] >= 1.0
    assert shares == sorted(shares)


def test_a_budget_that_leaves_no_time_to_learn_is_an_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "time", each_call_takes(10.0))
    with pytest.raises(DataError, match="Nothing was learned within 5 s, "):
        make(replace(RECIPE, seconds=5.0)).run()


def test_a_time_budget_includes_validation_and_what_was_used_before_an_interruption(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 0.0

    def predict(*arguments: object) -> torch.Tensor:
        nonlocal clock
        clock += 100.0
        return predict_logits(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: clock))
    monkeypatch.setattr(trainer, "predict_logits", predict)
    recipe, checkpoint = replace(RECIPE, epochs=1000, seconds=250.0), tmp_path / "checkpoint.pt"
    validation = make().examples
    once = make(recipe, validation=validation)
    once.run()
    assert once._epoch == 3
    steps = once._step // 3
    with pytest.raises(KeyboardInterrupt):
        make(recipe, validation=validation, checkpoint=checkpoint, progress=interrupting(steps + 2)).run()
    again = make(recipe, validation=validation, checkpoint=checkpoint)
    again.run()
    assert again._epoch == 3


def moved(trained: Trainer) -> float:
    """Train, and return how far the embeddings of the texts moved: 1 minus the mean cosine."""
    before = embed_texts(trained.network, trained.tokenizer, trained.examples.texts)
    trained.run()
    after = embed_texts(trained.network, trained.tokenizer, trained.examples.texts)
    return float(1 - torch.nn.functional.cosine_similarity(before, after).mean())


def test_an_anchored_training_stays_nearer_to_its_base(make: Make) -> None:
    assert moved(make(replace(RECIPE, anchor=3.0))) < 0.7 * moved(make())


def test_an_anchored_training_resumes_to_the_same_weights(make: Make, tmp_path: Path) -> None:
    """The anchor is the embedding of the base model, not that of the checkpoint."""
    recipe = replace(RECIPE, anchor=3.0, words_frozen=True)
    whole = make(recipe)
    whole.run()
    with pytest.raises(KeyboardInterrupt):
        make(recipe, checkpoint=tmp_path / "checkpoint.pt", progress=interrupting(20)).run()
    again = make(recipe, checkpoint=tmp_path / "checkpoint.pt")
    again.run()
    assert same(whole.network, again.network)


def test_frozen_embeddings_do_not_change_and_the_rest_learns(make: Make) -> None:
    trained = make(replace(RECIPE, words_frozen=True))
    words, layer = (
        trained.network.get_parameter(f"encoder.{name}.weight")
        for name in ("embeddings.word_embeddings", "transformer.layer.0.ffn.lin1")
    )
    before = words.clone(), layer.clone()
    trained.run()
    assert torch.equal(words, before[0])
    assert not torch.equal(layer, before[1])


def test_frozen_layers_and_their_embeddings_do_not_change_and_the_rest_learns(make: Make) -> None:
    trained = make(replace(RECIPE, layers_frozen=0.5))
    before = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    trained.run()
    moved = {name for name, tensor in trained.network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert not any("embeddings" in name or "layer.0." in name for name in moved)
    assert {"encoder.transformer.layer.1.ffn.lin1.weight", "head.weight"} <= moved
