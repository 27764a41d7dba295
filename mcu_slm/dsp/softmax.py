"""SOFTMAX in int8, four values at a time."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.dsp.specialized import Specialized
from mcu_slm.ops.base import Arguments, Constant, struct_call
from mcu_slm.ops.features import Features
from mcu_slm.ops.softmax import Softmax


@dataclass(frozen=True, eq=False)
class FourSoftmax(Specialized):
    """A softmax to int8."""

    kernels = ("dsp_softmax",)

    plain: Softmax

    def constants(self) -> tuple[Constant, ...]:
        """Return the table of exponentials."""
        return self.plain.constants()

    def clearance(self, position: int) -> int:  # noqa: ARG002
        """A row is read whole before it is written, its values once more four at a time."""
        return 0

    def features(self) -> Features:
        """Return rows and their values, four at a time or one by one."""
        fours, ones = divmod(self.plain.depth, 4)
        rows = self.plain.rows
        return {"rows": rows, "fours": rows * fours, "ones": rows * ones}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        fields: dict[str, object] = {
            "rows": self.plain.rows,
            "depth": self.plain.depth,
            "exp_table": arguments.constants["exp"],
        }
        return struct_call(
            "mcu_slm_dsp_softmax_t",
            "mcu_slm_dsp_softmax",
            fields,
            [arguments.inputs[0], arguments.outputs[0]],
        )


def of_softmax(plain: Softmax) -> FourSoftmax | None:
    """Return the layer for this kernel, None where its output is wider."""
    return FourSoftmax(plain) if plain.dtype == "int8" else None
