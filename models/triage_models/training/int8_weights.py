"""Reads the weights of a bundle's int8 model, as far as 8 bits keep them, for bundles without an fp16 model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

Array = NDArray[Any]
"""Of any type of numbers."""

_PREFIX = "network."
_LAYER = "encoder.transformer.layer"
_QUANTIZED, _TRANSPOSED = "_quantized", "_Transposed"
_PARTS = ("_scale", "_zero_point")


def int8_weights(graph: onnx.GraphProto, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return the weights of the network by name.

    Biases and norms are taken from where they are used: the exporter merges equal ones, such as untrained ones.

    Args:
        graph: what `triage_models.training.export` wrote.
        arrays: the graph's constants by name.

    Raises:
        KeyError: The graph is another one.
    """
    values = _floats(arrays)
    named = {name.removeprefix(_PREFIX): value for name, value in values.items() if name.startswith(_PREFIX)}
    return {
        **named,
        **dict(_embeddings(graph, values)),
        **dict(_products(graph, arrays, values)),
        **dict(_attention(graph, arrays)),
        **dict(_norms(graph, values)),
    }


def _floats(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return constants by their names before the quantizer and the optimizer added to them."""
    found = {}
    for name, value in arrays.items():
        if name.endswith(_QUANTIZED):
            whole = name.removesuffix(_QUANTIZED)
            scale, zero = (arrays[whole + part] for part in _PARTS)
            if not scale.ndim:  # products have a scale for each channel, and are found by their nodes
                found[whole] = _float(value, scale, zero)
        elif name.endswith(_TRANSPOSED):
            found[name.removesuffix(_TRANSPOSED)] = value.T
        elif not name.endswith(_PARTS):
            found[name] = value
    return found


def _embeddings(graph: onnx.GraphProto, values: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    (node,) = (node for node in graph.node if node.op_type == "QEmbedLayerNormalization")
    names = {2: "word_embeddings.weight", 3: "position_embeddings.weight", 5: "LayerNorm.weight", 6: "LayerNorm.bias"}
    for at, name in names.items():
        yield f"encoder.embeddings.{name}", values[node.input[at].removesuffix(_QUANTIZED)]


def _products(
    graph: onnx.GraphProto, arrays: dict[str, Array], values: dict[str, Array]
) -> Iterator[tuple[str, Array]]:
    """Yield weights and biases of linear layers."""
    for node in graph.node:
        if node.op_type == "MatMulIntegerToFloat":
            name = node.name.removeprefix("/").removesuffix("_quant").removesuffix("/MatMul").replace("/", ".")
            weights, scale, zero = (arrays[node.input[at]] for at in (1, 3, 5))
            yield f"{name}.weight", _float(weights, scale, zero).T
            yield f"{name}.bias", values[node.input[6]]


def _attention(graph: onnx.GraphProto, arrays: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield queries, keys and values, which one node per layer has side by side."""
    for layer, node in enumerate(node for node in graph.node if node.op_type == "QAttention"):
        weights, bias, scale, zero = (arrays[node.input[at]] for at in (1, 2, 4, 7))
        parts = zip(np.split(_float(weights, scale, zero), 3, axis=1), np.split(bias, 3), strict=True)
        for name, (weight, own_bias) in zip(("q_lin", "k_lin", "v_lin"), parts, strict=True):
            yield f"{_LAYER}.{layer}.attention.{name}.weight", weight.T
            yield f"{_LAYER}.{layer}.attention.{name}.bias", own_bias


def _norms(graph: onnx.GraphProto, values: dict[str, Array]) -> Iterator[tuple[str, Array]]:
    """Yield norms, which are separate operators here: a product that ends in ``/weighted``, and a sum."""
    after = {node.input[0]: node for node in graph.node if node.op_type == "Add"}
    scaled = [node for node in graph.node if node.op_type == "Mul" and node.output[0].endswith("/weighted")]
    for number, node in enumerate(scaled):
        norm = f"{_LAYER}.{number // 2}.{('sa_layer_norm', 'output_layer_norm')[number % 2]}"
        yield f"{norm}.weight", values[node.input[1]]
        yield f"{norm}.bias", values[after[node.output[0]].input[1]]


def _float(values: Array, scale: Array, zero: Array) -> Array:
    return (values.astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
