"""UNIDIRECTIONAL_SEQUENCE_LSTM of the dsp family: sizes, scales, and its curves on all values."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm.dsp.lstm import SequenceLstm
from mcu_slm.dsp.lstm_curves import PIECES, SIGMOID_BITS, TANH_BITS, TANH_OFFSET, curves
from mcu_slm.dsp.lstm_gates import GateText, gate_texts
from mcu_slm.ops.sigmoid_16 import sigmoid, tanh
from mcu_slm.quant import INT16_MAX, INT16_MIN, INT32_MAX, Int64, Multiplier, requantize
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.case import Case
from tests.ops.cases_recurrent import lstm, lstm_cases

PLAIN = ("far too large scales",)
"""What keeps its portable kernel."""

ALL_VALUES = np.arange(-(2**15), 2**15, dtype=np.int64)


def cases() -> list[Case]:
    """The operator's own cases, rows of more words than there are registers, extreme scales."""
    return [
        *lstm_cases(),
        *(lstm(f"{n} inputs", (1, n, n), 4 + n % 3) for n in range(14, 19)),
        lstm("inputs for half of the registers", (1, 4, 28), 4, weight_scale=0.004),
        lstm("many steps", (2, 75, 6), 31, zero_point=-128),
        lstm("even sizes", (1, 9, 16), 24),
        lstm("long input", (1, 5, 131), 6, weight_scale=0.002),
        lstm("long state", (1, 6, 7), 66, weight_scale=0.002),
        lstm("large scales", (1, 9, 8), 8, weight_scale=0.02, hidden=(1 / 100, 9)),
        lstm("larger scales", (1, 9, 5), 4, weight_scale=0.1, hidden=(1 / 128, -128)),
        lstm("far too large scales", (1, 3, 8), 6, weight_scale=20.0),
        lstm("small scales", (1, 9, 8), 9, weight_scale=2e-5, zero_point=127),
        lstm("hidden state of a power", (2, 10, 6), 5, hidden=(2.0**-9, 127)),
        lstm("clipped a little", (1, 12, 6), 4, cell_power=-12, clip=7.9999, weight_scale=0.03),
        lstm("fine and clipped", (1, 12, 6), 4, cell_power=-13, clip=0.5, weight_scale=0.03),
    ]


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("lstm"), seed=3)


@pytest.mark.unit
def test_few_layers_keep_their_portable_kernel() -> None:
    found = {case.name: isinstance(specialized(case), SequenceLstm) for case in cases()}
    assert [name for name, is_ours in found.items() if not is_ours] == list(PLAIN)


@pytest.mark.unit
def test_cases_reach_every_way_of_rescaling() -> None:
    layers = [specialized(case) for case in cases()]
    ours = [layer for layer in layers if isinstance(layer, SequenceLstm)]
    gates = [gate for layer in ours for gate in (*layer.input_gates, *layer.hidden_gates)]
    assert {gate.form[0] for gate in gates} == {"f", "r", "s"}


@pytest.mark.unit
def test_cases_reach_every_kernel() -> None:
    layers = [specialized(case) for case in cases()]
    ours = [layer.generated for layer in layers if isinstance(layer, SequenceLstm)]
    inputs = {(driving.template, driving.values.fits_registers) for driving, _ in ours}
    assert inputs == {
        ("dsp/dsp_lstm_four", True),
        ("dsp/dsp_lstm_input", True),
        ("dsp/dsp_lstm_input", False),
    }
    steps = [kernel.values for _, kernel in ours]
    assert {bool(kernel.chunks) for kernel in steps} == {True, False}
    assert {kernel.odd_units for kernel in steps} == {0, 1}
    assert {kernel.cells.clip for kernel in steps} > {0, INT16_MAX}


def _rescaled(gate: GateText, acc: Int64) -> Int64:
    """Return what the kernels' instructions make of sums that have been shifted."""
    x, half = acc * gate.factor, int(gate.rounds_twice) << 31
    signs = np.where(x < 0, -int(gate.rounds_twice), 0)
    high = (x * gate.multiplier + half >> 32) + gate.rounding + signs
    return np.clip(high >> gate.shift, INT16_MIN, INT16_MAX)


@pytest.mark.unit
@pytest.mark.parametrize("raised", range(8))
def test_gates_are_rescaled_as_the_judge_does(raised: int) -> None:
    rng = np.random.default_rng(raised)
    tried = 0
    for _ in range(60):
        bits = int(rng.integers(0, 24))  # the last ones are 0, in some layers
        mantissas = (rng.integers(2**30, 2**31, 4) >> bits << bits).tolist()
        scales = [Multiplier(m, int(rng.integers(-8, 7))) for m in mantissas]
        for scale, gate in zip(scales, gate_texts(scales, raised) or (), strict=False):
            most = min(INT32_MAX // (gate.factor << gate.lower), 2**22)
            acc = np.unique(np.concatenate([rng.integers(-most, most + 1, 4000), ALL_VALUES]))
            acc = acc[abs(acc) <= most]
            wanted = np.clip(requantize(acc, *scale), INT16_MIN, INT16_MAX)
            assert (_rescaled(gate, acc) == wanted).all()
            tried += 1
    assert tried > 100


def _curves(*, in_thirds: bool = False) -> tuple[Int64, ...]:
    found = curves(in_thirds=in_thirds)
    return tuple(constant.data.astype(np.int64) for constant in found)


@pytest.mark.unit
def test_sigmoid_is_the_judges_for_every_value() -> None:
    begin, rise = _curves()
    piece = (384 * ALL_VALUES >> 16) + PIECES
    value = begin[piece] + ALL_VALUES * rise[piece]
    assert value.min() >= 0
    assert value.max() < 2**31
    assert ((value >> SIGMOID_BITS) & 0xFFFF == sigmoid(ALL_VALUES)).all()
    assert (value >> SIGMOID_BITS + 16 == 2).all()


@pytest.mark.unit
@pytest.mark.parametrize(("multiplier", "shift"), [(3, 0), (6, 0), (384, 0), (3, 1), (3, 3)])
def test_tanh_is_the_judges_for_every_value(multiplier: int, shift: int) -> None:
    begin, rise = _curves(in_thirds=True)
    assert (3 * rise == _curves()[1]).all()
    thirds = (ALL_VALUES * multiplier + ((1 << shift) >> 1)) >> shift
    piece = np.clip(thirds >> 8, -PIECES, PIECES - 1) + PIECES
    value = begin[piece] + 2 * thirds * rise[piece]
    assert abs(value).max() < 2**31
    rounded = (value + (1 << TANH_BITS - 1) >> TANH_BITS) + TANH_OFFSET
    assert (rounded == tanh(ALL_VALUES, multiplier, shift)).all()


class TestRecurrentLayers(EqualsTheJudge):
    """On this machine and on simulated cores."""
