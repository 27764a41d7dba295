"""Recurrent layers."""

from __future__ import annotations

import numpy as np

from tests.prove.draft import Draft, Value
from tests.recurrent_layers import lstm_layer


def lstm(d: Draft, op: str) -> None:
    """Either order of the axes, several batches, scales from vanishing gates to saturated ones."""
    source = d.take((3,), lambda v: v.count <= 512 and v.scale < 100.0)
    units = d.between(1, 6)
    hidden = (
        (1 / 128, d.pick([0, -3]))
        if d.chance(0.5)
        else (float(np.float32(d.log_uniform(-3.0, -1.5))), d.zero_point())
    )
    output = hidden if d.chance(0.9) else (d.scale(), d.zero_point())
    power = d.pick([-11, -11, -12, -13, -15, -10, -9, -4, 0])
    number = lstm_layer(
        d.builder,
        d.rng,
        source.number,
        source.scale,
        units,
        time_major=d.chance(0.4),
        cell_power=power,
        hidden=hidden,
        weight_scale=d.log_uniform(-3.0, -0.5),
        clip=float(2.0**power * d.between(1, 3000)) if d.chance(0.3) else 0.0,
        output=output,
    )
    scale, zero_point = float(np.float32(output[0])), output[1]
    shape = (*source.shape[:2], units)
    d.values.append(Value(number, shape, "int8", scale, zero_point, zero_point == -128))
    d.has_read([source.number])


MAKERS = {"UNIDIRECTIONAL_SEQUENCE_LSTM": lstm}
