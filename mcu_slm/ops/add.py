"""ADD: both operands are brought to a common scale with 20 extra bits, added, and requantised.

real multipliers, formed in float64: input_i: scale_i / (2 * max(scale1, scale2)); output: 2 * max /
(2^20 * output scale).

Nearly always a form with a single shift gives the same bytes: `short_sum.py`. Where it does not,
tables bring the operands to the common scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcu_slm.ops.base import Arguments, Constant, Int8, NodeView, struct_call
from mcu_slm.ops.broadcast import BroadcastOperator, broadcast
from mcu_slm.ops.features import Features, clamped
from mcu_slm.ops.folding import Array, Fold, element_wise
from mcu_slm.ops.lookup import INPUTS
from mcu_slm.ops.short_sum import ShortSum, SumTable, find_short_sum
from mcu_slm.quant import (
    INT8_MIN,
    Int64,
    Multiplier,
    quantize_multiplier,
    requantize,
    saturate_int8,
)

LEFT_SHIFT = 20


@dataclass(frozen=True, eq=False)
class Sum(BroadcastOperator):
    """An addition or subtraction reduced to integers; `sign` is +1 or -1."""

    kernels = ("add_s8",)

    sign: int
    input1_zero_point: int
    input2_zero_point: int
    output_zero_point: int
    input1: Multiplier
    input2: Multiplier
    output: Multiplier
    act_min: int
    act_max: int

    def reference(self, inputs: Sequence[Int8]) -> list[Int8]:
        """Requantise both operands, add, requantise the sum."""
        first, second = (self.loops.aligned(x) for x in inputs)
        return [self.combine(first, second)]

    def combine(self, first: Int64, second: Int64) -> Int8:
        """Return the sum of operands that NumPy broadcasts."""
        term1, term2 = self._terms(first, second)
        scaled = requantize(term1 + term2, *self.output)
        return saturate_int8(scaled + self.output_zero_point, self.act_min, self.act_max)

    def _terms(self, first: Int64, second: Int64) -> tuple[Int64, Int64]:
        """Return the operands at the common scale, the second one with its sign."""
        term1 = requantize((first - self.input1_zero_point) << LEFT_SHIFT, *self.input1)
        term2 = requantize((second - self.input2_zero_point) << LEFT_SHIFT, *self.input2)
        return term1, self.sign * term2

    def requantization(self) -> tuple[Multiplier, ...]:
        """Return the multipliers of both inputs and the output."""
        return (self.input1, self.input2, self.output)

    def constants(self) -> tuple[Constant, ...]:
        """Return the operands at the common scale."""
        return tuple(
            Constant(f"terms{number}", terms.astype(np.int32), False, "for the inputs -128 .. 127")
            for number, terms in enumerate(self._terms(INPUTS, INPUTS), 1)
        )

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            **self.term_fields(arguments),
            "multiplier": self.output.multiplier,
            "right_shift": -self.output.shift,
            "output_zero_point": self.output_zero_point,
        }
        return self.ordered_call(fields, arguments)

    def term_fields(self, arguments: Arguments) -> dict[str, object]:
        """Return the tables as fields of a C struct, that of the operand in front first."""
        _, order = self.loops.walked_first()
        names = [arguments.constants[f"terms{operand + 1}"] for operand in order]
        return {f"terms{n}": f"{name} + {-INT8_MIN}" for n, name in enumerate(names, 1)}

    def ordered_call(
        self, fields: dict[str, object], arguments: Arguments, function: str = "", kind: str = ""
    ) -> str:
        """Return a kernel call, with the operand in front that the innermost loop walks.

        `kind`: the parameter struct, where it is not called after the function.
        """
        loops, order = self.loops.walked_first()
        clamp = {"act_min": self.act_min, "act_max": self.act_max}
        function = function or f"mcu_slm_{self.kernels[0]}"
        return struct_call(
            kind or f"{function.removesuffix('_s8')}_t",
            function,
            {**loops.fields(), **fields, **clamp},
            [*(arguments.inputs[operand] for operand in order), arguments.outputs[0]],
        )


@dataclass(frozen=True, eq=False)
class InOneShift(Sum):
    """A sum that is computed in a short form; the reference stays that of the judge."""

    kernels = ("add_short_s8",)

    form: ShortSum

    def constants(self) -> tuple[Constant, ...]:
        """The short form needs no tables."""
        return ()

    def features(self) -> Features:
        """Return rows and elements, and those that a narrow activation clamps afterwards."""
        return super().features() | clamped(self.loops.lengths, self.act_min, self.act_max)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        return self.short_call(self.form, arguments)

    def short_call(self, form: ShortSum, arguments: Arguments, function: str = "") -> str:
        """Return the call of a kernel for a short form."""
        multipliers = [form.multipliers[operand] for operand in self.loops.walked_first()[1]]
        fields: dict[str, object] = {
            "multiplier1": multipliers[0],
            "multiplier2": multipliers[1],
            "addend": form.addend,
            "shift": form.shift,
        }
        return self.ordered_call(fields, arguments, function, "mcu_slm_add_short_t")


def parse(view: NodeView) -> Sum:
    """Check an ADD node and derive its integers."""
    return parse_sum(view, sign=1)


def parse_sum(view: NodeView, sign: int) -> Sum:
    """Derive the integers of ADD (`sign` +1) or SUB (-1)."""
    view.expect_count((2,))
    first, second, output = view.input(0), view.input(1), view.output()
    scale1, scale2, output_scale = (view.int8(t)[0] for t in (first, second, output))
    twice_max = 2.0 * max(scale1, scale2)
    reals = (scale1 / twice_max, scale2 / twice_max, twice_max / ((1 << LEFT_SHIFT) * output_scale))
    view.require(
        reals[2] < 1.0,
        f"output scale {output_scale!r} for inputs {scale1!r} and {scale2!r}",
        "a larger one",
    )
    input1, input2, scaled = (view.multiplier(quantize_multiplier(real)) for real in reals)
    act_min, act_max = view.activation_range(output)
    plain = Sum(
        broadcast(view, first.shape, second.shape, output.shape),
        sign,
        view.int8(first)[1],
        view.int8(second)[1],
        view.int8(output)[1],
        input1,
        input2,
        scaled,
        act_min,
        act_max,
    )
    return _shortened(plain, (scale1 / output_scale, sign * scale2 / output_scale))


def _shortened(plain: Sum, slopes: tuple[float, float]) -> Sum:
    """Return a sum in its short form, where there is one."""
    results = plain.combine(INPUTS[:, None], INPUTS[None, :]).astype(np.int64)
    zero_points = (plain.input1_zero_point, plain.input2_zero_point)
    table = SumTable(
        results, plain.act_min, plain.act_max, zero_points, plain.output_zero_point, slopes
    )
    form = find_short_sum(table)
    return plain if form is None else InOneShift(**vars(plain), form=form)


def _evaluate(view: NodeView) -> Sequence[Array]:
    """Add; the judge does not apply the fused activation to int32."""
    real = view.input(0).dtype == "float32"
    return element_wise(np.add, 2, clamped=real)(view)


FOLD = Fold(("int32", "float32"), _evaluate)
