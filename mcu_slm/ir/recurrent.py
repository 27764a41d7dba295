"""Adds recurrent layers to a graph under construction, from their float weights.

Gates come in the order of the operator: input, forget, cell, output. U, I: units, inputs of a step.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mcu_slm.ir.builder import GraphBuilder
from mcu_slm.quant import GATE_SCALE, HIDDEN_SCALE, quantize_bias, quantize_weights

GATES = ("input", "forget", "cell", "output")
VERSION = 2
"""The version of the operator that takes int8."""

_ABSENT = -1


class LstmArrays(NamedTuple):
    """What a layer has learned. Shapes: weights [4, U, I], recurrent [4, U, U], bias [4, U]."""

    weights: npt.NDArray[np.float32]
    recurrent: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def add_lstm(
    builder: GraphBuilder,
    name: str,
    x: int,
    input_scale: float,
    arrays: LstmArrays,
    cell_scale: float,
) -> int:
    """Add a UNIDIRECTIONAL_SEQUENCE_LSTM over x and return its output.

    Each gate's matrices have a scale of their own. Shapes: x: [1, steps, I] -> [1, steps, U].
    """
    units = arrays.weights.shape[1]
    weights, scales = quantize_weights(arrays.weights, axis=0)
    recurrent, recurrent_scales = quantize_weights(arrays.recurrent, axis=0)

    def matrices(
        kind: str, codes: npt.NDArray[np.int8], scale: npt.NDArray[np.float32]
    ) -> list[int]:
        return [
            builder.tensor(f"{name}/{kind}_{gate}", codes.shape[1:], scale=scale[n], data=codes[n])
            for n, gate in enumerate(GATES)
        ]

    inputs = [
        x,
        *matrices("weights", weights, scales),
        *matrices("recurrent", recurrent, recurrent_scales),
        *[_ABSENT] * 3,  # peepholes
        *_biases(builder, name, arrays.bias, input_scale, scales),
        *[_ABSENT] * 2,  # projection
        builder.tensor(f"{name}/hidden", (1, units), scale=HIDDEN_SCALE, is_variable=True),
        builder.tensor(f"{name}/cell", (1, units), "int16", scale=cell_scale, is_variable=True),
        *[_ABSENT] * 4,  # layer normalisation
    ]
    shape = (*builder.shape(x)[:2], units)
    y = builder.tensor(name, shape, scale=HIDDEN_SCALE)
    builder.node(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        inputs,
        [y],
        version=VERSION,
        intermediates=_intermediates(builder, name),
        fused_activation_function="TANH",
        cell_clip=0.0,
        proj_clip=0.0,
        time_major=False,
        asymmetric_quantize_inputs=False,
        diagonal_recurrent_tensors=False,
    )
    return y


def _intermediates(builder: GraphBuilder, name: str) -> tuple[int, ...]:
    """Add empty tensors that tell the scales inside; TFLM does without, LiteRT asks for them."""
    gates = [
        builder.tensor(f"{name}/sums_{gate}", (0,), "int16", scale=GATE_SCALE) for gate in GATES
    ]
    return (*gates, builder.tensor(f"{name}/shown", (0,), scale=HIDDEN_SCALE))


def _biases(
    builder: GraphBuilder,
    name: str,
    bias: npt.NDArray[np.float32],
    input_scale: float,
    scales: npt.NDArray[np.float32],
) -> list[int]:
    """Add a bias per gate; it joins the products with the inputs, not those with hidden states."""
    return [
        builder.tensor(
            f"{name}/bias_{gate}",
            bias[n].shape,
            "int32",
            scale=np.float64(input_scale) * np.float64(scales[n]),
            data=quantize_bias(bias[n], input_scale, scales[n]),
        )
        for n, gate in enumerate(GATES)
    ]
