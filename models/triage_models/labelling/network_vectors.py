"""Reads the vectors of a network's last layer, which a bundle's model computes and does not put out.

Names in the model's file are searched for as bytes, and fields are appended to it, since serving does not install the
package ``onnx``.
"""

import re
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from triage_models.bundle.bundle import CPU_MODEL, Bundle
from triage_models.errors import BundleError
from triage_models.serving.decision import Floats

LAYER_OUTPUT = rb"/encoder/transformer/layer\.(\d+)/output_layer_norm/LayerNormalization_output_0"
"""The tensors ``[B, T, D]`` that the layers put out, as `triage_models.training.exit_graph` finds them, too."""

BORDER = rb"/exit_\d+/border"
"""The probabilities that texts need to leave early; `triage_models.training.exit_graph` names them."""

_NOBODY = 2.0
"""No probability is as high."""

_GRAPH, _OUTPUT, _NAME = 7, 12, 1
"""Numbers of fields in ONNX's protobuf schema: the model's graph, the graph's outputs, an output's name."""


class Results(NamedTuple):
    """What the whole network says about B texts.

    Attributes:
        logits: ``[B, C]``
        similarity: ``[B, C]``
        vectors: ``[B, D]`` the mean of the last layer's token vectors.
    """

    logits: Floats
    similarity: Floats
    vectors: Floats


class WholeNetwork:
    """A bundle's int8 model that also puts out its last layer. No text leaves it early.

    Args:
        bundle: the bundle.

    Attributes:
        answers_as_served: whether its logits are those of the bundle; not if texts leave the bundle's model early.

    Raises:
        BundleError: the network has no such vectors.
    """

    def __init__(self, bundle: Bundle) -> None:
        model = (bundle.path / CPU_MODEL).read_bytes()
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        borders = sorted({found.decode() for found in re.findall(BORDER, model)})
        # ONNX Runtime keeps no reference to the value.
        self._border = ort.OrtValue.ortvalue_from_numpy(np.array(_NOBODY, dtype=np.float32))
        for name in borders:
            options.add_initializer(name, self._border)
        self.answers_as_served = not borders
        layers = {int(found[1]): found[0].decode() for found in re.finditer(LAYER_OUTPUT, model)}
        try:
            self._last_layer = layers[max(layers)]
            self._session = ort.InferenceSession(
                with_output(model, self._last_layer), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors share no public base class
            raise BundleError(f"The network of {bundle.path} gives no vectors: train the bundle again.") from error

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> Results:
        """Run token ids and mask ``[B, T]``."""
        logits, similarity, hidden = self._session.run(
            ["logits", "similarity", self._last_layer], {"input_ids": ids, "attention_mask": mask}
        )
        kept = mask[..., None].astype(np.float32)
        return Results(logits, similarity, (hidden * kept).sum(axis=1) / kept.sum(axis=1))


def with_output(model: bytes, name: str) -> bytes:
    """Return a serialized ONNX model with one more output.

    Protobuf parsers merge repeated occurrences of a message, and join its lists. So appending a graph that has only
    this output declares it.
    """
    declared = _field(_OUTPUT, _field(_NAME, name.encode()))
    return model + _field(_GRAPH, declared)


def _field(number: int, content: bytes) -> bytes:
    """Encode a field of bytes, up to 127 of them, as protobuf does."""
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content
