"""Convolutions whose windows are stretches of bytes, widened like rows that overlap."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.convolution import Convolution
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.case import Case
from tests.ops.cases import conv

WINDOWS: dict[str, tuple[tuple[int, ...], tuple[int, int], tuple[int, int], str, int]] = {
    # image, kernel, stride, padding, bytes from one window to the next, 0 where it is none
    "sequence": ((1, 40, 6), (1, 8), (1, 4), "VALID", 24),
    "padded sequence": ((1, 33, 5), (1, 5), (1, 2), "SAME", 10),
    "odd run": ((1, 21, 7), (1, 3), (1, 1), "VALID", 7),
    "whole rows": ((19, 4, 5), (3, 4), (2, 1), "VALID", 40),
    "padded rows": ((13, 1, 8), (5, 1), (1, 1), "SAME", 8),
    "image": ((9, 8, 4), (3, 3), (1, 1), "VALID", 0),
    "whole rows with rests": ((11, 3, 5), (2, 3), (1, 1), "VALID", 0),
}


def cases() -> list[Case]:
    """Every kind of window, with padding and rests."""
    return [
        conv(
            name, (1, *image), kernel, 6, padding=padding, stride=stride, real=0.001,
            zero_points=(-5, 3),
        )
        for name, (image, kernel, stride, padding, _) in WINDOWS.items()
    ]  # fmt: skip


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("rows"), seed=9)


@pytest.mark.unit
def test_windows_are_rows_where_they_are_stretches_of_bytes() -> None:
    for case in cases():
        layer = specialized(case)
        assert isinstance(layer, Convolution)
        assert layer.row_step == WINDOWS[case.name][-1], case.name


class TestOverlappingRows(EqualsTheJudge):
    pass
