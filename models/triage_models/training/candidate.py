"""Trains and exports one model, and runs it on rows that it was not trained on."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL
from triage_models.calibration.calibration_data import CalibrationData
from triage_models.data.sampling import sample_per_class
from triage_models.serving.engine import Engine, open_tokenizer
from triage_models.training.base_model import load_encoder, save_tokenizer
from triage_models.training.batches import Examples, token_ids
from triage_models.training.distillation import TEACHERS_FOLDER, teacher_mean_probabilities
from triage_models.training.early_exit import add_exits, layers_to_leave_after
from triage_models.training.export import export
from triage_models.training.generated_head import add_generated_head
from triage_models.training.generated_rows import mixed
from triage_models.training.inference import embed_texts
from triage_models.training.layer_dropping import Lesson, deep_lesson, keep_layers
from triage_models.training.network import Network, ServingNetwork
from triage_models.training.onnx_weights import load_network
from triage_models.training.prototypes import build_prototypes
from triage_models.training.recipe import Recipe
from triage_models.training.trainer import StepCallback, Trainer, part_progress
from triage_models.training.weight_averaging import RUNS, mean_weights, train_and_average
from triage_models.training.word_head import fit_word_head

CHECKPOINTS_FOLDER = "checkpoints"
"""In the folder of an unfinished bundle: the state of each of the networks whose mean serves."""

RUN_SEEDS = 1000
"""How far apart the seeds of averaged runs are, so that no teacher has one of them."""

RANGE_TEXTS = 400
"""Texts on which the ranges of the int8 activations are measured."""

GENERATED_ROWS_OF_EXITS = 6000
"""Generated rows that teach the heads of early exits; all of them would take minutes to read."""

PROTOTYPE_ROWS = 600
"""Rows of a class that its prototypes are built from; more do not improve familiarity (docs/evaluation.md)."""


@dataclass(frozen=True)
class TrainingJob:
    """What to train, and how.

    Attributes:
        examples: N rows to train on.
        classes: the classes in the order of the network's outputs.
        base: hub id or folder of the base model.
        recipe: the hyperparameters.
        max_length: tokens that the model reads.
        seed: seed of every draw.
        validation: rows for early stopping.
        generated: rows that no customer wrote, trained on as `triage_models.training.generated_rows` says.
        start: folder of a bundle of the same classes, whose network is trained further; None starts from the base.
    """

    examples: Examples
    classes: tuple[str, ...]
    base: str
    recipe: Recipe
    max_length: int
    seed: int
    validation: Examples | None = None
    generated: Examples | None = None
    start: Path | None = None


def train_candidate(job: TrainingJob, folder: Path, progress: StepCallback, *, with_gpu_model: bool) -> None:
    """Train a model and write the files that serve: tokenizer, configuration and the int8 model.

    An interrupted training from the base resumes if it is called with the same folder.

    Args:
        job: what to train.
        folder: where to write.
        progress: called after each step.
        with_gpu_model: also write the fp16 model, which only a bundle that is kept needs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(job.base, folder)
    tokenizer = open_tokenizer(folder / "tokenizer.json", job.max_length)
    if job.start is None:
        network = _train_from_base(job, tokenizer, folder, progress)
    else:
        network = _train_further(job, job.start, tokenizer, progress)
    prototype_rows = job.examples.take(sample_per_class(job.examples.classes, PROTOTYPE_ROWS, job.seed))
    embedded = torch.nn.functional.normalize(embed_texts(network, tokenizer, prototype_rows.texts), dim=1)
    prototypes = build_prototypes(embedded, torch.from_numpy(prototype_rows.classes), len(job.classes), job.seed)
    sample = np.random.default_rng(job.seed).permutation(len(job.examples))[:RANGE_TEXTS]
    range_texts = token_ids(tokenizer, job.examples.take(sample).texts)
    gpu_model = folder / GPU_MODEL if with_gpu_model else None
    export(ServingNetwork(network, prototypes), folder / CPU_MODEL, gpu_model, range_texts)
    if job.recipe.early_exit:
        models = [file for file in (folder / CPU_MODEL, gpu_model) if file is not None]
        add_early_exit(models, job, layers=network.encoder.config.n_layers)
    _write_config(network, job, folder / "config.json")


def add_early_exit(models: Sequence[Path], job: TrainingJob, *, layers: int) -> None:
    """Let texts leave exported models of one network early, in place.

    Args:
        models: the files, with the tokenizer beside them; the heads are trained on what the first one computes.
        job: how the network was trained. The heads see all rows of customers, and some of the generated ones.
        layers: how many the network has.
    """
    examples = job.examples
    if job.generated is not None:
        some = np.random.default_rng(job.seed).permutation(len(job.generated))[:GENERATED_ROWS_OF_EXITS]
        examples = mixed(examples, job.generated.take(some))
    tokenizer = open_tokenizer(models[0].parent / "tokenizer.json", job.max_length)
    add_exits(models, tokenizer, examples, layers_to_leave_after(layers), job.seed)


def _train_from_base(job: TrainingJob, tokenizer: Tokenizer, folder: Path, progress: StepCallback) -> Network:
    """Train the network that serves, and before it the teachers that the recipe asks for."""
    networks = job.recipe.networks
    teachers = networks - job.recipe.averaged
    examples = job.examples if job.generated is None else mixed(job.examples, job.generated)
    whole = replace(job.recipe, anchor=0.0) if job.recipe.layers else job.recipe

    def started() -> Network:
        return Network(load_encoder(job.base), len(job.classes), job.recipe.dropout)

    def train(number: int, seed: int, checkpoint: Path, lesson: Lesson | None = None) -> Network:
        network = started()
        if lesson is not None and lesson.deep is not None:
            network.load_state_dict(lesson.deep.state_dict())
            keep_layers(network, job.recipe.layers)
        trainer = Trainer(
            network,
            tokenizer,
            examples,
            whole if lesson is None else job.recipe,
            seed,
            job.validation,
            checkpoint,
            part_progress(progress, number, networks),
            None if lesson is None else lesson.probabilities,
            None if lesson is None else lesson.embeddings,
        )
        trainer.run()
        return network

    def train_teacher(number: int, checkpoint: Path) -> Network:
        torch.manual_seed(job.seed + 1 + number)
        return train(number, job.seed + 1 + number, checkpoint)

    def train_served(number: int) -> Network:
        torch.manual_seed(job.seed)  # all heads start alike, otherwise the mean of their weights is none of them
        checkpoint = folder / CHECKPOINTS_FOLDER / f"{number}.pt"
        checkpoint.parent.mkdir(exist_ok=True)
        return train(teachers + number, job.seed + RUN_SEEDS * number, checkpoint, lesson)

    lesson = None
    if job.recipe.layers:
        lesson = deep_lesson(
            started,
            partial(train_teacher, 0),
            tokenizer,
            examples.texts,
            folder / TEACHERS_FOLDER,
            bfloat16=job.recipe.bfloat16,
        )
    elif teachers:
        lesson = Lesson(
            teacher_mean_probabilities(train_teacher, teachers, tokenizer, examples.texts, folder / TEACHERS_FOLDER)
        )
    network = train_served(0)
    if job.recipe.averaged > 1:
        rest = (train_served(number) for number in range(1, job.recipe.averaged))
        network.load_state_dict(mean_weights(itertools.chain([network], rest)))
    _add_heads(network, tokenizer, job)
    return network


def _add_heads(network: Network, tokenizer: Tokenizer, job: TrainingJob) -> None:
    """Fit the heads that the recipe and the rows ask for, after the encoder; it stays as it is."""
    if job.recipe.word_share:
        share, words = job.recipe.word_share, network.encoder.config.vocab_size
        network.word_head = fit_word_head(tokenizer, job.examples, words, len(job.classes), share)
    if job.generated is not None:
        add_generated_head(network, tokenizer, job.examples, job.generated, job.seed)


def _train_further(job: TrainingJob, start: Path, tokenizer: Tokenizer, progress: StepCallback) -> Network:
    """Train the network of a bundle further. This takes a minute, so there are no checkpoints."""

    def train(number: int) -> Network:
        seed = job.seed + number
        torch.manual_seed(seed)
        network = load_network(start, job.recipe.dropout)
        Trainer(
            network, tokenizer, job.examples, job.recipe, seed, progress=part_progress(progress, number, RUNS)
        ).run()
        return network

    return train_and_average(load_network(start, job.recipe.dropout), train)


def run_candidate(
    folder: Path, texts: Sequence[str], classes: NDArray[np.int64], max_length: int, source: str
) -> CalibrationData:
    """Run the int8 model of a candidate on N rows that it was not trained on.

    Args:
        folder: the candidate's folder.
        texts: ``[N]``
        classes: ``[N]`` the correct class; -1 for an out-of-scope row.
        max_length: tokens that the model reads.
        source: where the rows come from, in words.
    """
    engine = Engine.open(folder, CPU_MODEL, max_length)
    outputs = engine.outputs(engine.encode(texts))
    return CalibrationData(outputs.logits, outputs.similarity, classes, source)


def _write_config(network: Network, job: TrainingJob, file: Path) -> None:
    config = network.encoder.config.to_dict()
    config["architectures"] = ["DistilBertModel"]
    config["id2label"] = {str(number): label for number, label in enumerate(job.classes)}
    config["label2id"] = {label: number for number, label in enumerate(job.classes)}
    config["model_type"] = "distilbert"
    file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
