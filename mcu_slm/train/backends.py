"""What a student needs from what it runs on: one network, several kinds of arithmetic.

`Student.forward(ops, x)` calls only the operators below. Four backends offer them:

    FloatOps       PyTorch float32: training, with batch statistics in the normalisation
    FakeQuantOps   PyTorch float32 with every tensor on its int8 grid: quantisation-aware training
    ExactOps       NumPy integers, equal to the int8 kernels of TensorFlow Lite Micro in every bit
    GraphOps       (in `mcu_slm.convert`) adds tensors and operators to an int8 graph

Dimension letters: B batch, N attention windows, W tokens in one of them, C channels. Activations
are [B, N, W, C]. Shapes given to `reshape` leave out the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import torch

Value = TypeVar("Value")
"""What a backend passes on: a tensor, codes with their scale, the number of a tensor."""

SOFTMAX_SCALE, SOFTMAX_ZERO_POINT = 1.0 / 256.0, -128
"""The output quantisation that TensorFlow Lite fixes for SOFTMAX."""


class Operators(Protocol[Value]):
    """What a student is made of. `name` becomes that of the tensor and later of a C function."""

    def conv(
        self,
        name: str,
        x: Value,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        stride: int,
        padding: str,
    ) -> Value:
        """Convolve along W.

        Shapes: x: [B, 1, W, C], weight: [out, kernel, C], bias: [out] -> [B, 1, tokens, out].
        """
        ...

    def linear(
        self,
        name: str,
        x: Value,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
    ) -> Value:
        """Apply one linear layer to every token. Shapes: x: [B, N, W, C], weight: [out, C]."""
        ...

    def matmul(
        self, name: str, a: Value, b: Value, *, transpose_b: bool = False, group: str | None = None
    ) -> Value:
        """Multiply the last two axes. Outputs of one `group` share one scale."""
        ...

    def softmax(self, name: str, x: Value) -> Value:
        """Softmax over the last axis."""
        ...

    def add(self, name: str, a: Value, b: Value) -> Value:
        """Add two values of one shape (a constant without batch axis counts as one)."""
        ...

    def constant(self, name: str, value: torch.Tensor) -> Value:
        """Make a learned tensor a value. Shapes: value: [N, W, C]."""
        ...

    def concat(self, name: str, parts: Sequence[Value]) -> Value:
        """Join values of one group along the last axis."""
        ...

    def reshape(self, name: str, x: Value, shape: tuple[int, ...]) -> Value:
        """Reshape all but the batch axis."""
        ...

    def batch_values(self, x: Value) -> torch.Tensor | None:
        """Return the values of `x` where normalisation learns from the batch, else None."""
        ...
