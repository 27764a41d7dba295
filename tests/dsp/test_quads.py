"""Windows widened four positions at a time: their order, and every way the kernel walks."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm.dsp.convolution import Convolution
from mcu_slm.dsp.matrix import input_order, window_order
from mcu_slm.dsp.quads import Quads, whole_span, whole_windows
from mcu_slm.ops.window import Geometry, Window
from tests.dsp.legs import EqualsTheJudge, Legs, differences, legs_of, specialized
from tests.kernels.test_kernels import needs_gcc, sanitized_outputs
from tests.ops.case import Case
from tests.ops.cases import conv


def cases() -> list[Case]:
    """Rests of 0 to 3 bytes in an even and an odd number of runs, padding on each side, dilation.

    Quads in one row and in several, unfinished ones, strips that end within a row.
    """
    return [
        conv("three channels, stride 2", (1, 25, 25, 3), (3, 3), 8, padding="SAME", stride=(2, 2)),
        conv("three channels", (1, 34, 33, 3), (3, 3), 6, zero_points=(-128, -128)),
        conv("rests of 2", (1, 9, 11, 2), (2, 3), 5, padding="SAME"),
        conv("rests of 3", (1, 8, 17, 1), (4, 3), 4, padding="SAME", zero_points=(7, 0)),
        conv("nothing but rests", (1, 7, 6, 3), (5, 1), 3, padding="SAME", stride=(1, 2)),
        conv("narrow rows", (1, 21, 6, 1), (10, 4), 12, padding="SAME", stride=(2, 2)),
        conv("whole words", (1, 13, 15, 8), (3, 3), 10, padding="SAME", stride=(2, 2)),
        conv("taller than the image", (1, 2, 9, 5), (5, 3), 4, padding="SAME"),
        conv("wider than the image", (1, 9, 2, 5), (2, 7), 4, padding="SAME"),
        conv("dilated both ways", (1, 15, 16, 5), (3, 3), 4, padding="SAME", dilation=(2, 3)),
        conv("dilated without padding", (1, 12, 19, 3), (2, 3), 4, dilation=(3, 2)),
        conv("one position", (1, 3, 3, 7), (3, 2), 4, stride=(3, 2)),
    ]


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("quads"), seed=12)


class TestWindows(EqualsTheJudge):
    @needs_gcc
    @pytest.mark.host
    def test_plain_c_is_clean_under_sanitizers(self, legs: Legs, tmp_path: Path) -> None:
        found = sanitized_outputs(legs.graph, legs.windows, tmp_path, "dsp")
        assert differences(found, legs.expected) == 0


@pytest.mark.unit
def test_all_these_layers_are_windows() -> None:
    layers = [specialized(case) for case in cases()]
    assert all(isinstance(layer, Convolution) and not layer.row_step for layer in layers)
    assert {layer.is_padded for layer in layers} == {False, True}


@pytest.mark.unit
def test_the_order_of_a_window_begins_with_its_whole_words() -> None:
    assert window_order(2, 5) == [0, 2, 1, 3, 5, 7, 6, 8, 4, 9]
    assert window_order(3, 3) == [0, 2, 1, 3, 5, 4, 6, 8, 7, -1]
    assert window_order(3, 2) == list(range(6))
    for size in range(1, 40):
        assert window_order(1, size) == input_order(size)


@pytest.mark.unit
@pytest.mark.parametrize("runs", range(1, 6))
@pytest.mark.parametrize("run_bytes", range(1, 14))
def test_the_order_of_a_window_has_each_input_once(runs: int, run_bytes: int) -> None:
    order = window_order(runs, run_bytes)
    assert sorted(place for place in order if place >= 0) == list(range(runs * run_bytes))
    assert len(order) == -(-runs * run_bytes // 2) * 2


@pytest.mark.unit
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_windows_without_padding_are_a_rectangle(padding: str) -> None:
    seen = 0
    for size, kernel, stride, dilation in (
        (9, 3, 1, 1), (9, 3, 2, 1), (10, 4, 3, 2), (5, 1, 1, 1), (2, 2, 1, 1), (3, 3, 3, 1),
    ):  # fmt: skip
        height = Geometry.of(size, kernel, stride, dilation, padding)
        width = Geometry.of(size + 1, kernel, 1, 1, padding)
        (top, bottom), (left, right) = whole_span(height), whole_span(width)
        expected = [
            top <= y < bottom and left <= x < right
            for y in range(height.output)
            for x in range(width.output)
        ]
        assert whole_windows(Window(height, width)) == expected
        seen += sum(expected)
    assert seen > 0


@pytest.mark.unit
def test_an_axis_with_padding_in_every_window_has_no_span() -> None:
    assert whole_span(Geometry.of(2, 5, 1, 1, "SAME")) == (0, 0)


@pytest.mark.unit
def test_features_count_each_quad_once() -> None:
    window = Window(Geometry.of(25, 3, 2, 1, "SAME"), Geometry.of(25, 3, 2, 1, "SAME"))
    found = Quads(window, channels=3, strip=32, is_padded=False).features()
    quads = -(-13 * 13 // 4)
    assert found["widened_runs"] == 3 * quads
    assert found["widened_words"] == 6 * quads
    assert found["rest_quads"] == 3 * quads
    assert found["border_runs"] > 0
