"""From a trained network to the files that serve: ONNX, fused, as int8 for the CPU and fp16 for the GPU."""

import contextlib
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions

from triage_models.training.kernels import suit_cpu
from triage_models.training.network import Served
from triage_models.training.ranges import fix_ranges

OPSET = 17


def export(served: Served, int8: Path, fp16: Path | None, texts: Sequence[Sequence[int]]) -> None:
    """Write ``int8`` (weights per channel, activations in ranges measured on ``texts``) and, if asked for, ``fp16``.

    Inputs are ``input_ids`` and ``attention_mask``, both int64 ``[B, T]``; outputs ``logits`` and ``similarity``, both
    float32 ``[B, C]``. The head and the similarity stay in float32: they cost nothing and decide everything.
    """
    config = served.network.encoder.config
    with tempfile.TemporaryDirectory() as scratch, _quiet():
        raw, fused = Path(scratch, "raw.onnx"), Path(scratch, "fused.onnx")
        _write(served, raw)
        model = optimizer.optimize_model(
            str(raw),
            "bert",
            num_heads=config.n_heads,
            hidden_size=config.dim,
            optimization_options=FusionOptions("bert"),
            opt_level=0,
        )
        model.save_model_to_file(str(fused))
        quantize_dynamic(
            fused,
            int8,
            per_channel=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=_kept_in_float(fused),
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
        fix_ranges(int8, texts)
        suit_cpu(int8, config.dim)
        if fp16 is not None:
            model.convert_float_to_float16(keep_io_types=True)
            model.save_model_to_file(str(fp16))


def _write(served: Served, path: Path) -> None:
    served.eval()
    ids = torch.randint(0, 1000, (2, 12))
    torch.onnx.export(
        served,
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


def _kept_in_float(path: Path) -> list[str]:
    """The products after the pooling, head and prototypes: told by name, since their shape may be that of a layer."""
    nodes = onnx.load(str(path)).graph.node
    kept = [node.name for node in nodes if node.op_type in ("MatMul", "Gemm") and "/encoder/" not in node.name]
    return kept + [f"{name}_MatMul" for name in kept]  # the quantizer renames a Gemm when it splits it


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter and the optimizer narrate; their warnings are about shapes that we mean."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
