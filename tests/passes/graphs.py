"""Small graphs that a pass should change, by the pass's name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcu_slm.ir import Graph, GraphBuilder
from tests.models import indices, random_bias, random_weights
from tests.recurrent_layers import lstm_layer

SCALE = 0.05


class Layers:
    """A builder with one int8 input, and layers in short."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self.b = GraphBuilder(name)
        self.rng = np.random.default_rng(len(name))
        self.x = self.tensor("x", shape)

    def tensor(self, name: str, shape: tuple[int, ...], zero_point: int = -3) -> int:
        """Add an activation."""
        return self.b.tensor(name, shape, scale=SCALE, zero_point=zero_point)

    def reshape(self, x: int, shape: tuple[int, ...], zero_point: int = -3) -> int:
        """Add RESHAPE."""
        y = self.tensor(f"reshaped{shape}", shape, zero_point)
        self.b.node("RESHAPE", [x, indices(self.b, "shape", shape)], [y], new_shape=list(shape))
        return y

    def transpose(self, x: int, axes: Sequence[int]) -> int:
        """Add TRANSPOSE."""
        y = self.tensor(f"turned{axes}", tuple(self.b.shape(x)[axis] for axis in axes))
        self.b.node("TRANSPOSE", [x, indices(self.b, "axes", axes)], [y])
        return y

    def split(self, x: int, axis: int, parts: int) -> list[int]:
        """Add SPLIT."""
        shape = list(self.b.shape(x))
        shape[axis] //= parts
        found = [self.tensor(f"part{part}", tuple(shape)) for part in range(parts)]
        self.b.node("SPLIT", [indices(self.b, "axis", axis), x], found, num_splits=parts)
        return found

    def product(self, x: int, y: int, adj_x: bool = False, adj_y: bool = False) -> int:
        """Add BATCH_MATMUL."""
        left, right = self.b.shape(x), self.b.shape(y)
        rows = left[-1] if adj_x else left[-2]
        columns = right[-2] if adj_y else right[-1]
        z = self.tensor("product", (*left[:-2], rows, columns), zero_point=5)
        self.b.node("BATCH_MATMUL", [x, y], [z], adj_x=adj_x, adj_y=adj_y)
        return z

    def unary(self, op: str, x: int) -> int:
        """Add a layer without operands or options."""
        real = {"TANH": (1 / 128, 0), "LOGISTIC": (1 / 256, -128)}[op]
        y = self.b.tensor(op, self.b.shape(x), scale=real[0], zero_point=real[1])
        self.b.node(op, [x], [y])
        return y

    def scalar(self, op: str, x: int, value: int) -> int:
        """Add a layer with a constant operand."""
        other = self.b.tensor("scalar", (), scale=0.02, zero_point=9, data=value)
        y = self.tensor(op, self.b.shape(x), zero_point=17)
        self.b.node(op, [x, other], [y], fused_activation_function="NONE")
        return y

    def convolution(self, x: int, channels: int, stride: int = 1, padding: str = "VALID") -> int:
        """Add CONV_2D of 3x3."""
        return self._window("CONV_2D", x, channels, stride, padding, (3, 3))

    def depthwise(self, x: int, stride: int = 1, padding: str = "VALID") -> int:
        """Add DEPTHWISE_CONV_2D of 3x3."""
        channels = self.b.shape(x)[3]
        return self._window("DEPTHWISE_CONV_2D", x, channels, stride, padding, (3, 3))

    def rows(self, x: int, channels: int) -> int:
        """Add CONV_2D of 1x1."""
        return self._window("CONV_2D", x, channels, 1, "VALID", (1, 1))

    def _window(
        self, op: str, x: int, channels: int, stride: int, padding: str, kernel: tuple[int, int]
    ) -> int:
        batches, *sizes, depth = self.b.shape(x)
        deep = op == "CONV_2D"
        shape = (channels, *kernel, depth) if deep else (1, *kernel, channels)
        weights, scale = random_weights(self.b, self.rng, shape, per_channel=False)
        bias = random_bias(self.b, self.rng, channels, np.float32(SCALE) * scale)
        same = padding == "SAME"
        lengths = [
            (size + stride - (1 if same else taps)) // stride
            for size, taps in zip(sizes, kernel, strict=True)
        ]
        y = self.tensor(op, (batches, *lengths, channels), zero_point=11)
        multiplier = {} if deep else {"depth_multiplier": 1}
        self.b.node(
            op,
            [x, weights, bias],
            [y],
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            dilation_w_factor=1,
            dilation_h_factor=1,
            fused_activation_function="NONE",
            **multiplier,
        )
        return y

    def pad(self, x: int, widths: Sequence[tuple[int, int]], zero_point: int = -3) -> int:
        """Add PAD."""
        sizes = zip(self.b.shape(x), widths, strict=True)
        y = self.tensor("padded", tuple(n + a + b for n, (a, b) in sizes), zero_point)
        data = self.b.tensor("widths", (len(widths), 2), "int32", data=widths)
        self.b.node("PAD", [x, data], [y])
        return y

    def graph(self, *outputs: int) -> Graph:
        """Return the graph."""
        return self.b.build([self.x], list(outputs))


def still() -> Graph:
    """A transposition of lengths of 1, a whole slice, a single part, a table of every value."""
    a = Layers("still", (1, 6, 1, 4))
    y = a.transpose(a.x, (0, 2, 1, 3))
    z = a.tensor("whole", a.b.shape(y))
    begin, size = (indices(a.b, name, v) for name, v in (("b", (0,) * 4), ("s", (1, 1, 6, 4))))
    a.b.node("SLICE", [y, begin, size], [z])
    (part,) = a.split(z, 3, 1)
    same = a.tensor("same", a.b.shape(part))
    a.b.node("QUANTIZE", [part], [same])
    return a.graph(a.unary("LOGISTIC", same))


def chain() -> Graph:
    """Tables and scalars in a row, a square, and one value that is read twice."""
    a = Layers("chain", (1, 5, 7))
    y = a.scalar("ADD", a.scalar("MUL", a.x, 77), -20)
    square = a.tensor("square", a.b.shape(y))
    a.b.node("MUL", [y, y], [square], fused_activation_function="RELU6")
    twice = a.unary("TANH", square)
    return a.graph(a.scalar("SUB", a.unary("LOGISTIC", twice), 3), twice)


def padded(kind: str, widths: tuple[int, int, int, int], stride: int, padding: str) -> Graph:
    """PAD in front of a window. `widths`: above, below, left, right."""
    top, bottom, left, right = widths
    a = Layers(f"padded {kind}", (1, 7, 6, 4))
    y = a.pad(a.x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    if kind == "CONV_2D":
        return a.graph(a.convolution(y, 6, stride, padding))
    return a.graph(a.depthwise(y, stride, padding))


def merged_heads(windows: int = 1, heads: int = 3, length: int = 6, depth: int = 8) -> Graph:
    """Attention whose heads are cut out of one tensor and put together again."""
    a = Layers("merged heads", (1, windows, length, 3 * heads * depth))
    rows = windows * length
    y = a.reshape(a.x, (1, rows, 3 * heads, depth))
    y = a.reshape(a.transpose(y, (0, 2, 1, 3)), (1, 3 * heads * windows, length, depth))
    query, key, value = a.split(y, 1, 3)
    scores = a.product(query, key, adj_y=True)
    weights = a.b.tensor("weights", a.b.shape(scores), scale=1 / 256, zero_point=-128)
    a.b.node("SOFTMAX", [scores], [weights], beta=1.0)
    mixed = a.product(weights, value)
    mixed = a.reshape(mixed, (1, heads, rows, depth))
    return a.graph(a.reshape(a.transpose(mixed, (0, 2, 1, 3)), (1, windows, length, heads * depth)))


def joined_heads(
    windows: int = 1,
    heads: int = 3,
    length: int = 6,
    depth: int = 8,
    axis: int = 3,
    *,
    soft: bool = True,
    reshaped: bool = False,
    twice: bool = False,
) -> Graph:
    """Heads one by one from rows of their own, joined along an axis.

    `soft`: attention, else a product; `reshaped`: a RESHAPE stands before the join; `twice`: the
    first head is joined twice.
    """
    a = Layers("joined heads", (1, windows, length, depth))
    parts = []
    for head in range(heads):
        width = depth + head if axis == 3 else depth
        query, key, value = (a.rows(a.x, channels) for channels in (depth, depth, width))
        scores = a.product(query, key, adj_y=True)
        if soft:
            weights = a.b.tensor("weights", a.b.shape(scores), scale=1 / 256, zero_point=-128)
            a.b.node("SOFTMAX", [scores], [weights], beta=1.0)
            scores = weights
        part = a.product(scores, value)
        parts.append(a.reshape(part, (1, 1, windows * length, width), 5) if reshaped else part)
    parts += parts[:1] * twice
    shape = list(a.b.shape(parts[0]))
    shape[axis] = sum(a.b.shape(part)[axis] for part in parts)
    y = a.tensor("joined", tuple(shape), zero_point=5)
    a.b.node("CONCATENATION", parts, [y], axis=axis, fused_activation_function="NONE")
    return a.graph(a.unary("LOGISTIC", y))


def chained_attention(heads: int = 4, length: int = 24) -> Graph:
    """The products that end one attention are the scores of the next."""
    a = Layers("chained attention", (1, heads, length, length))
    scores = a.product(a.x, a.x, adj_y=True)
    for _ in range(2):
        weights = a.b.tensor("weights", a.b.shape(scores), scale=1 / 256, zero_point=-128)
        a.b.node("SOFTMAX", [scores], [weights], beta=1.0)
        scores = a.product(weights, a.x)
    return a.graph(scores)


def turned_sides() -> Graph:
    """A product whose left side was transposed and whose right side was read backwards."""
    a = Layers("turned sides", (2, 6, 5))
    back = a.tensor("back", (2, 6, 5))
    a.b.node("REVERSE_V2", [a.x, indices(a.b, "axis", (1,))], [back])
    return a.graph(a.transpose(a.product(a.transpose(a.x, (0, 2, 1)), back), (1, 0, 2)))


def directions(
    batches: int = 1,
    steps: int = 7,
    inputs: int = 6,
    units: int = 5,
    *,
    joined: bool = True,
    time_major: bool = False,
) -> Graph:
    """A recurrent layer from the first step to the last, and one backwards."""
    first, time = (steps, 0) if time_major else (batches, 1)
    a = Layers("directions", (first, batches if time_major else steps, inputs))

    def layer(x: int) -> int:
        return lstm_layer(a.b, a.rng, x, SCALE, units, time_major=time_major, hidden=(SCALE, -3))

    def turned(x: int) -> int:
        y = a.tensor("turned", a.b.shape(x))
        a.b.node("REVERSE_V2", [x, indices(a.b, "axis", (time,))], [y])
        return y

    forward, backward = layer(a.x), turned(layer(turned(a.x)))
    if not joined:
        return a.graph(forward, backward)
    both = a.tensor("both", (*a.b.shape(forward)[:2], 2 * units))
    a.b.node("CONCATENATION", [forward, backward], [both], axis=2)
    return a.graph(both)


def dead() -> Graph:
    """Layers that nothing depends on, two in a row."""
    a = Layers("dead", (1, 4, 5))
    a.unary("TANH", a.transpose(a.x, (0, 2, 1)))
    return a.graph(a.unary("LOGISTIC", a.x))


def siblings(positions: int = 9, depth: int = 12) -> Graph:
    """Three products of the same rows."""
    a = Layers("siblings", (1, 1, positions, depth))
    return a.graph(*(a.rows(a.x, channels) for channels in (8, 5, 14)))


def narrowing() -> Graph:
    """Products of the same number of rows, the first of far wider ones."""
    a = Layers("narrowing", (1, 1, 40, 256))
    return a.graph(a.rows(a.rows(a.x, 16), 16))
