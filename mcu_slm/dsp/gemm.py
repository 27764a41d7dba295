"""The matrix kernel: two output channels at four positions at a time, made for a depth."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.matrix import Matrix
from mcu_slm.ops.base import GeneratedKernel

_BANK = 32
"""Single-precision registers: words of weights that the kernel holds."""


@dataclass(frozen=True)
class GemmText:
    """The holes of `kernels/dsp/dsp_gemm.[ch].j2`."""

    name: str
    guard: str
    indent: str
    depth: int
    pairs: int
    chunks: int
    chunk_pairs: int
    rest_pairs: int
    chunk_list: str
    rest_list: str
    bank: str
    shift: int
    form: str
    clamp: bool
    scale_words: int
    at_output: int
    frame_words: int
    at_weights: int
    at_cursor: int
    stack_bytes: int


def gemm_kernel(matrix: Matrix) -> GeneratedKernel:
    """Return the kernel that multiplies by a matrix."""
    pairs, shift = matrix.depth // 2, matrix.rescaling.shift
    chunks, rest = (0, pairs) if pairs <= _BANK else divmod(pairs, _BANK)
    clamp = "_clamped" if matrix.is_clamped else ""
    name = f"mcu_slm_dsp_gemm_{matrix.depth}_{matrix.form}_{shift}{clamp}"
    bank = _BANK if chunks else rest
    scale_words = 2 if matrix.form == "short" else 3
    at_output = 8 + 8 * scale_words
    at_weights = at_output + 20  # behind output, stride, end, act_min, act_max
    text = GemmText(
        name=name,
        guard=f"{name.upper()}_H",
        indent=" " * len(f"void {name}("),
        depth=matrix.depth,
        pairs=pairs,
        chunks=chunks,
        chunk_pairs=_BANK,
        rest_pairs=rest,
        chunk_list=_numbers(_BANK),
        rest_list=_numbers(rest),
        bank=", ".join(f'"s{register}"' for register in range(bank)),
        shift=shift,
        form=matrix.form,
        clamp=matrix.is_clamped,
        scale_words=scale_words,
        at_output=at_output,
        frame_words=at_weights // 4,
        at_weights=at_weights,
        at_cursor=at_weights + 4,
        stack_bytes=at_weights + 12,
    )
    return GeneratedKernel(name, "dsp/dsp_gemm", text)


def quad_bytes(depth: int) -> int:
    """Return the bytes of the widened inputs of four positions."""
    return 8 * depth


def _numbers(count: int) -> str:
    return ",".join(map(str, range(count)))
