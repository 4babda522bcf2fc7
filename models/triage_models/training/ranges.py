"""Fixed ranges for the int8 model's activations, so that a message gets one answer whatever travels beside it.

Dynamic quantization scales each activation by the largest value in the *batch*: two per cent of messages then change
their intent with their company. Here the ranges are measured once, on training texts, and written into the graph.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import NodeProto, helper, numpy_helper

LEVELS = 255
QUANTILE = 0.98
"""The share of texts whose values all fit; rarer ones are clipped, which costs less than a coarser scale for all."""


def fix_ranges(path: Path, texts: Sequence[Sequence[int]]) -> None:
    """Replace every ``DynamicQuantizeLinear`` of a model by a ``QuantizeLinear`` with constants.

    Args:
        path: the model, quantized dynamically; rewritten in place.
        texts: token ids of texts like those that will be served.
    """
    model = onnx.load(str(path))
    dynamic = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    lows, highs = _measured(model, dynamic, texts)
    for node, low, high in zip(dynamic, lows, highs, strict=True):
        _fix(model.graph, node, float(low), float(high))
    onnx.save(model, str(path))


def _measured(
    model: onnx.ModelProto, nodes: Sequence[NodeProto], texts: Sequence[Sequence[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lowest and highest value of each node's input, over the texts, each run alone."""
    watching = onnx.ModelProto()
    watching.CopyFrom(model)
    names = [name for node in nodes for name in (node.output[1], node.output[2])]
    kinds = [onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8] * len(nodes)
    watching.graph.output.extend(helper.make_tensor_value_info(n, k, None) for n, k in zip(names, kinds, strict=True))
    session = ort.InferenceSession(watching.SerializeToString(), providers=["CPUExecutionProvider"])
    lows, highs = np.empty((len(texts), len(nodes))), np.empty((len(texts), len(nodes)))
    for row, ids in enumerate(texts):
        tokens = np.asarray([ids], dtype=np.int64)
        found = session.run(names, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})
        scale, zero = np.array(found[0::2], dtype=np.float64), np.array(found[1::2], dtype=np.float64)
        lows[row], highs[row] = -zero * scale, (LEVELS - zero) * scale
    return np.quantile(lows, 1.0 - QUANTILE, axis=0), np.quantile(highs, QUANTILE, axis=0)


def _fix(graph: onnx.GraphProto, node: NodeProto, low: float, high: float) -> None:
    """Turn one node into a ``QuantizeLinear``; its scale and zero point become constants of the same names."""
    scale = max(high - low, 1e-6) / LEVELS
    zero = int(np.clip(round(-low / scale), 0, LEVELS))
    graph.initializer.append(numpy_helper.from_array(np.array(scale, dtype=np.float32), node.output[1]))
    graph.initializer.append(numpy_helper.from_array(np.array(zero, dtype=np.uint8), node.output[2]))
    source, quantized, constants = node.input[0], node.output[0], list(node.output[1:])
    node.op_type = "QuantizeLinear"
    node.ClearField("input")
    node.ClearField("output")
    node.input.extend([source, *constants])
    node.output.append(quantized)
