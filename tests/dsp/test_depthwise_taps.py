"""The products of an output add every tap once, whatever kernel and stride."""

from __future__ import annotations

import numpy as np
import pytest

from mcu_slm.dsp.depthwise_taps import Taps

pytestmark = pytest.mark.unit

HALVES = {"smlad": ((0, 0), (1, 1)), "smlabt": ((0, 1),), "smlatb": ((1, 0),)}
"""Which halves (of weights, of inputs) an instruction multiplies."""


@pytest.mark.parametrize("kernel", range(2, 12))
@pytest.mark.parametrize("stride", range(1, 6))
@pytest.mark.parametrize("before", [0, 1])
def test_every_tap_meets_its_input_once(kernel: int, stride: int, before: int) -> None:
    taps = Taps(kernel, stride, before)
    for output in range(5):
        met = [
            (product.word + weight, 2 * product.pair + value)
            for product in taps.products(output)
            for weight, value in HALVES[product.instruction]
        ]
        first = output * stride - before
        assert sorted(met) == [(tap, first + tap) for tap in range(kernel)]
        assert {product.word for product in taps.products(output)} <= set(taps.words)
    assert max(taps.words) == kernel - 2


def test_as_few_words_of_inputs_are_live_as_stated() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        kernel, stride, outputs = (int(n) for n in rng.integers((2, 1, 1), (16, 6, 5)))
        taps = Taps(kernel, stride)
        order = [product.pair for product in taps.in_order(outputs)]
        peak, held = 0, set()
        for place, pair in enumerate(order):
            held.add(pair)
            peak = max(peak, len(held))
            if pair not in order[place + 1 :]:
                held.remove(pair)
        assert taps.live_pairs(outputs) == peak
