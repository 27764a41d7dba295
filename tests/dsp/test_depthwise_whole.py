"""Depthwise convolutions whose window is the whole image."""

from __future__ import annotations

import pytest

from mcu_slm.dsp.depthwise import Depthwise
from mcu_slm.dsp.depthwise_whole import WholeDepthwise
from tests.dsp.legs import EqualsTheJudge, Legs, legs_of, specialized
from tests.ops.case import Case
from tests.ops.cases_windows import depthwise

IMAGES = ((1, 15, 8), (3, 3, 12), (7, 1, 4), (5, 4, 20), (1, 1, 8))


def whole(image: tuple[int, int, int], activation: str, real: float) -> Case:
    zero_points = (-5, 3) if activation == "NONE" else (-128, -128)
    return depthwise(
        f"{image}, {activation}", (1, *image), image[:2], 1, padding="VALID",
        activation=activation, real=real, zero_points=zero_points,
    )  # fmt: skip


def cases() -> list[Case]:
    """Every image with every activation, and scales that leave channels without a change."""
    return [
        whole(image, activation, real)
        for image in IMAGES
        for activation, real in (("NONE", 0.004), ("RELU", 0.002), ("RELU6", 0.02))
    ] + [whole((1, 6, 8), "NONE", 1e-9)]


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(cases(), tmp_path_factory.mktemp("whole"), seed=12)


@pytest.mark.unit
def test_the_kernel_is_for_whole_images_only() -> None:
    assert all(isinstance(specialized(case), WholeDepthwise) for case in cases())
    sliding = depthwise("sliding", (1, 1, 9, 8), (1, 8), 1, padding="VALID", real=0.004)
    padded = depthwise("padded", (1, 3, 3, 8), (3, 3), 1, padding="SAME", real=0.004)
    odd = depthwise("odd", (1, 3, 3, 6), (3, 3), 1, padding="VALID", real=0.004)
    assert all(isinstance(specialized(case), Depthwise) for case in (sliding, padded, odd))


class TestWholeDepthwise(EqualsTheJudge):
    pass
