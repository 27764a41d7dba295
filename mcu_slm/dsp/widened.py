"""Rows that several matrix products read are widened once for all of them.

Queries, keys and values of every head are made of the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from mcu_slm.dsp.convolution import MatrixProduct
from mcu_slm.dsp.counts import widened_rows
from mcu_slm.dsp.gemm import quad_bytes
from mcu_slm.dsp.matrix import input_order
from mcu_slm.dsp.quads import widen_rows
from mcu_slm.ops.base import Activations, Arguments, Operator
from mcu_slm.ops.features import Features


@dataclass(frozen=True, eq=False)
class WidenedRows(Operator):
    """Rows as the matrix kernels read them. Shape of the output: `widened_shape`, int16."""

    kernels = ("dsp_quads",)
    costs_as = "dsp_gemm"

    positions: int
    row_bytes: int

    @property
    def widened_shape(self) -> tuple[int, ...]:
        """Quads of positions, pairs of values, positions of a quad, values of a pair."""
        return -(-self.positions // 4), len(input_order(self.row_bytes)) // 2, 4, 2

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Sort rows into quads; the last row stands in the places behind it."""
        rows = inputs[0].reshape(len(inputs[0]), self.positions, self.row_bytes)
        places = np.arange(4 * self.widened_shape[0]).clip(max=self.positions - 1)
        values = rows[:, places][:, :, input_order(self.row_bytes)].astype(np.int16)
        quads, pairs, *_ = self.widened_shape
        return [values.reshape(-1, quads, 4, pairs, 2).swapaxes(2, 3)]

    def features(self) -> Features:
        """Return the quads of rows, and the words of each."""
        return widened_rows([self.positions], self.row_bytes)

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        quads = f"(uint32_t *)(void *){arguments.outputs[0]}"
        sizes = f"{self.row_bytes}, {self.row_bytes}, {self.positions}"
        return widen_rows(f"{arguments.inputs[0]}, {sizes}, {quads}", self.row_bytes)


@dataclass(frozen=True, eq=False)
class WidenedProduct(MatrixProduct):
    """A matrix product whose rows were widened before."""

    kernels: ClassVar[tuple[str, ...]] = ("dsp_pairs",)

    @classmethod
    def of(cls, layer: Operator) -> WidenedProduct:
        """Return a layer, a matrix product that widens its rows, as it is once they are widened."""
        assert isinstance(layer, MatrixProduct)
        return cls(**{part.name: getattr(layer, part.name) for part in fields(layer)})

    def reference(self, inputs: Sequence[Activations]) -> list[Activations]:
        """Return what the plain operator makes of the rows."""
        order = input_order(self.row_bytes)
        places = [order.index(value) for value in range(self.row_bytes)]
        values = inputs[0].swapaxes(2, 3).reshape(len(inputs[0]), -1, len(order))
        rows = values[:, : self.positions, places].astype(np.int8)
        return super().reference([rows])

    @property
    def scratch_bytes(self) -> int:
        """None: the rows are there."""
        return 0

    def clearance(self, position: int) -> None:  # type: ignore[override]  # noqa: ARG002
        """Each pair of channels reads all rows."""
        return

    def _widening(self) -> Features:
        return {}

    def call(self, arguments: Arguments) -> str:
        """Return the kernel call."""
        matrix = self._matrix_struct(arguments)
        quads = f"(const uint32_t *)(const void *){arguments.inputs[0]}"
        name, target = self.generated[0].name, arguments.outputs[0]
        return "\n".join([*matrix, f"{name}(&matrix, {quads}, {self.positions}, {target});"])


def widens_alone(operator: Operator) -> WidenedRows | None:
    """Return how a layer widens all its rows at once, None for layers that do something else."""
    if type(operator) is not MatrixProduct or operator.positions > 4 * operator.quads_per_strip:
        return None
    rows = WidenedRows(operator.positions, operator.row_bytes)
    assert operator.scratch_bytes == rows.widened_shape[0] * quad_bytes(operator.matrix.depth)
    return rows
