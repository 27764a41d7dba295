"""Every table equals the judge on all 256 inputs, for many scales, zero points and options.

Ratios of scales lie next to numbers with few bits, where products fall on ties: there a multiplier
formed in float32 instead of float64 shows.
"""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm import judge, ops, tflite
from mcu_slm.errors import ModelError
from mcu_slm.ir import Graph
from tests.models import merge, needs_judge
from tests.ops.builders import Quantized, unary
from tests.ops.cases_elementwise import SIGMOID, TANGENT

SETS = 120
RATIOS = (0.0625, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25, 1.5, 2.5, 3.5)
ALPHAS = (0.0, 0.01, 0.1, 0.2, 0.6, 0.7, 1.0, 1.5, -0.3)
ALL_INT8 = np.arange(-128, 128, dtype=np.int8)


def near(value: float, rng: np.random.Generator) -> float:
    """Return a float32 at most two steps from `value`."""
    near_by = np.float32(value)
    for _ in range(int(rng.integers(0, 3))):
        near_by = np.nextafter(near_by, np.float32(rng.choice([0.0, 1e9])))
    return float(near_by)


def quantizations(op: str, number: int, rng: np.random.Generator) -> tuple[Quantized, Quantized]:
    """Return input and output: near ties, anywhere in the usual range, far beyond it."""
    points = [int(rng.choice([-128, 127, 0, rng.integers(-128, 128)])) for _ in range(2)]
    exponents = (-7.0, 1.2) if number % 3 == 2 else (-3.5, 0.3)
    scales = [float(np.float32(10 ** rng.uniform(*exponents))) for _ in range(2)]
    if number % 3 == 0:
        # 2 + 1/2^16 and its like are where the 16-bit mantissas of HARD_SWISH tip over.
        odd = float(rng.integers(1 << 15, 1 << 16)) / (1 << 9)
        ratio = odd if op == "HARD_SWISH" else float(rng.choice(RATIOS))
        scales[1] = near(scales[0] / ratio, rng)
    source = (scales[0], points[0])
    if op == "RELU6":
        return source, source
    return source, {"LOGISTIC": SIGMOID, "TANH": TANGENT}.get(op, (scales[1], points[1]))


def tables(op: str) -> tuple[list[Graph], int]:
    """Return graphs of the operator, and how many were refused."""
    rng, graphs, refused = np.random.default_rng(17), [], 0
    for number in range(SETS):
        source, target = quantizations(op, number, rng)
        options = {"alpha": float(rng.choice(ALPHAS))} if op == "LEAKY_RELU" else {}
        graph = unary(op, "all inputs", (1, 256), source, target, **options).graph
        try:
            ops.parse_graph(graph)
        except ModelError:
            refused += 1
        else:
            graphs.append(graph)
    return graphs, refused


@needs_judge
@pytest.mark.unit
@pytest.mark.parametrize(
    "op",
    ["ABS", "ELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "TANH"],
)
def test_all_inputs_equal_the_judge(op: str) -> None:
    graphs, refused = tables(op)
    assert len(graphs) >= 50
    # HARD_SWISH is refused wherever the output is finer than 1/128 of the input, as in the judge.
    assert refused <= (60 if op == "HARD_SWISH" else 6)
    windows = [ALL_INT8.reshape(1, 1, 256)] * len(graphs)
    outputs = judge.run(tflite.write_model(merge(graphs)), windows)
    for graph, judged in zip(graphs, outputs, strict=True):
        (table,) = ops.parse_graph(graph)[0].reference([ALL_INT8])
        quantization = [tensor.quantization for tensor in graph.tensors]
        np.testing.assert_array_equal(table, judged.reshape(-1), err_msg=str(quantization))


@needs_judge
@pytest.mark.unit
def test_log_softmax_of_all_distances_equals_the_judge() -> None:
    """The row's sum takes many values, each element's distance to the maximum all 256."""
    graphs, windows = [], []
    for scale in (1e-5, 0.003, 0.02, 0.0625, 0.12, 0.4, 3.0):
        for depth in (1, 2, 6, 40):
            rows = np.repeat(ALL_INT8[:, None], depth, axis=1)
            rows = np.concatenate([np.full((256, 1), 127), rows], axis=1).astype(np.int8)
            target = (1 / 16, 127)
            graphs.append(unary("LOG_SOFTMAX", "", (256, depth + 1), (scale, 0), target).graph)
            windows.append(rows[None])
    outputs = judge.run(tflite.write_model(merge(graphs)), windows)
    for graph, window, judged in zip(graphs, windows, outputs, strict=True):
        (found,) = ops.parse_graph(graph)[0].reference([window])
        np.testing.assert_array_equal(found, judged)
