"""Flash that a board has is spent on stored weights; layers are slimmed until RAM suffices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.costs import predict
from mcu_slm.dsp.budget import Budget, constant_bytes, spend_flash
from mcu_slm.dsp.winograd_layer import WinogradLayer
from mcu_slm.ir import Graph
from mcu_slm.ops import Operator
from mcu_slm.verify.host import HostModel
from tests.dsp.test_winograd import Layer
from tests.dsp.test_winograd_transforms import chain
from tests.models import needs_judge, windows_of

PLENTY = 1 << 20


def layers() -> list[Operator]:
    """Return a layer of many tiles, whose strips transform weights again, and one of few."""
    shapes = [((32, 32, 16), 16), ((8, 8, 32), 32)]
    plain = [ops.parse_graph(Layer("", (1, 1), *shape).graph())[0] for shape in shapes]
    return [dsp.specialize(operator) for operator in plain]


def growth(layer: Operator) -> int:
    assert isinstance(layer, WinogradLayer)
    return layer.spent_weight_bytes


def cycles(operator: Operator) -> float:
    found = predict(operator)
    assert found is not None
    return found.cycles


def compiled_bytes(graph: Graph, folder: Path, budget: Budget | None) -> tuple[int, int, int]:
    found = compile_model(graph, tflite.write_model(graph), folder, "dsp", budget=budget)
    return found.weight_bytes, found.spent_weight_bytes, found.arena_bytes


def test_all_flash_that_layers_want_is_spent_where_there_is_plenty() -> None:
    before = layers()
    after = spend_flash(before, PLENTY)
    assert [growth(x) for x in before] == [0, 0]
    assert [growth(x) for x in after] == [63 * 16 * 16, 63 * 32 * 32]
    for old, new in zip(before, after, strict=True):
        assert constant_bytes(new) - constant_bytes(old) == growth(new)
        assert cycles(new) < cycles(old)


def test_the_layer_that_gains_most_per_byte_is_first_and_the_limit_is_never_passed() -> None:
    before = layers()
    taken = sum(map(constant_bytes, before))
    gains = [
        (cycles(old) - cycles(new)) / growth(new)
        for old, new in zip(before, spend_flash(before, PLENTY), strict=True)
    ]
    assert gains[0] > gains[1]
    first = 63 * 16 * 16
    assert [growth(x) for x in spend_flash(before, taken + first)] == [first, 0]
    for spare in (-5000, 0, 100, first - 1, first, 40_000, 63 * 32 * 32 + first - 1):
        found = spend_flash(before, taken + spare)
        assert sum(map(constant_bytes, found)) <= max(taken, taken + spare)


def test_without_a_board_weights_take_what_they_take_in_the_file(tmp_path: Path) -> None:
    graph = chain("SAME")
    in_file = 3 * (9 * 16 * 16 + 4 * 16)  # a layer without biases has those of the zero point
    assert compiled_bytes(graph, tmp_path, None)[:2] == (in_file, 0)
    assert compiled_bytes(graph, tmp_path, Budget(ram_bytes=PLENTY))[:2] == (in_file, 0)
    spent = 3 * 63 * 16 * 16
    assert compiled_bytes(graph, tmp_path, Budget(PLENTY))[:2] == (in_file + spent, spent)


@pytest.mark.parametrize("optimize", ["size", "ram"])
def test_flash_is_spent_on_speed_alone(optimize: str, tmp_path: Path) -> None:
    graph = chain("SAME")
    raw = tflite.write_model(graph)
    found = compile_model(graph, raw, tmp_path, "dsp", optimize, budget=Budget(PLENTY))
    assert found.spent_weight_bytes == 0


def test_a_slimmer_way_is_the_fastest_below_a_limit() -> None:
    plain = ops.parse_graph(Layer("", (1, 1), (32, 32, 16), 16).graph())[0]
    taken = dsp.specialize(plain)
    limits, times = [taken.scratch_bytes], [cycles(taken)]
    while (way := dsp.slimmer(plain, limits[-1])) is not None:
        assert way.scratch_bytes < limits[-1]
        limits.append(way.scratch_bytes)
        times.append(cycles(way))
    assert limits[-1] == 0
    assert times == sorted(times)
    assert len(times) > 3


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize("part", [0.9, 0.8, 0.65])
def test_layers_are_slimmed_until_the_arena_fits(part: float, tmp_path: Path) -> None:
    """The bytes stay the judge's, whatever the way."""
    graph = chain("SAME")
    raw = tflite.write_model(graph)
    limit = int(compiled_bytes(graph, tmp_path, None)[2] * part)
    code = tmp_path / "code"
    compiled = compile_model(graph, raw, code, "dsp", budget=Budget(ram_bytes=limit))
    assert compiled.arena_bytes <= limit
    windows = windows_of(graph, 4, seed=3)[0]
    expected = judge.run(raw, [windows])[0].reshape(4, -1)
    found = HostModel(code, compiled, tmp_path / "host").predict(windows)
    assert np.count_nonzero(found != expected) == 0


def test_what_cannot_fit_is_compiled_as_small_as_it_gets(tmp_path: Path) -> None:
    """Whoever links the firmware says then what does not fit."""
    graph = chain("SAME")
    images = 2 * 24 * 24 * 16
    arena = compiled_bytes(graph, tmp_path, Budget(ram_bytes=1))[2]
    assert arena <= images
