"""Cases of UNIDIRECTIONAL_SEQUENCE_LSTM."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mcu_slm.ir import GraphBuilder
from tests.ops.case import Case, rng_of
from tests.recurrent_layers import lstm_layer


def lstm(
    name: str,
    shape: tuple[int, int, int],
    units: int,
    *,
    time_major: bool = False,
    cell_power: int = -11,
    hidden: tuple[float, int] = (1 / 128, -3),
    zero_point: int = 5,
    weight_scale: float = 0.008,
    clip: float = 0.0,
) -> Case:
    """A layer over [batches, steps, inputs], or [steps, batches, inputs] if time-major."""
    rng, b = rng_of(name), GraphBuilder()
    x = b.tensor("x", shape, scale=0.04, zero_point=zero_point)
    y = lstm_layer(
        b, rng, x, 0.04, units, time_major=time_major, cell_power=cell_power, hidden=hidden,
        weight_scale=weight_scale, clip=clip,
    )  # fmt: skip
    return Case(name, b.build([x], [y]))


def lstm_cases() -> Iterator[Case]:
    """Both orders of the axes, several batches, every branch of the cell's scale, saturation."""
    yield lstm("odd sizes", (1, 7, 5), 3)
    yield lstm("one by one", (1, 1, 1), 1)
    yield lstm("time-major", (6, 1, 4), 5, time_major=True)
    yield lstm("batches", (3, 5, 2), 4, hidden=(1 / 100, 20))
    yield lstm("batches, time-major", (5, 3, 2), 4, time_major=True)
    yield lstm("fine cell", (1, 9, 3), 4, cell_power=-15, weight_scale=0.03)
    yield lstm("cell at 2^-12", (1, 9, 3), 4, cell_power=-12)
    yield lstm("coarse cell", (1, 30, 3), 4, cell_power=-9, weight_scale=0.05)
    yield lstm("cell at 1", (1, 6, 3), 4, cell_power=0, weight_scale=0.05)
    yield lstm("clipped", (1, 20, 4), 6, clip=0.7, weight_scale=0.02)
    yield lstm("saturated", (1, 12, 8), 6, weight_scale=0.5)
    yield lstm("fine hidden state", (1, 8, 4), 4, hidden=(1 / 700, 127), zero_point=-128)


RECURRENT_CASES: dict[str, Callable[[], Iterator[Case]]] = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm_cases
}
