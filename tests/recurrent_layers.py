"""Recurrent layers with random weights, for cases and for a larger network."""

from __future__ import annotations

import numpy as np

from mcu_slm.ir import GraphBuilder


def lstm_layer(
    b: GraphBuilder,
    rng: np.random.Generator,
    x: int,
    input_scale: float,
    units: int,
    *,
    time_major: bool = False,
    cell_power: int = -11,
    hidden: tuple[float, int] = (1 / 128, -3),
    weight_scale: float = 0.008,
    clip: float = 0.0,
    output: tuple[float, int] | None = None,
) -> int:
    """Add the node with random weights and return its output."""
    first, second, inputs = b.shape(x)
    batches = second if time_major else first
    scales = rng.uniform(0.5, 1.5, 8) * weight_scale
    weights = [
        _weights(b, rng, f"{kind}_{gate}", (units, width), scales[4 * n + gate])
        for n, (kind, width) in enumerate((("weights", inputs), ("recurrent", units)))
        for gate in range(4)
    ]
    biases = [
        b.tensor(
            f"bias_{gate}", (units,), "int32",
            scale=input_scale * scales[gate], data=rng.integers(-4000, 4000, units),
        )
        for gate in range(4)
    ]  # fmt: skip
    state = (batches, units)
    hidden_scale, hidden_zero_point = hidden
    h = b.tensor("h", state, scale=hidden_scale, zero_point=hidden_zero_point, is_variable=True)
    c = b.tensor("c", state, "int16", scale=2.0**cell_power, is_variable=True)
    # The bytes are the hidden state's, whatever the output says of itself.
    scale, zero_point = output or hidden
    y = b.tensor("lstm", (first, second, units), scale=scale, zero_point=zero_point)
    absent = [-1]
    inputs_of_node = [x, *weights, *absent * 3, *biases, *absent * 2, h, c, *absent * 4]
    b.node(
        "UNIDIRECTIONAL_SEQUENCE_LSTM", inputs_of_node, [y],
        fused_activation_function="TANH", cell_clip=clip, proj_clip=0.0, time_major=time_major,
    )  # fmt: skip
    return y


def _weights(
    b: GraphBuilder, rng: np.random.Generator, name: str, shape: tuple[int, int], scale: float
) -> int:
    return b.tensor(name, shape, scale=scale, data=rng.integers(-127, 128, shape))
