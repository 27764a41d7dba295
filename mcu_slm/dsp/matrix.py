"""Weights in the order in which the dsp kernels read them: `kernels/dsp/dsp_matrix.h`.

Two output channels a and b share words: each half is 256 * a + b, so that one load and one widening
feed four products.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from mcu_slm.dsp.direct import BIAS_BITS, DirectRescaling, direct_rescaling
from mcu_slm.dsp.packing import SCALE_BITS, PackedRescaling, pack
from mcu_slm.dsp.rescaling import ShortRescaling, Sums, shorten, sums_of
from mcu_slm.ops.base import Constant
from mcu_slm.ops.linear import Linear
from mcu_slm.quant import INT8_MAX, INT8_MIN, Int64

_BYTE = 256
_BIASES = (
    "[pair][256 * bias of a + bias of b, bias of b]",
    f"[pair][256 * bias of a + bias of b, bias of b in {BIAS_BITS} bits below its offset]",
)
"""What the biases are, and where b's sums are rescaled as they are."""


def input_order(run_bytes: int) -> list[int]:
    """Return the order of a run's inputs after widening, -1 where a place stays empty.

    Of each four bytes SXTB16 gives 0 and 2, then 1 and 3.
    """
    return window_order(1, run_bytes)


def window_order(runs: int, run_bytes: int) -> list[int]:
    """Return the same for a window of several runs: their whole words, then what is left of each.

    Inputs are numbered run by run.
    """
    whole = run_bytes // 4 * 4
    words = [first + place for first in range(0, whole, 4) for place in (0, 2, 1, 3)]
    rest = [whole + place for place in ((), (0,), (0, 1), (0, 2, 1))[run_bytes - whole]]
    starts = range(0, runs * run_bytes, run_bytes)
    order = [start + place for part in (words, rest) for start in starts for place in part]
    return order + [-1] * (len(order) % 2)


@dataclass(frozen=True)
class Layout:
    """The order of the words of weights.

    `block` pairs of channels stand side by side as long as there are so many, and `panel` such
    blocks behind one another for each `chunk` pairs of inputs, 0: for all of them.
    """

    block: int = 1
    panel: int = 1
    chunk: int = 0

    def __str__(self) -> str:
        if self.block == 1:
            return "[pair of channels a, b][inputs / 2]"
        inputs = "[block of channels][inputs / 2]"
        if self.panel > 1:
            inputs = f"[panel][inputs / {2 * self.chunk}][block of channels][inputs / 2]"
        return f"{inputs}[{self.block} pairs a, b], then [pair][inputs / 2]"


PAIRS = Layout()


@dataclass(frozen=True, eq=False)
class Matrix:
    """Weights of a layer for the kernels that take two channels at a time.

    Shapes: rows: int8 [channels, depth] in the order of the widened inputs, an even depth; bias:
        int64 [channels] with the zero points folded in.
    """

    rows: npt.NDArray[np.int8]
    bias: Int64
    sums: Sums
    rescaling: ShortRescaling
    packed: PackedRescaling | None = None
    direct: DirectRescaling | None = None

    @property
    def act_min(self) -> int:
        """Least output."""
        return self.sums.act_min

    @property
    def act_max(self) -> int:
        """Greatest output."""
        return self.sums.act_max

    @property
    def shift(self) -> int:
        """The last shift of the rescaling."""
        return self.rescaling.shift

    def with_shift(self, shift: int, form: str | None = None) -> Matrix | None:
        """Return the matrix with another last shift, None where that cannot be proved.

        `form`: the form of the rescaling, by default as it is.
        """
        form = form or self.form
        found = shorten(self.sums, SCALE_BITS, shift, is_signed=form == "signed")
        if found is None or found.is_mixed:
            return None
        changed = replace(self, rescaling=found)
        if changed.form != form:
            return None
        return changed if self.packed is None else changed.with_packing()

    def pretending(self, form: str) -> Matrix:
        """Return a matrix of another form (short or signed) that only tells what it would cost."""
        correction = np.full_like(self.rescaling.correction, form == "signed")
        return replace(self, rescaling=replace(self.rescaling, correction=correction))

    def with_packing(self) -> Matrix:
        """Return the matrix with one word per channel, as `dsp_gemm` reads it."""
        return replace(self, packed=pack(self.sums, self.rescaling))

    def with_direct(self) -> Matrix | None:
        """Return the matrix with b's sums rescaled as they are, None where that is not proved."""
        if self.packed is None or self.form != "short" or self.channels == 1:
            return None
        second = replace(
            self.sums,
            lowest=self.sums.lowest[1::2],
            highest=self.sums.highest[1::2],
            multipliers=self.sums.multipliers[1::2],
        )
        direct = direct_rescaling(second, self.shift - SCALE_BITS)
        if direct is None:
            return None
        packed = replace(
            self.packed,
            words=_with_second(self.packed.words, direct.multiplier),
            removed=_with_second(self.packed.removed, -direct.added),
            is_constant=_with_second(self.packed.is_constant, direct.is_constant),
            constants=_with_second(self.packed.constants, direct.constants),
        )
        changed = replace(self, packed=packed, direct=direct)
        biases = packed.biases(self.bias)[1::2]
        fits = np.abs(biases).max() < 1 << (BIAS_BITS - 1)
        return changed if fits else None

    @property
    def channels(self) -> int:
        """Output channels of the layer."""
        return len(self.bias)

    @property
    def depth(self) -> int:
        """Inputs of one output, empty places included."""
        return int(self.rows.shape[1])

    @property
    def form(self) -> str:
        """How sums become int8: `short`, `signed`, `extra` or `direct`, as in the templates."""
        if self.direct is not None:
            return "direct"
        return self.rescaling.form

    @property
    def is_clamped(self) -> bool:
        """Whether the activation's range is narrower than int8's."""
        return (self.act_min, self.act_max) != (INT8_MIN, INT8_MAX)

    @property
    def is_uniform(self) -> bool:
        """Whether all channels share the numbers of the rescaling."""
        return self.rescaling.is_uniform if self.packed is None else self.packed.is_uniform

    @property
    def scale_step(self) -> int:
        """Words of the rescaling from one channel to the next; 0 where all channels share them."""
        if self.is_uniform:
            return 0
        return 1 if self.packed is not None else 2 + (self.form in {"signed", "extra"})

    def constants(self, layout: Layout = PAIRS) -> tuple[Constant, ...]:
        """Return weights, biases and the numbers of the rescaling."""
        what = {"signed": ", correction", "extra": ", extra shift"}.get(self.form, "")
        what = f"multiplier, offset{what}"
        if self.packed is not None:
            what = f"a word per channel (dsp_rescale.h), then {what} of those without"
        return (
            Constant("weights", self._words(layout), True, str(layout)),
            Constant("bias", self._biases(), True, _BIASES[self.direct is not None]),
            Constant("scale", self._scale().astype(np.int32), False, what),
        )

    def fields(self, constants: dict[str, str]) -> dict[str, object]:
        """Return the fields of mcu_slm_matrix_t; `constants` names the arrays."""
        return {
            "weights": constants["weights"],
            "bias": constants["bias"],
            "scale": constants["scale"],
            "middle": 0 if self.packed is None else self.packed.middle,
            "middle_b": 0 if self.direct is None else self.direct.middle,
            "pairs": self.depth // 2,
            "channels": self.channels,
            "act_min": _repeated(self.act_min),
            "act_max": _repeated(self.act_max),
            "scale_step": self.scale_step,
            "shift": self.shift,
            "is_signed": _boolean(self.form == "signed"),
            "has_third": _boolean(self.form in {"signed", "extra"}),
            "is_direct": _boolean(self.form == "direct"),
        }

    def _words(self, layout: Layout) -> npt.NDArray[np.uint32]:
        rows = _even(self._rows().astype(np.int64))
        halves = (rows[0::2] * _BYTE + rows[1::2]).astype(np.int16)
        words: npt.NDArray[np.uint32] = np.ascontiguousarray(halves).view(np.uint32)
        block, depth = layout.block, words.shape[1]
        if block == 1:
            return words
        whole = self.channels // (2 * block) * block
        blocks = words[:whole].reshape(-1, block, depth).swapaxes(1, 2)
        chunk = layout.chunk or depth
        stream = [
            blocks[first : first + layout.panel, inputs : inputs + chunk].reshape(-1)
            for first in range(0, len(blocks), layout.panel)
            for inputs in range(0, depth, chunk)
        ]
        return np.concatenate([*stream, words[whole:].reshape(-1)])

    def _rows(self) -> npt.NDArray[np.int8]:
        if self.packed is None:
            return self.rows
        return self.rows * (~self.packed.is_constant[:, None]).astype(np.int8)

    def _biases(self) -> npt.NDArray[np.int32]:
        if self.packed is None:
            bias = self.bias - self.rescaling.removed
        else:
            bias = self.packed.biases(self.bias)
        bias = _even(bias)
        second = bias[1::2]
        if self.direct is not None:
            offset = np.resize(self.direct.offset, len(second))  # a lone channel has no use for it
            second = (second & ((1 << BIAS_BITS) - 1)) | (offset << BIAS_BITS)
        pairs = np.stack([bias[0::2] * _BYTE + bias[1::2], second], axis=1)
        return pairs.astype(np.uint32).view(np.int32)  # modulo 2^32, as the kernel adds

    def _scale(self) -> npt.NDArray[Any]:
        if self.packed is not None:
            return self.packed.table()
        rescaling = self.rescaling
        columns = [rescaling.multiplier, rescaling.offset]
        if self.form == "signed":
            columns.append(rescaling.correction)
        elif self.form == "extra":
            columns.append(rescaling.extra_shift)
        scale = np.stack(columns, axis=1)
        return scale[:1] if rescaling.is_uniform else _even(scale)


def matrix_of(linear: Linear, rows: npt.NDArray[np.int8], order: list[int]) -> Matrix | None:
    """Lay weights out, None where these kernels cannot do the layer exactly.

    Shapes: rows: [channels, inputs].

    Args:
        linear: The layer's numbers.
        rows: Its weights.
        order: For each place of the widened inputs the input it holds, -1 for none.
    """
    sums = sums_of(linear, rows)
    rescaling = shorten(sums, SCALE_BITS)
    if rescaling is None or rescaling.is_mixed:
        return None
    places = np.array(order)
    padded = np.concatenate([rows, np.zeros((len(rows), 1), np.int8)], axis=1)
    ordered = padded[:, places]  # -1 takes the zeros at the end
    if _has_too_large_halves(ordered):
        return None
    folded = linear.bias - linear.input_zero_point * rows.sum(axis=1, dtype=np.int64)
    return Matrix(ordered, folded, sums, rescaling)


def _with_second(channels: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return something of all channels, with that of each second one replaced."""
    changed = channels.copy()
    changed[1::2] = second
    return changed


def _has_too_large_halves(rows: npt.NDArray[np.int8]) -> bool:
    """Whether some 256 * a + b does not fit 16 bits: a = -128 beside a negative b."""
    even = _even(rows)
    return bool(((even[0::2] == INT8_MIN) & (even[1::2] < 0)).any())


def _even(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return rows with one of zeros added where their number is odd."""
    if len(rows) % 2 == 0:
        return rows
    return np.concatenate([rows, np.zeros((1, *rows.shape[1:]), rows.dtype)])


def _repeated(value: int) -> str:
    return f"0x{(value & 0xFF) * 0x01010101:08x}u"


def _boolean(value: bool) -> str:
    return "true" if value else "false"
