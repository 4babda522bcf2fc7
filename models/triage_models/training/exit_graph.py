"""Lets texts leave an exported network early: a graph in which the later layers only run for the rows that need them.

After some layers an ensemble of small heads answers. Rows that all its members are sure of keep that answer; the others
go on through the remaining layers, as a smaller batch, to the answer that they have without an exit. A row leaves or
stays by its own numbers alone, so that its answer never depends on its batch.
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
# triage_models.labelling.network_vectors looks for the names of borders and of the layers' outputs.
_PREFIX, _BORDER = "/exit_", "/border"

LEAST = 1e-9
"""The least probability whose logarithm is taken."""

Weights = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """M heads on one layer, each with one hidden layer: ``gelu(x @ hidden + hidden_bias) @ out + out_bias``.

    They read W numbers: the mean of the token vectors, and the logits of the word head where there is one. The answer
    is the mean of their probabilities, as logits, and the mean of their similarities.

    Attributes:
        layer: after how many layers they answer, from 1.
        hidden: ``[W, M H]`` of one member after the other.
        hidden_bias: ``[M H]``
        out: ``[M, H, 2 C]``: the logits, then the similarity to each class.
        out_bias: ``[M, 1, 2 C]``
        sure: rows leave that have a class to which every member gives at least this probability.
        sharpness: what the logarithms of the probabilities are multiplied by.
    """

    layer: int
    hidden: Weights
    hidden_bias: Weights
    out: Weights
    out_bias: Weights
    sure: float
    sharpness: float


def hidden_state(layer: int) -> str:
    """Return the name of the tensor ``[B, T, D]`` that a layer puts out, counted from 1."""
    return f"/encoder/transformer/layer.{layer - 1}/output_layer_norm/LayerNormalization_output_0"


def word_logits(graph: GraphProto) -> str | None:
    """Return the name of the logits ``[B, C]`` of the word head; None if the network has none."""
    found = [node for node in graph.node if any(name.endswith("word_head.bias") for name in node.input)]
    return str(found[0].output[0]) if found else None


def add_vector_nodes(graph: GraphProto, layer: int, prefix: str) -> str:
    """Add the nodes that compute what an `Ensemble` reads, and return the name of the result ``[B, W]``.

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


def add_exit(model: ModelProto, ensemble: Ensemble) -> None:
    """Add an exit to an exported model, in place. Several are added from the last layer to the first.

    Args:
        model: what `triage_models.training.export` wrote, perhaps with exits after later layers.
        ensemble: the heads.
    """
    graph, prefix = model.graph, f"{_PREFIX}{ensemble.layer}"
    later = _downstream(graph, hidden_state(ensemble.layer))
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
    _add_members(graph, ensemble, prefix)
    answers = _add_mean(graph, ensemble, prefix)
    _add_border(graph, ensemble, prefix)
    _add_choice(graph, answers, rows, inner, prefix)
    _sort(graph)


def _add_members(graph: GraphProto, ensemble: Ensemble, prefix: str) -> None:
    """Add the members, with their probabilities and similarities ``[M, B, C]``."""
    vectors = add_vector_nodes(graph, ensemble.layer, prefix)
    members, width, both = ensemble.out.shape
    hidden = [
        _constant(graph, f"{prefix}/weight", ensemble.hidden),
        _constant(graph, f"{prefix}/bias", ensemble.hidden_bias),
    ]
    out = _constant(graph, f"{prefix}/out_weight", ensemble.out)
    bias = _constant(graph, f"{prefix}/out_bias", ensemble.out_bias)
    shape = _constant(graph, f"{prefix}/by_member", np.array([-1, members, width]))
    parts = _constant(graph, f"{prefix}/parts", np.array([both // 2, both // 2]))
    split = [f"{prefix}/member_{name}" for name in OUTPUTS]
    graph.node.extend(
        [
            helper.make_node("Gemm", [vectors, *hidden], [f"{prefix}/first"]),
            helper.make_node("Gelu", [f"{prefix}/first"], [f"{prefix}/active"], domain="com.microsoft"),
            helper.make_node("Reshape", [f"{prefix}/active", shape], [f"{prefix}/members"]),
            helper.make_node("Transpose", [f"{prefix}/members"], [f"{prefix}/turned"], perm=[1, 0, 2]),
            helper.make_node("MatMul", [f"{prefix}/turned", out], [f"{prefix}/product"]),
            helper.make_node("Add", [f"{prefix}/product", bias], [f"{prefix}/all"]),
            helper.make_node("Split", [f"{prefix}/all", parts], split, axis=2),
            helper.make_node("Softmax", [split[0]], [f"{prefix}/probabilities"], axis=2),
        ]
    )


def _add_mean(graph: GraphProto, ensemble: Ensemble, prefix: str) -> tuple[str, str]:
    """Add the answer of all members, and return the names of its logits and similarity ``[B, C]``."""
    least = _constant(graph, f"{prefix}/least", np.array(LEAST, dtype=np.float32))
    sharpness = _constant(graph, f"{prefix}/sharpness", np.array(ensemble.sharpness, dtype=np.float32))
    answers, members = (f"{prefix}/own_logits", f"{prefix}/own_similarity"), f"{prefix}/member_{OUTPUTS[1]}"
    graph.node.extend(
        [
            helper.make_node("ReduceMean", [f"{prefix}/probabilities"], [f"{prefix}/mean_of"], axes=[0], keepdims=0),
            helper.make_node("Max", [f"{prefix}/mean_of", least], [f"{prefix}/above_zero"]),
            helper.make_node("Log", [f"{prefix}/above_zero"], [f"{prefix}/logarithms"]),
            helper.make_node("Mul", [f"{prefix}/logarithms", sharpness], [answers[0]]),
            helper.make_node("ReduceMean", [members], [answers[1]], axes=[0], keepdims=0),
        ]
    )
    return answers


def _add_border(graph: GraphProto, ensemble: Ensemble, prefix: str) -> None:
    """Add which rows go on."""
    border = _constant(graph, f"{prefix}{_BORDER}", np.array(ensemble.sure, dtype=np.float32))
    graph.node.extend(
        [
            helper.make_node("ReduceMin", [f"{prefix}/probabilities"], [f"{prefix}/agreed"], axes=[0], keepdims=0),
            helper.make_node("ReduceMax", [f"{prefix}/agreed"], [f"{prefix}/highest"], axes=[1], keepdims=0),
            helper.make_node("Less", [f"{prefix}/highest", border], [f"{prefix}/unsure"]),
            # ONNX Runtime's kernels crash on a batch of no rows: the least sure row always goes on.
            helper.make_node("ReduceMin", [f"{prefix}/highest"], [f"{prefix}/lowest"], keepdims=1),
            helper.make_node("LessOrEqual", [f"{prefix}/highest", f"{prefix}/lowest"], [f"{prefix}/least_sure"]),
            helper.make_node("Or", [f"{prefix}/unsure", f"{prefix}/least_sure"], [f"{prefix}/goes_on"]),
            helper.make_node("NonZero", [f"{prefix}/goes_on"], [f"{prefix}/positions"]),
        ]
    )


def _add_choice(graph: GraphProto, answers: tuple[str, str], rows: str, inner: dict[str, str], prefix: str) -> None:
    """Put the later layers' answers in the place of the ensemble's, for the rows that went on."""
    flat, places = _constant(graph, f"{prefix}/flat", np.array([-1])), f"{prefix}/places"
    graph.node.append(helper.make_node("Reshape", [f"{prefix}/positions", flat], [rows]))
    graph.node.append(helper.make_node("Transpose", [f"{prefix}/positions"], [places], perm=[1, 0]))
    last, taken = f"{prefix}/last", f"{prefix}/takes_later"
    graph.node.append(helper.make_node("Unsqueeze", [f"{prefix}/unsure", last], [taken]))
    for name, own in zip(OUTPUTS, answers, strict=True):
        both = f"{prefix}/both_{name}"
        graph.node.append(helper.make_node("ScatterND", [own, places, inner[name]], [both]))
        graph.node.append(helper.make_node("Where", [taken, both, own], [name]))


def layers_of(graph: GraphProto) -> int:
    """Return how many layers an exported model has."""
    names = {name for node in graph.node for name in node.output}
    return next(layer for layer in range(1, len(names) + 1) if hidden_state(layer + 1) not in names)


def ensembles_of(graph: GraphProto) -> list[Ensemble]:
    """Return the ensembles of an exported model, by their layers."""
    arrays = {array.name: array for array in graph.initializer}

    def read(layer: int, part: str) -> Any:
        return numpy_helper.to_array(arrays[f"{_PREFIX}{layer}{part}"])

    return [
        Ensemble(
            layer,
            hidden=read(layer, "/weight"),
            hidden_bias=read(layer, "/bias"),
            out=read(layer, "/out_weight"),
            out_bias=read(layer, "/out_bias"),
            sure=float(read(layer, _BORDER)),
            sharpness=float(read(layer, "/sharpness")),
        )
        for layer in exit_layers(graph)
    ]


def copy_exits(file: Path, into: Path) -> None:
    """Give an exported model the exits of another one of the same network, in place."""
    ensembles = ensembles_of(onnx.load(str(file)).graph)
    if ensembles:
        model = onnx.load(str(into))
        for ensemble in reversed(ensembles):
            add_exit(model, ensemble)
        onnx.save(model, str(into))


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
