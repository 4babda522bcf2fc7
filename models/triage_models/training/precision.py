"""Mixed precision for training on CPUs, where it is faster."""

import functools

import torch


@functools.cache
def bfloat16_is_fast() -> bool:
    """Return whether this CPU multiplies matrices of bfloat16 by oneDNN.

    Elsewhere, as with AVX2 alone, PyTorch multiplies them one by one, which takes many times as long as with float32.
    """
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def mixed_precision(*, wanted: bool) -> torch.autocast:
    """Return a context in which networks run in bfloat16, if wanted and faster here than float32."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=wanted and bfloat16_is_fast())
