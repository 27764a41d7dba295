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

from mcu_slm.train.backends.normalization import FoldedBatchNorm
from mcu_slm.train.geometry import Sliding

Value = TypeVar("Value")
"""What a backend passes on: a tensor, codes with their scale, the number of a tensor."""


class Operators(Protocol[Value]):
    """What a student is made of. `name` becomes that of the tensor and later of a C function.

    Outputs of one `group` share one scale. A `norm` normalises the output of its layer, in front of
    the `relu`; everywhere but in training it is part of the layer's weights.
    """

    def conv(
        self,
        name: str,
        x: Value,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Value:
        """Convolve along W.

        Shapes: x: [B, N, W, C], weight: [out, kernel, C], bias: [out] -> [B, N, tokens, out].
        """
        ...

    def depthwise(
        self,
        name: str,
        x: Value,
        weight: torch.Tensor,
        bias: torch.Tensor,
        how: Sliding,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Value:
        """Convolve each channel along W with its own taps. Shapes: weight: [C, kernel]."""
        ...

    def linear(
        self,
        name: str,
        x: Value,
        weight: torch.Tensor,
        bias: torch.Tensor,
        *,
        relu: bool = False,
        norm: FoldedBatchNorm | None = None,
    ) -> Value:
        """Apply one linear layer to every token. Shapes: x: [B, N, W, C], weight: [out, C]."""
        ...

    def matmul(
        self, name: str, a: Value, b: Value, *, transpose_b: bool = False, group: str | None = None
    ) -> Value:
        """Multiply the last two axes."""
        ...

    def softmax(self, name: str, x: Value) -> Value:
        """Softmax over the last axis."""
        ...

    def add(self, name: str, a: Value, b: Value, *, relu: bool = False) -> Value:
        """Add two values of one shape (a constant without batch axis counts as one)."""
        ...

    def mean(self, name: str, x: Value, *, group: str | None = None) -> Value:
        """Average over W. Shapes: x: [B, N, W, C] -> [B, N, 1, C]."""
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

    def lstm(
        self,
        name: str,
        x: Value,
        weights: torch.Tensor,
        recurrent: torch.Tensor,
        bias: torch.Tensor,
    ) -> Value:
        """Run a recurrent layer over the tokens, from a state of zeros; return its hidden states.

        Its output has a fixed scale. The gates are input, forget, cell and output.

        Shapes: x: [B, 1, W, C], weights: [4, U, C], recurrent: [4, U, U], bias: [4, U] ->
            [B, 1, W, U].
        """
        ...

    def tanh(self, name: str, x: Value) -> Value:
        """Hyperbolic tangent of every value; its output has a fixed scale."""
        ...

    def absolute(self, name: str, x: Value) -> Value:
        """Absolute value of every value, at the scale of `x`."""
        ...

    def transpose(self, name: str, x: Value, order: tuple[int, int, int]) -> Value:
        """Reorder the axes behind the batch: `order` names 1, 2 and 3, those of N, W and C."""
        ...

    def reverse(self, name: str, x: Value) -> Value:
        """Turn the order along W."""
        ...

    def pick(self, name: str, x: Value, first: int, count: int, every: int) -> Value:
        """Return every n-th sample of some channels.

        Shapes: x: [B, 1, T, C] -> [B, 1, ceil(T / every), count].
        """
        ...

    def take(self, name: str, x: Value, start: int, stop: int) -> Value:
        """Return some tokens. Shapes: x: [B, N, W, ...] -> [B, N, stop - start, ...]."""
        ...

    def tokenize(self, name: str, x: Value, channel: int, edges: torch.Tensor) -> Value:
        """Return the bin of each sample of one channel: how many edges lie below it.

        Shapes: x: [B, 1, T, C], edges: [V - 1], rising -> numbers [B, 1, T].
        """
        ...

    def embed(self, name: str, tokens: Value, table: torch.Tensor) -> Value:
        """Return the row of each token.

        Shapes: tokens: [B, 1, L], table: [V, D] -> [B, 1, L, D].
        """
        ...

    def causal(self, name: str, scores: Value) -> Value:
        """Make the softmax give no weight to what comes later. Shapes: scores: [B, N, W, W]."""
        ...

    def surprise(self, name: str, logits: Sequence[Value], tokens: Sequence[Value]) -> Value:
        """Return the mean negative log-likelihood of tokens, in nats.

        Shapes: per channel logits: [B, 1, L, V], tokens: [B, 1, L] -> [B, 1, 1, 1].
        """
        ...

    def drop(self, x: Value) -> Value:
        """Set some values to zero at random where a student learns in float, else do nothing."""
        ...

    def batch_values(self, x: Value) -> torch.Tensor | None:
        """Return the values of `x` where normalisation learns from the batch, else None."""
        ...
