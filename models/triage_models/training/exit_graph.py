"""Lets texts leave an exported network early: a graph in which the later layers only run for the rows that need them.

After some layer a small head answers. Rows whose answer is sure keep it; the others go on through the remaining
layers, as a smaller batch, to the answer that they have without an exit. A row leaves or stays by its own numbers
alone, so that its answer never depends on its batch.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

OUTPUTS = ("logits", "similarity")
MASK = "attention_mask"
_PREFIX, _BORDER = "/exit_", "/border"

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ExitHead:
    """A head with one hidden layer: the weights of ``gelu(x @ hidden + hidden_bias) @ out + out_bias``.

    It reads W numbers: the mean of the token vectors, and the logits of the word head where there is one.

    Attributes:
        layer: after how many layers it answers, from 1.
        hidden: ``[W, H]``
        hidden_bias: ``[H]``
        out: ``[H, 2 C]``: the logits, then the similarity to each class.
        out_bias: ``[2 C]``
        sure: rows leave whose likeliest class has at least this probability.
    """

    layer: int
    hidden: Weights
    hidden_bias: Weights
    out: Weights
    out_bias: Weights
    sure: float


def hidden_state(layer: int) -> str:
    """Return the name of the tensor ``[B, T, D]`` that a layer puts out, counted from 1."""
    return f"/encoder/transformer/layer.{layer - 1}/output_layer_norm/LayerNormalization_output_0"


def word_logits(graph: GraphProto) -> str | None:
    """Return the name of the logits ``[B, C]`` of the word head; None if the network has none."""
    found = [node for node in graph.node if any(name.endswith("word_head.bias") for name in node.input)]
    return str(found[0].output[0]) if found else None


def add_vector_nodes(graph: GraphProto, layer: int, prefix: str) -> str:
    """Add the nodes that compute what an `ExitHead` reads, and return the name of the result ``[B, W]``.

    Args:
        graph: of an exported model, changed in place.
        layer: after how many layers.
        prefix: of the names of the nodes.
    """
    axes = _constant(graph, f"{prefix}/axes", np.array([1]))
    last = _constant(graph, f"{prefix}/last", np.array([-1]))
    names = {part: f"{prefix}/{part}" for part in ("mask", "kept", "hidden", "masked", "sum", "count", "mean")}
    parts = [names["mean"]]
    nodes = [
        helper.make_node("Cast", [MASK], [names["mask"]], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", [names["mask"], last], [names["kept"]]),
        helper.make_node("Cast", [hidden_state(layer)], [names["hidden"]], to=TensorProto.FLOAT),
        helper.make_node("Mul", [names["hidden"], names["kept"]], [names["masked"]]),
        helper.make_node("ReduceSum", [names["masked"], axes], [names["sum"]], keepdims=0),
        helper.make_node("ReduceSum", [names["kept"], axes], [names["count"]], keepdims=0),
        helper.make_node("Div", [names["sum"], names["count"]], [names["mean"]]),
    ]
    words = word_logits(graph)
    if words is not None:
        parts.append(f"{prefix}/words")
        nodes.append(helper.make_node("Cast", [words], [parts[-1]], to=TensorProto.FLOAT))
    result = f"{prefix}/vectors"
    graph.node.extend([*nodes, helper.make_node("Concat", parts, [result], axis=1)])
    return result


def add_exit(model: ModelProto, head: ExitHead) -> None:
    """Add an exit to an exported model, in place. Several are added from the last layer to the first.

    Args:
        model: what `triage_models.training.export` wrote, perhaps with exits after later layers.
        head: the head.
    """
    graph, prefix = model.graph, f"{_PREFIX}{head.layer}"
    later = _downstream(graph, hidden_state(head.layer))
    inner = {name: f"{prefix}/later_{name}" for name in OUTPUTS}
    for node in later:
        node.output[:] = [inner.get(name, name) for name in node.output]
        node.input[:] = [inner.get(name, name) for name in node.input]
    of_batch = _of_batch(graph)
    produced = {name for node in later for name in node.output}
    rows = f"{prefix}/rows"
    crossing = sorted({name for node in later for name in node.input if name in of_batch and name not in produced})
    for name in crossing:
        taken = f"{prefix}/taken/{name}"
        for node in later:
            node.input[:] = [taken if given == name else given for given in node.input]
        graph.node.append(helper.make_node("Gather", [name, rows], [taken], axis=0))
    answers = _add_head(graph, head, prefix)
    _add_choice(graph, answers, rows, inner, prefix)
    _sort(graph)


def _add_head(graph: GraphProto, head: ExitHead, prefix: str) -> tuple[str, str]:
    """Add the head, and return the names of its logits and similarity ``[B, C]``."""
    vectors = add_vector_nodes(graph, head.layer, prefix)
    classes = len(head.out_bias) // 2
    hidden = [_constant(graph, f"{prefix}/weight", head.hidden), _constant(graph, f"{prefix}/bias", head.hidden_bias)]
    out = [_constant(graph, f"{prefix}/out_weight", head.out), _constant(graph, f"{prefix}/out_bias", head.out_bias)]
    parts = _constant(graph, f"{prefix}/parts", np.array([classes, classes]))
    least = _constant(graph, f"{prefix}{_BORDER}", np.array(head.sure, dtype=np.float32))
    answers = f"{prefix}/own_logits", f"{prefix}/own_similarity"
    graph.node.extend(
        [
            helper.make_node("Gemm", [vectors, *hidden], [f"{prefix}/first"]),
            helper.make_node("Gelu", [f"{prefix}/first"], [f"{prefix}/active"], domain="com.microsoft"),
            helper.make_node("Gemm", [f"{prefix}/active", *out], [f"{prefix}/all"]),
            helper.make_node("Split", [f"{prefix}/all", parts], answers, axis=1),
        ]
    )
    graph.node.extend(
        [
            helper.make_node("Softmax", [f"{prefix}/own_logits"], [f"{prefix}/probabilities"], axis=1),
            helper.make_node("ReduceMax", [f"{prefix}/probabilities"], [f"{prefix}/highest"], axes=[1], keepdims=0),
            helper.make_node("Less", [f"{prefix}/highest", least], [f"{prefix}/unsure"]),
            # ONNX Runtime's kernels crash on a batch of no rows: the least sure row always goes on.
            helper.make_node("ReduceMin", [f"{prefix}/highest"], [f"{prefix}/lowest"], keepdims=1),
            helper.make_node("LessOrEqual", [f"{prefix}/highest", f"{prefix}/lowest"], [f"{prefix}/least_sure"]),
            helper.make_node("Or", [f"{prefix}/unsure", f"{prefix}/least_sure"], [f"{prefix}/goes_on"]),
            helper.make_node("NonZero", [f"{prefix}/goes_on"], [f"{prefix}/positions"]),
        ]
    )
    return answers


def _add_choice(graph: GraphProto, answers: tuple[str, str], rows: str, inner: dict[str, str], prefix: str) -> None:
    """Put the later layers' answers in the place of the head's, for the rows that went on."""
    flat, places = _constant(graph, f"{prefix}/flat", np.array([-1])), f"{prefix}/places"
    graph.node.append(helper.make_node("Reshape", [f"{prefix}/positions", flat], [rows]))
    graph.node.append(helper.make_node("Transpose", [f"{prefix}/positions"], [places], perm=[1, 0]))
    last, taken = f"{prefix}/last", f"{prefix}/takes_later"
    graph.node.append(helper.make_node("Unsqueeze", [f"{prefix}/unsure", last], [taken]))
    for name, own in zip(OUTPUTS, answers, strict=True):
        both = f"{prefix}/both_{name}"
        graph.node.append(helper.make_node("ScatterND", [own, places, inner[name]], [both]))
        graph.node.append(helper.make_node("Where", [taken, both, own], [name]))


def exit_layers(graph: GraphProto) -> tuple[int, ...]:
    """Return after how many layers texts may leave a model early, from the first exit on; empty if never."""
    names = [array.name for array in graph.initializer if array.name.endswith(_BORDER)]
    return tuple(sorted(int(name.removesuffix(_BORDER).removeprefix(_PREFIX)) for name in names))


def leaves_early(file: Path) -> bool:
    """Whether texts may leave the model of a file early."""
    return bool(exit_layers(onnx.load(str(file), load_external_data=False).graph))


def shift_borders(model: ModelProto, by: float) -> None:
    """Make a model surer or less sure than it was before texts leave, in place: by a difference of probabilities."""
    for array in model.graph.initializer:
        if array.name.endswith(_BORDER):
            array.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(array) + np.float32(by), array.name))


def _constant(graph: GraphProto, name: str, value: NDArray[Any]) -> str:
    graph.initializer.append(numpy_helper.from_array(value, name))
    return name


def _downstream(graph: GraphProto, start: str) -> list[NodeProto]:
    """Return the nodes that depend on a tensor."""
    reached, found = {start}, []
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
            found.append(node)
    return found


def _of_batch(graph: GraphProto) -> set[str]:
    """Return the names of all tensors that depend on the model's inputs; each has a row for each text."""
    reached = {given.name for given in graph.input}
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
    return reached


def _sort(graph: GraphProto) -> None:
    """Put each node behind those that it reads from."""
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(_ordered(nodes))


def _ordered(nodes: list[NodeProto]) -> Iterator[NodeProto]:
    waiting = {name for node in nodes for name in node.output}
    while nodes:
        ready = [node for node in nodes if not waiting.intersection(node.input)]
        for node in ready:
            waiting.difference_update(node.output)
            yield node
        taken = {id(node) for node in ready}
        nodes = [node for node in nodes if id(node) not in taken]
