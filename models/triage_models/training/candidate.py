"""One model, trained and exported, and what it says of rows that it was not trained on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL
from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training.base import load_encoder, save_tokenizer
from triage_models.training.batches import Examples, token_ids
from triage_models.training.calibrate import Evidence
from triage_models.training.distil import TEACHERS, mean_probabilities
from triage_models.training.export import export
from triage_models.training.fit import Fit, Progress, embeddings_of, part_of
from triage_models.training.further import TRAININGS, trained_further
from triage_models.training.network import Network, Served
from triage_models.training.prototypes import prototypes, some_of_each
from triage_models.training.recover import recover_network
from triage_models.training.schedule import Recipe

RANGE_TEXTS = 400
"""Texts on which the ranges of the int8 activations are measured."""

STANDING = 600
"""Rows of a class that its prototypes are made of: of more, familiarity is no better (docs/evaluation.md)."""


@dataclass(frozen=True)
class Job:
    """What to train: rows, the classes in the order of the network's outputs, and how.

    ``start`` is a bundle of the same classes, whose network is trained on; without it, training begins at the base.
    """

    examples: Examples
    classes: tuple[str, ...]
    base: str
    recipe: Recipe
    max_length: int
    seed: int
    watched: Examples | None = None
    start: Path | None = None


def make_candidate(job: Job, folder: Path, progress: Progress, *, whole: bool) -> None:
    """Train, and write into ``folder`` what serves: tokenizer, config and the int8 model.

    A training from the base that was interrupted in this folder is taken up again. ``whole`` adds what only a bundle
    to keep needs: the fp16 model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(job.base, folder)
    tokenizer = open_tokenizer(folder / "tokenizer.json", job.max_length)
    if job.start is None:
        network = _fitted(job, tokenizer, folder, progress)
    else:
        network = _fitted_further(job, job.start, tokenizer, progress)
    standing = job.examples.take(some_of_each(job.examples.classes, STANDING, job.seed))
    embedded = torch.nn.functional.normalize(embeddings_of(network, tokenizer, standing.texts), dim=1)
    bank = prototypes(embedded, torch.from_numpy(standing.classes), len(job.classes), job.seed)
    sample = np.random.default_rng(job.seed).permutation(len(job.examples))[:RANGE_TEXTS]
    seen = token_ids(tokenizer, job.examples.take(sample).texts)
    export(Served(network, bank), folder / CPU_MODEL, folder / GPU_MODEL if whole else None, seen)
    _write_config(network, job, folder / "config.json")


def _fitted(job: Job, tokenizer: Tokenizer, folder: Path, progress: Progress) -> Network:
    """The trained network that serves; where teachers are asked for, they are trained before it."""
    networks = job.recipe.networks

    def train(number: int, checkpoint: Path, taught: Tensor | None = None) -> Network:
        seed = job.seed if number == networks - 1 else job.seed + 1 + number
        torch.manual_seed(seed)
        network = Network(load_encoder(job.base), len(job.classes), job.recipe.dropout)
        told = part_of(progress, number, networks)
        Fit(network, tokenizer, job.examples, job.recipe, seed, job.watched, checkpoint, told, taught).run()
        return network

    taught = None
    if networks > 1:
        taught = mean_probabilities(train, networks - 1, tokenizer, job.examples.texts, folder / TEACHERS)
    return train(networks - 1, folder / "checkpoint.pt", taught)


def _fitted_further(job: Job, start: Path, tokenizer: Tokenizer, progress: Progress) -> Network:
    """The network of a bundle, trained on. That takes a minute, so no training is taken up again."""

    def train(number: int) -> Network:
        seed = job.seed + number
        torch.manual_seed(seed)
        network = recover_network(start, job.recipe.dropout)
        told = part_of(progress, number, TRAININGS)
        Fit(network, tokenizer, job.examples, job.recipe, seed, progress=told).run()
        return network

    return trained_further(recover_network(start, job.recipe.dropout), train)


def evidence_of(
    folder: Path, texts: Sequence[str], classes: NDArray[np.int64], max_length: int, source: str
) -> Evidence:
    """Run the int8 model of a candidate; ``classes`` are the right ones, -1 for a foreign row."""
    engine = Engine.open(folder, CPU_MODEL, max_length)
    outputs = engine.outputs(engine.encode(texts))
    return Evidence(outputs.logits, outputs.similarity, classes, source)


def _write_config(network: Network, job: Job, file: Path) -> None:
    config = network.encoder.config.to_dict()
    config["architectures"] = ["DistilBertModel"]
    config["id2label"] = {str(number): label for number, label in enumerate(job.classes)}
    config["label2id"] = {label: number for number, label in enumerate(job.classes)}
    config["model_type"] = "distilbert"
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
