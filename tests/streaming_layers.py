"""Layers that keep state, with random weights, for cases and for a larger network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mcu_slm.ir import HANDLE, Graph, GraphBuilder


def svdf_layer(
    b: GraphBuilder,
    rng: np.random.Generator,
    x: int,
    input_scale: float,
    units: int,
    *,
    rank: int = 1,
    steps: int = 4,
    memory: str = "int16",
    memory_zero_point: int = 0,
    memory_gain: float = 1.0,
    output: tuple[float, int] | None = None,
    time_peak: int | None = None,
    activation: str = "RELU",
) -> int:
    """Add an SVDF over [batches, inputs] and return its output.

    `memory_gain` below 1 lets what is remembered saturate; `output` is scale and zero point.
    """
    batches, inputs = b.shape(x)
    filters, limit = rank * units, int(np.iinfo(memory).max)
    feature_scale, time_scale = 0.01, 1.0 / limit
    spread = input_scale * feature_scale * 73 * 73 * np.sqrt(inputs)
    memory_scale = float(np.float32(memory_gain * 3 * spread / limit))
    peak = limit if time_peak is None else time_peak
    if output is None:
        output = (float(3 * spread * np.sqrt(steps * rank) / 128), 4)
    feature = rng.integers(-127, 128, (filters, inputs))
    time = rng.integers(-peak, peak + 1, (filters, steps))
    bias_scale = np.float32(memory_scale) * np.float32(time_scale)
    inputs_of_node = [
        x,
        b.tensor("feature", (filters, inputs), scale=feature_scale, data=feature),
        b.tensor("time", (filters, steps), memory, scale=time_scale, data=time),
        b.tensor(
            "bias", (units,), "int32", scale=bias_scale, data=rng.integers(-3000, 3000, units)
        ),
        b.tensor(
            "memory", (batches, filters * steps), memory,
            scale=memory_scale, zero_point=memory_zero_point, is_variable=True,
        ),
    ]  # fmt: skip
    y = b.tensor("svdf", (batches, units), scale=output[0], zero_point=output[1])
    b.node("SVDF", inputs_of_node, [y], rank=rank, fused_activation_function=activation)
    return y


def handle(b: GraphBuilder, variable: str, container: str | None = "") -> int:
    """Add a VAR_HANDLE and return its output."""
    tensor = b.tensor(variable, (), HANDLE)
    b.node("VAR_HANDLE", [], [tensor], container=container, shared_name=variable)
    return tensor


def ring_layer(
    b: GraphBuilder,
    x: int,
    quantized: tuple[float, int],
    steps: int,
    variable: str,
    start: npt.ArrayLike | None = None,
) -> int:
    """Add what a streaming convolution begins with: the last `steps` rows, then those of x.

    x is [1, rows, channels]; `start` are the variable's values when a stream begins.
    """
    scale, zero_point = quantized
    rows, channels = b.shape(x)[1:]
    kept, all_rows = (1, steps, channels), (1, steps + rows, channels)
    shapes = (
        (f"{variable}_before", kept),
        (f"{variable}_all", all_rows),
        (f"{variable}_kept", kept),
    )
    before, joined, after = (
        b.tensor(name, shape, scale=scale, zero_point=zero_point) for name, shape in shapes
    )
    ring = handle(b, variable)
    b.node("READ_VARIABLE", [ring], [before])
    b.node("CONCATENATION", [before, x], [joined], axis=1, fused_activation_function="NONE")
    bounds = [
        b.tensor(f"{variable}_{name}", (3,), "int32", data=values)
        for name, values in (
            ("begin", (0, rows, 0)),
            ("end", all_rows),
            ("strides", (1, 1, 1)),
        )
    ]
    b.node(
        "STRIDED_SLICE", [joined, *bounds], [after],
        begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0,
    )  # fmt: skip
    b.node("ASSIGN_VARIABLE", [ring, after], [])
    if start is not None:
        b.start_value(variable, before, np.broadcast_to(np.asarray(start), kept))
    return joined


def streaming() -> Graph:
    """Return a small network that uses every operator that keeps state."""
    rng = np.random.default_rng(12)
    b = GraphBuilder(name="main", description="streaming")
    x = b.tensor("frame", (1, 2, 3), scale=0.05, zero_point=-7)
    b.node("CALL_ONCE", [], [], init_subgraph_index=1)
    joined = ring_layer(b, x, (0.05, -7), 4, "ring", rng.integers(-128, 128, (1, 4, 3)))
    rested = ring_layer(b, joined, (0.05, -7), 1, "rest")
    flat = b.tensor("flat", (1, 21), scale=0.05, zero_point=-7)
    b.node("RESHAPE", [rested], [flat], new_shape=(1, 21))
    wide = svdf_layer(b, rng, flat, 0.05, 6, rank=2, output=(0.06, -20))
    y = svdf_layer(b, rng, wide, 0.06, 3, steps=3, memory="int8", memory_zero_point=-9)
    return b.build([x], [y])
