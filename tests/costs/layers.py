"""The layers that the costs are measured on: a few dozen of varied shapes per kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.ops.builders import pair, unary
from tests.ops.case import Case, rng_of
from tests.ops.cases import (
    batch_matmul,
    concatenation,
    conv,
    fully_connected,
    split,
    transpose,
)
from tests.ops.cases_moving import chosen, move
from tests.ops.cases_recurrent import lstm
from tests.ops.cases_reducing import reduced
from tests.ops.cases_streaming import svdf
from tests.ops.cases_types import OUTPUTS, SOURCES, converted
from tests.ops.cases_windows import depthwise, pad, pool

Cases = Iterator[Case]
ACTIVATIONS = ("NONE", "RELU", "RELU6")


def convolutions() -> Cases:
    """Pointwise ones and windows, few positions and many, padding, strides, dilation, clamps."""
    for n, (channels, depth, size) in enumerate(
        [(8, 8, 5), (16, 32, 4), (7, 12, 6), (64, 64, 5), (33, 24, 3), (96, 80, 4), (2, 64, 8),
         (1, 32, 9), (17, 100, 3), (32, 128, 2), (64, 16, 9), (12, 256, 2), (40, 144, 3)]
    ):  # fmt: skip
        real = 0.0004 * (1 + n % 3)
        yield conv(
            f"pointwise {n}", (1, size, size + n % 4, depth), (1, 1), channels,
            activation=ACTIVATIONS[n % 3], real=real, per_channel=n % 4 != 3,
            zero_points=(-128, -128) if n % 2 else (-5, 3),
        )  # fmt: skip
    for n, (channels, depth, size, kernel, stride, dilation, padding) in enumerate(
        [
            (8, 3, (16, 16), (3, 3), (1, 1), (1, 1), "SAME"),
            (16, 16, (10, 12), (3, 3), (1, 1), (1, 1), "SAME"),
            (16, 16, (12, 10), (3, 3), (2, 2), (1, 1), "SAME"),
            (24, 8, (9, 9), (3, 3), (1, 1), (1, 1), "VALID"),
            (12, 4, (11, 13), (5, 3), (2, 1), (1, 1), "VALID"),
            (64, 1, (25, 9), (10, 4), (2, 2), (1, 1), "SAME"),
            (9, 5, (1, 40), (1, 5), (1, 1), (1, 1), "SAME"),
            (32, 6, (1, 64), (1, 8), (1, 4), (1, 1), "VALID"),
            (10, 12, (1, 32), (1, 3), (1, 1), (1, 4), "SAME"),
            (16, 32, (8, 8), (1, 1), (2, 2), (1, 1), "SAME"),
            (64, 32, (8, 8), (3, 3), (2, 2), (1, 1), "SAME"),
            (32, 64, (6, 6), (3, 3), (1, 1), (1, 1), "SAME"),
            (20, 7, (9, 8), (3, 3), (1, 1), (2, 2), "SAME"),
            (8, 3, (24, 24), (3, 3), (2, 2), (1, 1), "SAME"),
            (16, 24, (1, 30), (1, 3), (1, 1), (1, 1), "VALID"),
            (128, 10, (4, 4), (2, 2), (1, 1), (1, 1), "SAME"),
            (16, 16, (32, 20), (3, 3), (1, 1), (1, 1), "SAME"),
        ]
    ):
        yield conv(
            f"window {n}", (1, *size, depth), kernel, channels, padding=padding, stride=stride,
            dilation=dilation, activation=ACTIVATIONS[n % 3], real=0.0006 * (1 + n % 2),
            zero_points=(-128, -128) if n % 2 else (-5, 3),
        )  # fmt: skip


def small_convolutions() -> Cases:
    """Windows of any kind, drawn at random."""
    rng = rng_of("small convolutions")
    for n in range(40):
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 6)))
        stride = (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
        size = (int(rng.integers(4, 18)), int(rng.integers(5, 24)))
        depth = int(rng.integers(1, 13))
        yield conv(
            f"small {n}", (1, *size, depth), kernel, int(rng.integers(1, 40)),
            padding=("SAME", "VALID")[n % 3 == 2], stride=stride, activation=ACTIVATIONS[n % 3],
            dilation=(1, 2) if n % 8 == 7 and stride == (1, 1) else (1, 1),
            real=0.0005 * (1 + n % 2), zero_points=(-128, -128) if n % 4 < 2 else (-5, 3),
            per_channel=n % 5 != 4,
        )  # fmt: skip


def images() -> Cases:
    """Windows of 3x3 over images, which Winograd's transforms are for."""
    rng = rng_of("images")
    for n in range(54):
        depth = int(rng.choice([8, 12, 16, 20, 24, 32, 36, 40, 48, 56, 64, 72, 80, 96]))
        channels = 2 * int(rng.integers(3, 33))
        limit = max(4, min(48, int((20_000 / max(depth, channels)) ** 0.5)))
        size = (int(rng.integers(4, limit + 1)), int(rng.integers(4, limit + 1)))
        yield conv(
            f"image {n}", (1, *size, depth), (3, 3), channels,
            padding=("SAME", "VALID")[n % 5 == 4], activation=ACTIVATIONS[n % 3],
            real=0.0005 * (1 + n % 2), zero_points=(-128, -128) if n % 4 < 2 else (-5, 3),
            per_channel=n % 7 != 6,
        )  # fmt: skip


def images_of_fours() -> Cases:
    """The same with whole tiles of 4x4."""
    rng = rng_of("images of fours")
    for n in range(48):
        depth = int(rng.choice([8, 12, 16, 20, 24, 32, 36, 40, 48, 56, 64, 72, 80, 96]))
        channels = 2 * int(rng.integers(3, 33))
        limit = max(1, min(10, int((20_000 / max(depth, channels)) ** 0.5) // 4))
        size = [4 * int(rng.integers(1, limit + 1)) for _ in range(2)]
        more = 2 * (n % 5 == 4)
        yield conv(
            f"fours {n}", (1, size[0] + more, size[1] + more, depth), (3, 3), channels,
            padding=("SAME", "VALID")[n % 5 == 4], activation=ACTIVATIONS[n % 2],
            real=0.0005 * (1 + n % 2), zero_points=(-128, -128) if n % 2 else (-5, 3),
            per_channel=n % 7 != 6,
        )  # fmt: skip


def grouped_convolutions() -> Cases:
    """Convolutions in groups, which only the portable kernel does."""
    for n, (groups, depth, channels) in enumerate([(2, 8, 16), (4, 4, 32), (3, 2, 9)]):
        shape = (1, 7, 6, depth * groups)
        yield conv(f"groups {n}", shape, (3, 2), channels, groups=groups, padding="SAME")


def rows() -> Cases:
    """Fully connected layers over one row, a few and many."""
    for n, (count, inputs, outputs) in enumerate(
        [(1, 64, 12), (1, 640, 128), (1, 128, 640), (1, 128, 8), (1, 8, 128), (1, 33, 7),
         (2, 48, 24), (3, 100, 17), (1, 200, 64), (1, 30, 30), (1, 256, 2), (3, 14, 40),
         (5, 32, 16), (16, 32, 64), (9, 20, 11), (1, 560, 10), (1, 66, 34), (1, 13, 3)]
    ):  # fmt: skip
        for variant in range(3):
            yield fully_connected(
                f"rows {n}, {variant}", (count, inputs), outputs,
                activation=ACTIVATIONS[(n + variant) % 3], real=0.0005 * (1 + n % 2),
                per_channel=n % 2 == 1, zero_points=(-128, -128) if n % 4 < 2 else (7, -6),
            )  # fmt: skip


def wide_rows() -> Cases:
    """Fully connected layers of so many inputs and outputs that the outputs go panel by panel."""
    for n, (count, inputs, outputs) in enumerate(
        [(1, 72, 24), (1, 76, 40), (1, 96, 128), (1, 100, 33), (2, 128, 64), (1, 140, 320),
         (3, 160, 30), (1, 192, 272), (1, 256, 48), (1, 270, 96), (2, 320, 40), (1, 400, 32)]
    ):  # fmt: skip
        for variant in range(3):
            yield fully_connected(
                f"wide rows {n}, {variant}", (count, inputs), outputs,
                activation=ACTIVATIONS[(n + variant) % 3], real=0.0005 * (1 + n % 2),
                per_channel=n % 2 == 1, zero_points=(-128, -128) if n % 4 < 2 else (7, -6),
            )  # fmt: skip


def depthwise_convolutions() -> Cases:
    """Images and sequences, one filter per channel and several."""
    for n, (channels, size, kernel, stride, multiplier, padding) in enumerate(
        [
            (64, (25, 5), (3, 3), (1, 1), 1, "SAME"),
            (8, (24, 24), (3, 3), (1, 1), 1, "SAME"),
            (16, (20, 20), (3, 3), (2, 2), 1, "SAME"),
            (32, (12, 12), (3, 3), (1, 1), 1, "SAME"),
            (128, (6, 6), (3, 3), (1, 1), 1, "SAME"),
            (256, (3, 3), (3, 3), (1, 1), 1, "SAME"),
            (64, (12, 12), (3, 3), (2, 2), 1, "SAME"),
            (40, (10, 1), (5, 1), (1, 1), 1, "VALID"),
            (32, (1, 48), (1, 5), (1, 1), 1, "SAME"),
            (24, (1, 40), (1, 3), (1, 2), 1, "SAME"),
            (80, (1, 21), (1, 9), (1, 1), 1, "VALID"),
            (13, (7, 9), (2, 4), (1, 1), 1, "VALID"),
            (36, (9, 5), (4, 2), (2, 1), 1, "SAME"),
            (100, (5, 5), (5, 5), (1, 1), 1, "VALID"),
            (128, (1, 15), (1, 15), (1, 1), 1, "VALID"),
            (48, (30, 1), (3, 1), (1, 1), 1, "SAME"),
            (1, (20, 12), (5, 4), (2, 2), 8, "SAME"),
            (4, (9, 9), (3, 3), (1, 1), 4, "SAME"),
            (3, (8, 7), (2, 2), (1, 1), 20, "VALID"),
            (2, (6, 6), (3, 3), (1, 1), 70, "SAME"),
            (40, (1, 24), (1, 7), (1, 1), 1, "SAME"),
            (20, (1, 25), (1, 11), (1, 1), 1, "VALID"),
            (96, (4, 30), (3, 3), (1, 1), 1, "SAME"),
            (6, (14, 15), (3, 3), (1, 1), 1, "VALID"),
            (17, (16, 12), (3, 3), (1, 1), 1, "SAME"),
            (30, (9, 20), (3, 3), (2, 2), 1, "SAME"),
            (10, (40, 24), (3, 3), (1, 1), 1, "SAME"),
            (44, (48, 48), (3, 3), (1, 1), 1, "SAME"),
            (24, (30, 30), (3, 3), (2, 2), 1, "SAME"),
            (12, (33, 20), (5, 5), (1, 1), 1, "SAME"),
            (28, (11, 50), (2, 3), (1, 1), 1, "VALID"),
            (64, (4, 6), (4, 6), (1, 1), 1, "VALID"),
            (32, (1, 40), (1, 40), (1, 1), 1, "VALID"),
            (16, (7, 1), (7, 1), (1, 1), 1, "VALID"),
            (200, (2, 2), (2, 2), (1, 1), 1, "VALID"),
            (4, (12, 12), (12, 12), (1, 1), 1, "VALID"),
            (96, (3, 3), (3, 3), (1, 1), 1, "VALID"),
            (48, (1, 5), (1, 5), (1, 1), 1, "VALID"),
            (72, (8, 4), (8, 4), (1, 1), 1, "VALID"),
        ]
    ):
        yield depthwise(
            f"depthwise {n}", (1, *size, channels), kernel, multiplier, padding=padding,
            stride=stride, activation=ACTIVATIONS[n % 3], real=0.002 * (1 + n % 2),
            zero_points=(-128, -128) if n % 2 else (-5, 3),
        )  # fmt: skip


def matrix_products() -> Cases:
    """Products of two activations as in attention, both ways round."""
    for n, (batches, rows_, depth, columns) in enumerate(
        [(1, 16, 8, 16), (4, 16, 8, 16), (4, 32, 8, 32), (1, 1, 32, 32), (2, 7, 13, 9),
         (1, 16, 16, 8), (4, 32, 32, 8), (3, 5, 20, 3), (1, 24, 6, 24), (1, 1, 48, 32),
         (1, 10, 10, 10), (2, 12, 64, 4)]
    ):  # fmt: skip
        for adj_y in (False, True):
            right = (batches, columns, depth) if adj_y else (batches, depth, columns)
            left = (batches, rows_, depth)
            yield batch_matmul(f"product {n}, {adj_y}", left, right, adj_y=adj_y)


def row_products() -> Cases:
    """Products of one row, as in pooling by attention."""
    for n, (batches, depth, columns) in enumerate(
        [(1, 32, 32), (1, 48, 32), (4, 16, 8), (1, 7, 13), (2, 13, 9), (1, 64, 3), (3, 5, 18),
         (1, 100, 40), (1, 21, 24)]
    ):  # fmt: skip
        yield batch_matmul(f"row {n}", (batches, 1, depth), (batches, depth, columns))


def recurrent_layers() -> Cases:
    """Sequences of some lengths, widths of input and state."""
    for n, (steps, inputs, units) in enumerate(
        [(10, 8, 8), (28, 28, 20), (16, 32, 24), (12, 3, 16), (5, 40, 12), (20, 6, 32),
         (8, 13, 7), (3, 64, 30), (30, 16, 4), (6, 20, 21)]
    ):  # fmt: skip
        yield lstm(f"lstm {n}", (1, steps, inputs), units, weight_scale=0.004 * (1 + n % 3))
    yield lstm("lstm, two batches", (2, 9, 12), 10)
    for n, (steps, inputs, units) in enumerate([(12, 20, 18), (25, 7, 9), (6, 50, 34)]):
        shape = (1, steps, inputs)
        yield lstm(f"lstm clipped {n}", shape, units, clip=0.7, weight_scale=0.02)
        yield lstm(f"lstm fine {n}", shape, units, cell_power=-15, weight_scale=0.03)
        yield lstm(f"lstm scaled {n}", shape, units, hidden=(1 / 100, 20))


def filters_over_time() -> Cases:
    """SVDF layers of both types of memory."""
    for n, (batches, inputs, units, rank, steps) in enumerate(
        [(1, 16, 8, 1, 8), (1, 40, 20, 2, 10), (2, 7, 5, 3, 6), (1, 25, 32, 1, 20),
         (1, 60, 6, 4, 3), (3, 12, 10, 2, 15)]
    ):  # fmt: skip
        for memory in ("int8", "int16"):
            name, shape = f"svdf {n}, {memory}", (batches, inputs)
            yield svdf(name, shape, units, rank=rank, steps=steps, memory=memory)


def two_operands(op: str) -> Callable[[], Cases]:
    """Equal shapes, a vector, a value per row; with activation and without."""

    def cases() -> Cases:
        for n, (one, other) in enumerate(
            [((1, 512), (1, 512)), ((1, 8, 33), (33,)), ((6, 41), (6, 1)), ((3, 5, 7), (5, 7)),
             ((1, 1000), (1,)), ((1, 30), (1, 30)), ((16, 32), (16, 32)), ((12, 5), (12, 1)),
             ((9, 4), (4,)), ((1, 255), (1, 255)), ((40, 17), (40, 1)), ((20, 6), (6,))]
        ):  # fmt: skip
            activations = ("NONE", "RELU") if op in ("ADD", "SUB", "MUL") else (None,)
            for activation in activations:
                yield pair(op, f"{op} {n} {activation}", one, other, activation=activation)

    return cases


SHORT = (
    ((1, 512), (1, 512)), ((8, 33), (33,)), ((6, 41), (6, 1)), ((1, 77), (1, 77)),
    ((30, 8), (8,)), ((25, 9), (25, 1)), ((4, 200), (4, 200)),
)  # fmt: skip


def sums_in_one_shift() -> Cases:
    """Equal shapes, a vector, a value per row."""
    for n, (one, other) in enumerate(SHORT):
        scales = (0.030124, 0.029913, 0.0602)
        for activation in ("NONE", "RELU"):
            yield pair(
                "ADD", f"short {n} {activation}", one, other, scales=scales,
                zero_points=(-3, 4, 1), activation=activation,
            )  # fmt: skip


def other_forms() -> Cases:
    """Products that shift left."""
    for n, (one, other) in enumerate(SHORT):
        for op, activation in (("MUL", "NONE"), ("SQUARED_DIFFERENCE", None)):
            scales = (0.7, 0.8, 3e-4)
            yield pair(op, f"left {n}", one, other, scales=scales, activation=activation)


def element_by_element() -> Cases:
    """Tables, and conversions between types."""
    for n, count in enumerate([1, 7, 64, 333, 1000, 50, 129, 18]):
        yield unary("TANH", f"table {n}", (1, count), (0.05, 3), (1 / 128, 0))
        yield unary("LOGISTIC", f"sigmoid {n}", (1, count), (0.05, 3), (1 / 256, -128))
    for count in (5, 60, 400):
        for source, target in [
            ("float32", "int8"), ("float32", "int16"), ("int16", "int8"), ("int8", "int16"),
            ("int8", "int32"), ("int16", "int32"), ("int16", "int16"), ("uint8", "int8"),
        ]:  # fmt: skip
            name = f"{source} to {target}, {count}"
            yield converted("QUANTIZE", name, (1, count), SOURCES[source], OUTPUTS[target])
        for source in ("int8", "int16", "uint8"):
            kinds = SOURCES[source], SOURCES["float32"]
            yield converted("DEQUANTIZE", f"{source}, {count}", (1, count), *kinds)


def moved_bytes() -> Cases:
    """Transposed, joined, split, picked, reversed, padded."""
    for n, (shape, order) in enumerate(
        [((16, 32), (1, 0)), ((1, 16, 4, 8), (0, 2, 1, 3)), ((3, 5, 7), (2, 1, 0)),
         ((1, 16, 3, 4, 8), (2, 0, 3, 1, 4)), ((6, 40, 9), (1, 0, 2)), ((9, 6, 4), (0, 2, 1)),
         ((2, 31, 20), (1, 0, 2)), ((8, 33), (1, 0)), ((5, 6, 3), (1, 0, 2)),
         ((12, 3, 16), (1, 0, 2)), ((1, 16, 4, 24), (0, 2, 1, 3)),
         ((7, 9, 12), (1, 0, 2)), ((4, 30, 28), (1, 0, 2)), ((3, 8, 64), (1, 0, 2)),
         ((11, 13, 5), (1, 0, 2)), ((2, 40, 10), (0, 2, 1)), ((6, 7, 33), (1, 0, 2)),
         ((1, 32, 3, 4, 8), (2, 0, 3, 1, 4)), ((20, 5, 4), (1, 0, 2))]
    ):  # fmt: skip
        yield transpose(f"transpose {n}", shape, order)
    for n, (outer, widths) in enumerate(
        [(16, (8, 8, 8, 8)), (10, (3, 5)), (1, (40, 60)), (20, (24, 24)), (7, (17, 9, 1)),
         (31, (48, 48)), (5, (6, 100)), (12, (11, 30)), (64, (4, 7))]
    ):  # fmt: skip
        yield concatenation(f"join {n}", [(outer, width) for width in widths], axis=1)
    for n, (shape, parts) in enumerate([((3, 513), 3), ((10, 60), 4), ((16, 33), 3), ((9, 12), 6)]):
        yield split(f"split {n}", shape, 1, parts)
    for n, shape in enumerate([(16, 24), (1, 30, 8), (20, 3, 6), (5, 64), (40, 17)]):
        yield move("REVERSE_V2", f"reverse {n}", shape, shape, [(0,)])
    for n, (rows_, width, picks) in enumerate(
        [(20, 32, 16), (9, 5, 7), (50, 64, 10), (7, 19, 30), (12, 8, 12), (6, 100, 4), (30, 15, 9),
         (9, 3, 40), (40, 33, 5), (15, 16, 25), (8, 200, 3)]
    ):  # fmt: skip
        yield chosen("GATHER", f"numbers {n}", (rows_, width), (picks,))
    for n, (shape, by) in enumerate([((1, 9, 7, 5), 1), ((1, 20, 3, 16), 2), ((1, 5, 5, 24), 1),
                                     ((1, 1, 40, 9), 3), ((1, 12, 12, 3), 1), ((1, 7, 15, 8), 2),
                                     ((2, 6, 9, 13), 1), ((1, 30, 2, 40), 1)]):  # fmt: skip
        yield pad("PAD", f"pad {n}", shape, (0, 0, by, by, by, 0, 0, 0))


def sums_and_pools() -> Cases:
    """Pools and reductions."""
    for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for n, (shape, window, stride, padding) in enumerate(
            [((1, 8, 8, 64), (8, 8), (8, 8), "VALID"), ((1, 12, 10, 6), (2, 2), (2, 2), "VALID"),
             ((1, 25, 5, 32), (25, 5), (1, 1), "VALID"), ((1, 9, 9, 11), (3, 3), (2, 2), "SAME"),
             ((1, 1, 40, 13), (1, 4), (1, 2), "VALID"), ((1, 7, 5, 3), (3, 3), (1, 1), "SAME"),
             ((1, 3, 3, 256), (3, 3), (1, 1), "VALID"), ((1, 16, 16, 8), (4, 4), (4, 4), "SAME"),
             ((1, 20, 6, 2), (5, 2), (5, 2), "VALID"), ((1, 6, 6, 20), (2, 3), (1, 1), "VALID")]
        ):  # fmt: skip
            yield pool(op, f"pool {n}", shape, window, stride, padding=padding)
    shapes = [
        ((1, 16, 32), (1,)), ((1, 50, 17), (1,)), ((4, 9, 7), (0, 2)), ((1, 6, 5, 24), (1, 2)),
        ((30, 8), (1,)), ((2, 77), (1,)), ((5, 3, 4, 6), (1, 3)), ((1, 24, 64), (1,)),
        ((8, 100), (0,)), ((13, 5), (0,)), ((7, 41), (1,)), ((3, 4, 50), (1, 2)),
        ((1, 12, 2), (1,)), ((6, 20, 3), (1,)), ((1, 9, 11, 5), (1, 2)),
    ]  # fmt: skip
    for n, (shape, axes) in enumerate(shapes):
        yield reduced("MEAN", f"mean {n}", shape, axes, (0.05, 3), (0.04, -7))
        yield reduced("SUM", f"sum {n}", shape, axes, (0.05, 3), (0.3, -7))
        for op in ("REDUCE_MAX", "REDUCE_MIN"):
            yield reduced(op, f"{op} {n}", shape, axes, (0.05, 3), (0.05, 3))


def probabilities() -> Cases:
    """Softmax of rows of all lengths."""
    for n, (count, depth) in enumerate(
        [(16, 16), (1, 10), (1, 2), (32, 32), (4, 7), (1, 100), (64, 16), (3, 33), (128, 32),
         (1, 12), (5, 1), (2, 257)]
    ):  # fmt: skip
        scale = (0.02, 0.1, 0.3, 0.04)[n % 4]
        yield unary(
            "SOFTMAX", f"softmax {n}", (count, depth), (scale, 17), (1 / 256, -128), beta=1.0
        )


def whole_images() -> Cases:
    """Averages over all pixels."""
    for n, shape in enumerate(
        [(1, 8, 8, 64), (1, 3, 3, 256), (1, 25, 5, 64), (1, 1, 40, 13), (2, 7, 5, 3), (1, 6, 6, 20),
         (1, 2, 2, 7), (1, 10, 12, 34), (1, 1, 1, 40)]
    ):  # fmt: skip
        yield pool("AVERAGE_POOL_2D", f"whole {n}", shape, shape[1:3], (1, 1))


SEVERAL_WAYS = (
    convolutions, small_convolutions, images, images_of_fours, rows, row_products,
)  # fmt: skip
"""What the dsp family has several ways to do."""

DSP = (
    *SEVERAL_WAYS, depthwise_convolutions, matrix_products, recurrent_layers, whole_images,
    probabilities, two_operands("ADD"), sums_in_one_shift, wide_rows,
)  # fmt: skip
"""What the dsp family has kernels of its own for."""

PORTABLE = (
    convolutions, small_convolutions, grouped_convolutions, rows, depthwise_convolutions,
    matrix_products, recurrent_layers, filters_over_time, two_operands("ADD"),
    two_operands("SUB"), two_operands("MUL"), two_operands("SQUARED_DIFFERENCE"),
    two_operands("MAXIMUM"), two_operands("MINIMUM"), two_operands("PRELU"), sums_in_one_shift,
    other_forms,
    element_by_element, moved_bytes, sums_and_pools, probabilities,
)  # fmt: skip
"""What the portable family is measured on."""
