"""Exports a trained network to ONNX: fused, as int8 for the CPU and fp16 for the GPU."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from onnxruntime.transformers.onnx_model import OnnxModel

from triage_models.training.cpu_operators import optimize_for_cpu
from triage_models.training.network import ServingNetwork
from triage_models.training.static_quantization import fix_activation_ranges

OPSET = 17


def export(network: ServingNetwork, int8: Path, fp16: Path | None, texts: Sequence[Sequence[int]]) -> None:
    """Write the int8 model and, if asked for, the fp16 model.

    Inputs are ``input_ids`` and ``attention_mask``, both int64 ``[B, T]``; outputs are ``logits`` and ``similarity``,
    both float32 ``[B, C]``. The head and the similarity stay in float32: they take almost no time, and every decision
    depends on them.

    Args:
        network: the network to export.
        int8: where to write the int8 model: weights quantized per channel, activations in fixed ranges.
        fp16: where to write the fp16 model; None for none.
        texts: token ids of the texts on which the activation ranges are measured.
    """
    with tempfile.TemporaryDirectory() as scratch, _silenced():
        fused = Path(scratch, "fused.onnx")
        model = _fused(network, Path(scratch, "raw.onnx"))
        model.save_model_to_file(str(fused))
        quantize_dynamic(
            fused,
            int8,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_float_nodes(fused),
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        fix_activation_ranges(int8, texts)
        optimize_for_cpu(int8, network.network.encoder.config.dim)
        halve_word_table(int8)
        if fp16 is not None:
            _save_fp16(model, fp16)


def export_fp16(network: ServingNetwork, fp16: Path) -> None:
    """Write the fp16 model alone."""
    with tempfile.TemporaryDirectory() as scratch, _silenced():
        _save_fp16(_fused(network, Path(scratch, "raw.onnx")), fp16)


def _save_fp16(model: OnnxModel, file: Path) -> None:
    model.convert_float_to_float16(keep_io_types=True)
    model.save_model_to_file(str(file))


def _fused(network: ServingNetwork, raw: Path) -> OnnxModel:
    """Write the graph of a network to a file, and return it with its operators fused."""
    config = network.network.encoder.config
    _write(network, raw)
    return optimizer.optimize_model(
        str(raw),
        "bert",
        num_heads=config.n_heads,
        hidden_size=config.dim,
        optimization_options=FusionOptions("bert"),
        opt_level=0,
    )


def _write(network: ServingNetwork, path: Path) -> None:
    network.eval()
    ids = torch.randint(0, 1000, (2, 12))
    torch.onnx.export(
        network,
        (ids, torch.ones_like(ids)),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["logits", "similarity"],
        dynamic_axes={
            "input_ids": {0: "batch", 1: "tokens"},
            "attention_mask": {0: "batch", 1: "tokens"},
            "logits": {0: "batch"},
            "similarity": {0: "batch"},
        },
        opset_version=OPSET,
        dynamo=False,
    )


def halve_word_table(path: Path) -> None:
    """Write the weights of the word head in 16 bits, in place: they are a tenth of the file."""
    model = onnx.load(str(path))
    tables = [array for array in model.graph.initializer if array.name.endswith("word_head.table")]
    for array in tables:
        values = numpy_helper.to_array(array).astype(np.float16)
        array.CopyFrom(numpy_helper.from_array(values, array.name))
        (reader,) = (node for node in model.graph.node if array.name in node.input)
        (output,) = reader.output
        reader.output[0] = f"{output}_half"
        cast = helper.make_node("Cast", [reader.output[0]], [output], f"{reader.name}_float", to=TensorProto.FLOAT)
        model.graph.node.insert(list(model.graph.node).index(reader) + 1, cast)
    if tables:
        onnx.save(model, str(path))


def _float_nodes(path: Path) -> list[str]:
    """Return by name what stays in float: products after the pooling, and the tables of the word head."""
    nodes = onnx.load(str(path)).graph.node
    kinds = ("MatMul", "Gemm", "Gather")
    names = [node.name for node in nodes if node.op_type in kinds and "/encoder/" not in node.name]
    return names + [f"{name}_MatMul" for name in names]  # the quantizer renames a Gemm when it splits it


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Silence the exporter and the optimizer: their warnings are about shapes that are intended."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
