"""What token models add to the graph: numbers from samples, rows of tables, masks, surprise.

GATHER picks rows by int32 numbers, which have a zero point of 0. QUANTIZE makes them of int8 codes
with scale 1: it takes off the zero point. Codes of another scale are first taken for such numbers,
from 0 for the code -128 on, by a CAST, in which scales and zero points play no part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import GraphBuilder
from mcu_slm.quant import (
    INT8_MAX,
    INT8_MIN,
    LOG_SOFTMAX_SCALE,
    LOG_SOFTMAX_ZERO_POINT,
    SURPRISE_SCALE,
    SURPRISE_ZERO_POINT,
    bins_of_codes,
    masked_quantization,
    quantize_activation,
    snap_scale,
)

if TYPE_CHECKING:
    from mcu_slm.convert.emit import Handle, Ranges, TensorLike

_INT8 = 9
"""The number of the type int8 in the format."""


class TokenGraphOps(ABC):
    """The operators of token models; see `mcu_slm.train.backends.operators`."""

    _builder: GraphBuilder
    _ranges: Ranges
    _constants: dict[str, int]

    def take(self, name: str, x: Handle, start: int, stop: int) -> Handle:
        """Add a SLICE along the tokens."""
        return self._slice(name, x, 2, start, stop)

    def tokenize(self, name: str, x: Handle, channel: int, edges: TensorLike) -> Handle:
        """Add a GATHER from the bins of all codes."""
        if x.shape[3] > 1:
            x = self._slice(f"{name}/channel", x, 3, channel, channel + 1)
        x = self.reshape(f"{name}/row", x, x.shape[1:3])
        table = self._table(f"{name}/bins", bins_of_codes(edges.detach(), x.scale, x.zero_point))
        codes = self._activation(f"{name}/codes", x.shape, 1.0, INT8_MIN)
        self._node("CAST", [x], codes, in_data_type=_INT8, out_data_type=_INT8)
        return self._gather(name, table, codes, (1.0, 0))

    def embed(self, name: str, tokens: Handle, table: TensorLike) -> Handle:
        """Add a GATHER from the embeddings."""
        scale, zero_point = self._ranges.quantization(f"{name}/table")
        rows = quantize_activation(np.asarray(table.detach(), np.float32), scale, zero_point)
        number = self._table(f"{name}/table", rows, scale, zero_point)
        return self._gather(name, number, tokens, (scale, zero_point))

    def causal(self, name: str, scores: Handle) -> Handle:
        """Add an ADD that takes so much off what comes later that it ends at the lowest code."""
        width = scores.shape[-1]
        scale, zero_point, penalty = masked_quantization(scores.scale, scores.zero_point)
        key = f"later_than_{width}/{penalty!r}"
        if key not in self._constants:
            codes = np.triu(np.full((1, 1, width, width), -INT8_MAX, np.int8), 1)
            self._constants[key] = self._table(
                f"later_{len(self._constants)}", codes, snap_scale(penalty / INT8_MAX)
            )
        y = self._activation(name, scores.shape, scale, zero_point)
        mask = self._constants[key]
        options = {"fused_activation_function": "NONE", "pot_scale_int16": True}
        self._node("ADD", [scores, mask], y, **options)
        return y

    def surprise(self, name: str, logits: Sequence[Handle], tokens: Sequence[Handle]) -> Handle:
        """Add LOG_SOFTMAX, GATHER of the token that came as a one, MUL and MEAN."""
        size = logits[0].shape[-1]
        # The ones are -1 in code, to change the sign, and worth as many as there are tokens, so
        # that the mean is over positions alone.
        product = (SURPRISE_SCALE * size, SURPRISE_ZERO_POINT)
        products = []
        for i, (scores, numbers) in enumerate(zip(logits, tokens, strict=True)):
            ones = self._ones(size)
            came = self._gather(f"{name}/came{i}", ones, numbers, (float(size), 0))
            fixed = (LOG_SOFTMAX_SCALE, LOG_SOFTMAX_ZERO_POINT)
            likelihood = self._activation(f"{name}/log_softmax{i}", scores.shape, *fixed)
            self._node("LOG_SOFTMAX", [scores], likelihood)
            y = self._activation(f"{name}/picked{i}", scores.shape, *product)
            self._node("MUL", [likelihood, came], y, fused_activation_function="NONE")
            products.append(y)
        joined = products[0] if len(products) == 1 else self.concat(f"{name}/picked", products)
        mean = self._activation(name, (1, 1, 1, 1), SURPRISE_SCALE, SURPRISE_ZERO_POINT)
        self._node("MEAN", [joined, self._integers("axes", (2, 3))], mean, keep_dims=True)
        return mean

    def _slice(self, name: str, x: Handle, axis: int, start: int, stop: int) -> Handle:
        begin, size = [0] * len(x.shape), list(x.shape)
        begin[axis], size[axis] = start, stop - start
        y = self._activation(name, tuple(size), x.scale, x.zero_point)
        corners = [self._integers("begin", tuple(begin)), self._integers("size", tuple(size))]
        self._node("SLICE", [x, *corners], y)
        return y

    def _gather(self, name: str, table: int, x: Handle, quantization: tuple[float, int]) -> Handle:
        """Pick the rows numbered by x, which has scale 1."""
        numbers = self._activation(f"{name}/numbers", x.shape, 1.0, 0, "int32")
        self._node("QUANTIZE", [x], numbers)
        shape = (*x.shape, *self._builder.shape(table)[1:])
        y = self._activation(name, shape, *quantization)
        self._node("GATHER", [table, numbers], y, axis=0, batch_dims=0)
        return y

    def _ones(self, size: int) -> int:
        """Return the table whose row i has a one at i."""
        key = f"ones_{size}"
        if key not in self._constants:
            self._constants[key] = self._table(key, -np.eye(size, dtype=np.int8), float(size))
        return self._constants[key]

    def _table(
        self, name: str, codes: npt.NDArray[np.int8], scale: float = 1.0, zero_point: int = 0
    ) -> int:
        return self._builder.tensor(
            name, codes.shape, scale=scale, zero_point=zero_point, data=codes
        )

    @abstractmethod
    def reshape(self, name: str, x: Handle, shape: tuple[int, ...]) -> Handle:
        """Add a RESHAPE."""

    @abstractmethod
    def concat(self, name: str, parts: Sequence[Handle]) -> Handle:
        """Add a CONCATENATION along the last axis."""

    @abstractmethod
    def _activation(
        self,
        name: str,
        shape: tuple[int, ...],
        scale: float,
        zero_point: int,
        dtype: str = "int8",
    ) -> Handle: ...

    @abstractmethod
    def _integers(self, what: str, values: tuple[int, ...]) -> int: ...

    @abstractmethod
    def _node(self, op: str, inputs: Sequence[Handle | int], y: Handle, **options: Any) -> None: ...
