"""The trained network of a bundle, back from its fp16 model: so that learning goes on from what serves.

A bundle holds no float weights but those of ``model.fp16.onnx``. Its graph is the one that `training.export`
writes: biases, norms and embeddings keep their names, and the products are found by the names of their nodes.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor
from transformers import DistilBertConfig, DistilBertModel

from triage_models.bundle.bundle import GPU_MODEL
from triage_models.errors import DataError
from triage_models.training.network import Network

_PREFIX = "network."


def recover_network(folder: Path, dropout: float) -> Network:
    """The network as it was trained, but for the rounding of its weights to 16 bits.

    Args:
        folder: a bundle's folder.
        dropout: before the head, when it is trained on.

    Raises:
        DataError: there is no fp16 model, or it is not one that this version writes.
    """
    file = folder / GPU_MODEL
    if not file.is_file():
        raise DataError(f"The bundle {folder} has no {GPU_MODEL}, which learning goes on from: copy the whole folder.")
    graph = onnx.load(str(file)).graph
    arrays = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    try:
        encoder = DistilBertModel(DistilBertConfig.from_pretrained(folder, attn_implementation="eager"))
        network = Network(encoder, len(arrays["network.head.bias"]), dropout)
        weights = _named(arrays) | _products(graph, arrays) | _attention(graph, arrays) | _shared(graph, arrays)
        network.load_state_dict({name: _tensor(value) for name, value in weights.items()})
    except (KeyError, RuntimeError) as error:
        raise DataError(
            f"{file} is not a model that this version of Triage exports ({str(error).splitlines()[0]}): "
            "train the bundle anew with `triage train`."
        ) from error
    return network


def _named(arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    return {name.removeprefix(_PREFIX): value for name, value in arrays.items() if name.startswith(_PREFIX)}


def _products(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    """Weights of the layers' linear parts, which the exporter has turned round and named by numbers."""
    return {
        node.name.removeprefix("/").removesuffix("/MatMul").replace("/", ".") + ".weight": arrays[node.input[1]].T
        for node in graph.node
        if node.op_type == "MatMul" and node.name.startswith("/encoder/")
    }


def _attention(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    """Queries, keys and values, which the optimizer has put side by side, a layer a node."""
    found: dict[str, NDArray[np.float16]] = {}
    nodes = [node for node in graph.node if node.op_type == "Attention"]
    for layer, node in enumerate(nodes):
        weights, biases = np.split(arrays[node.input[1]], 3, axis=1), np.split(arrays[node.input[2]], 3)
        for name, weight, bias in zip(("q_lin", "k_lin", "v_lin"), weights, biases, strict=True):
            place = f"encoder.transformer.layer.{layer}.attention.{name}"
            found |= {f"{place}.weight": weight.T, f"{place}.bias": bias}
    return found


def _shared(graph: onnx.GraphProto, arrays: dict[str, NDArray[np.float16]]) -> dict[str, NDArray[np.float16]]:
    """Norms and biases by where they are used: of equal ones, such as untrained ones, the exporter keeps one."""
    found: dict[str, NDArray[np.float16]] = {}
    ends = (("sa_layer_norm", "attention.out_lin"), ("output_layer_norm", "ffn.lin2"))
    nodes = [node for node in graph.node if node.op_type == "SkipLayerNormalization"]
    for number, node in enumerate(nodes):
        norm, product = ends[number % 2]
        place = f"encoder.transformer.layer.{number // 2}"
        names = (f"{place}.{norm}.weight", f"{place}.{norm}.bias", f"{place}.{product}.bias")
        found |= {name: arrays[given] for name, given in zip(names, node.input[2:], strict=True)}
    for layer, node in enumerate(node for node in graph.node if node.op_type == "BiasGelu"):
        found[f"encoder.transformer.layer.{layer}.ffn.lin1.bias"] = arrays[node.input[1]]
    return found


def _tensor(value: NDArray[np.float16]) -> Tensor:
    return torch.from_numpy(value.astype(np.float32))
