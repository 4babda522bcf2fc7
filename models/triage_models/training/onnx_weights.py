"""Restores the trained network of a bundle from its fp16 model, so that training can continue from what serves.

A bundle has no float weights other than those of ``model.fp16.onnx``; one without it has those that 8 bits keep. The
graph is the one that `triage_models.training.export` writes: biases, norms and embeddings keep their names, and
products are found by the names of their nodes.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor
from transformers import DistilBertConfig, DistilBertModel

from triage_models.bundle.bundle import CPU_MODEL, GPU_MODEL
from triage_models.errors import DataError
from triage_models.training.int8_weights import int8_weights
from triage_models.training.network import LAYERS_READ, GeneratedHead, Network
from triage_models.training.word_head import PAIRS, WordHead

_PREFIX = "network."


def load_network(folder: Path, dropout: float) -> Network:
    """Load the network as it was trained, except that its weights are rounded to 16 bits, or to 8 without fp16 model.

    Args:
        folder: a bundle's folder.
        dropout: probability before the head during further training, 0 to 1.

    Raises:
        DataError: This version of Triage did not write the model.
    """
    file = next((folder / name for name in (GPU_MODEL, CPU_MODEL) if (folder / name).is_file()), folder / GPU_MODEL)
    if not file.is_file():
        raise DataError(f"The bundle {folder} has no model, which learning starts from: copy the whole folder.")
    graph = onnx.load(str(file)).graph
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    try:
        encoder = DistilBertModel(DistilBertConfig.from_pretrained(folder, attn_implementation="eager"))
        network = Network(encoder, len(arrays["network.head.bias"]), dropout)
        weights = int8_weights(graph, arrays) if file.name == CPU_MODEL else _fp16_weights(graph, arrays)
        if any(name.startswith("generated.") for name in weights):
            network.generated = GeneratedHead(LAYERS_READ * network.head.in_features, network.head.out_features)
            network.generated.requires_grad_(False)
        if "word_head.table" in weights:
            rows, classes = weights["word_head.table"].shape
            network.word_head = WordHead(len(weights["word_head.row_of"]) - PAIRS, rows - 1, classes)
        network.load_state_dict({name: _tensor(value) for name, value in weights.items()})
    except (KeyError, RuntimeError) as error:
        raise DataError(
            f"{file} is not a model that this version of Triage exports ({str(error).splitlines()[0]}): "
            "train a new bundle with `triage train`."
        ) from error
    return network


def load_prototypes(folder: Path) -> Tensor:
    """Load the prototypes ``[C, M, D]`` of a bundle's int8 model.

    Raises:
        DataError: This version of Triage did not write the model.
    """
    file = folder / CPU_MODEL
    arrays = {array.name: array for array in onnx.load(str(file)).graph.initializer}
    if "bank" not in arrays or "network.head.bias" not in arrays:
        raise DataError(f"{file} is not a model that this version of Triage exports: train a new bundle.")
    bank, classes = numpy_helper.to_array(arrays["bank"]), arrays["network.head.bias"].dims[0]
    return _tensor(bank.T.reshape(classes, -1, len(bank)))


def _fp16_weights(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    return (
        _named_weights(arrays)
        | _linear_weights(graph, arrays)
        | _attention_weights(graph, arrays)
        | _norms_and_biases(graph, arrays)
    )


def _named_weights(arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    return {name.removeprefix(_PREFIX): value for name, value in arrays.items() if name.startswith(_PREFIX)}


def _linear_weights(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    """Return the weights of linear layers, which the exporter transposes and names by numbers."""
    return {
        node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".") + ".weight": arrays[node.input[1]].T
        for node in graph.node
        if node.op_type == "MatMul" and node.name.startswith("/encoder/")
    }


def _attention_weights(
    graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]
) -> dict[str, NDArray[np.float16]]:
    """Return queries, keys and values, which the optimizer concatenates in one node per layer."""
    found: dict[str, NDArray[np.float16]] = {}
    nodes = [node for node in graph.node if node.op_type == "Attention"]
    for layer, node in enumerate(nodes):
        weights, biases = np.split(arrays[node.input[1]], 3, axis=1), np.split(arrays[node.input[2]], 3)
        for name, weight, bias in zip(("q_lin", "k_lin", "v_lin"), weights, biases, strict=True):
            prefix = f"encoder.transformer.layer.{layer}.attention.{name}"
            found |= {f"{prefix}.weight": weight.T, f"{prefix}.bias": bias}
    return found


def _norms_and_biases(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    """Return norms and biases by where they are used: the exporter merges equal ones, such as untrained ones."""
    found: dict[str, NDArray[np.float16]] = {}
    ends = (("sa_layer_norm", "attention.out_lin"), ("output_layer_norm", "ffn.lin2"))
    nodes = [node for node in graph.node if node.op_type == "SkipLayerNormalization"]
    for number, node in enumerate(nodes):
        norm, product = ends[number % 2]
        prefix = f"encoder.transformer.layer.{number // 2}"
        names = (f"{prefix}.{norm}.weight", f"{prefix}.{norm}.bias", f"{prefix}.{product}.bias")
        found |= {name: arrays[given] for name, given in zip(names, node.input[2:], strict=True)}
    for layer, node in enumerate(node for node in graph.node if node.op_type == "BiasGelu"):
        found[f"encoder.transformer.layer.{layer}.ffn.lin1.bias"] = arrays[node.input[1]]
    return found


def _tensor(value: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(value.astype(np.float32 if value.dtype == np.float16 else value.dtype))
