"""Static quantization: fixed activation ranges, so that a message gets the same answer in every batch.

Dynamic quantization scales each activation by the largest value in the *batch*, so that two per cent of messages change
their intent with the rest of the batch. Here the ranges are measured once, on training texts, and written into the
graph.
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
"""Share of texts whose values all fit the range; the rest is clipped, which costs less than a coarser scale."""


def fix_activation_ranges(path: Path, texts: Sequence[Sequence[int]]) -> None:
    """Replace every ``DynamicQuantizeLinear`` of a model by a ``QuantizeLinear`` with constants, in place.

    Args:
        path: the dynamically quantized model.
        texts: token ids of texts like those that will be served.
    """
    model = onnx.load(str(path))
    dynamic = [node for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    lows, highs = _measure_ranges(model, dynamic, texts)
    for node, low, high in zip(dynamic, lows, highs, strict=True):
        _make_static(model.graph, node, float(low), float(high))
    onnx.save(model, str(path))


def _measure_ranges(
    model: onnx.ModelProto, nodes: Sequence[NodeProto], texts: Sequence[Sequence[int]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run the texts one by one and return the low and high end of each node's input, over all texts."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    names = [name for node in nodes for name in (node.output[1], node.output[2])]
    kinds = [onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8] * len(nodes)
    observed.graph.output.extend(helper.make_tensor_value_info(n, k, None) for n, k in zip(names, kinds, strict=True))
    session = ort.InferenceSession(observed.SerializeToString(), providers=["CPUExecutionProvider"])
    lows, highs = np.empty((len(texts), len(nodes))), np.empty((len(texts), len(nodes)))
    for row, ids in enumerate(texts):
        tokens = np.asarray([ids], dtype=np.int64)
        found = session.run(names, {"input_ids": tokens, "attention_mask": np.ones_like(tokens)})
        scale, zero = np.array(found[0::2], dtype=np.float64), np.array(found[1::2], dtype=np.float64)
        lows[row], highs[row] = -zero * scale, (LEVELS - zero) * scale
    return np.quantile(lows, 1.0 - QUANTILE, axis=0), np.quantile(highs, QUANTILE, axis=0)


def _make_static(graph: onnx.GraphProto, node: NodeProto, low: float, high: float) -> None:
    """Replace one node by a ``QuantizeLinear``; its scale and zero point become constants of the same names."""
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
