"""Every way to make output lines word by word gives the convolution, whatever waits where."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from mcu_slm.dsp import depthwise_parts
from mcu_slm.dsp.depthwise_planes import Planes
from mcu_slm.dsp.depthwise_registers import BANK, NoScheduleError
from mcu_slm.dsp.depthwise_stream import Stream, stream_of
from mcu_slm.ops.window import Geometry
from tests.dsp.small_core import SmallCore, signed

pytestmark = pytest.mark.unit

WEIGHTS, PLANE, OUTPUT = 1000, 100_000, 1_000_000
NUMBERS = {"third": 4, "bias": -70_000, "offset": 150_000, "multiplier": 900_000_000}
SHIFT = 14


def geometry(size: int, kernel: int, stride: int, padding: str = "SAME") -> Geometry:
    return Geometry.of(size, kernel, stride, 1, padding)


def planes(across: Geometry, along: Geometry, lines: int | None = None, step: int = 40) -> Planes:
    """Return the planes of an image of channels `step` bytes apart."""
    return Planes(
        False, along, across, step, step * along.input, step, step * along.output,
        lines or across.output, is_whole=lines is None,
    )  # fmt: skip


SHAPES = {
    "three by three": planes(geometry(5, 3, 1), geometry(25, 3, 1)),
    "small square": planes(geometry(6, 3, 1), geometry(6, 3, 1)),
    "strip": planes(geometry(20, 3, 1), geometry(24, 3, 1), 4),
    "strips that differ": planes(geometry(7, 3, 1), geometry(19, 3, 1), 5),
    "far outputs": planes(geometry(3, 3, 1), geometry(21, 3, 1), step=500),
    "two steps": planes(geometry(8, 3, 2), geometry(24, 3, 2), 4),
    "two steps, odd padding": planes(geometry(9, 3, 2), geometry(23, 3, 2), 2),
    "sequence": planes(geometry(1, 1, 1), geometry(40, 5, 1)),
    "sequence, two steps": planes(geometry(1, 1, 1), geometry(64, 5, 2)),
    "no padding": planes(geometry(4, 2, 1, "VALID"), geometry(20, 4, 1, "VALID")),
}


def ways(shape: Planes, form: str) -> list[Stream]:
    """Return what the registers suffice for."""
    found = []
    for is_tight in sorted({False, shape.along.pad % 2 == 1}):
        plain = Stream(replace(shape, is_tight=is_tight), form, SHIFT, is_clamped=False)
        for pool, spills, loops, holds in product(range(2, 9), *[(False, True)] * 3):
            way = replace(plain, pool=pool, spills=spills, loops=loops, holds_bias=holds)
            may_spill = shape.along.stride % 2 == 1 and shape.across.kernel > 1
            if spills and not may_spill:
                continue
            try:
                way.parts()
            except NoScheduleError:
                continue
            found.append(way)
    return found


def expected(shape: Planes, form: str, inputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the outputs of some lines; inputs have the padding of their lines around them."""
    across, along = shape.across, shape.along
    found = np.zeros((shape.lines_at_once, along.output), np.int64)
    for line, place in np.ndindex(found.shape):
        y, x = line * across.stride, place * along.stride
        window = inputs[y : y + across.kernel, x : x + along.kernel]
        total = int((window * weights).sum()) * 256 + NUMBERS["bias"]
        value = (total * NUMBERS["multiplier"] >> 32) + NUMBERS["offset"]
        if form == "signed" and total < 0:
            value -= NUMBERS["third"]
        if form == "extra":
            value >>= NUMBERS["third"]
        found[line, place] = min(max(value >> SHIFT, -128), 127)
    return found


def core_for(way: Stream, inputs: np.ndarray, weights: np.ndarray, *, is_second: bool) -> SmallCore:
    """Return a core with the numbers, inputs and weights of a channel of a pair."""
    shape = way.planes
    both = [weights.ravel(), np.full(weights.size, -77)]
    stored = np.stack(both[::-1] if is_second else both, axis=1).astype(np.int8)
    raw = stored.tobytes()
    words = {
        WEIGHTS + place: int.from_bytes(raw[place : place + 4], "little")
        for place in range(len(raw) - 3)
    }
    top = shape.across.pad if shape.is_whole else 0
    for line, word in np.ndindex(shape.lines + shape.across.stride, shape.pairs):
        columns = [2 * word + half + shape.before for half in (0, 1)]
        is_there = line < shape.lines
        pair = [
            int(inputs[line + top, c]) if is_there and c < inputs.shape[1] else 0 for c in columns
        ]
        place = PLANE + 4 * (line * shape.pairs + word)
        words[place] = signed((pair[0] & 0xFFFF) | (pair[1] & 0xFFFF) << 16)
    core = SmallCore(words)
    core.registers |= {"r0": WEIGHTS, "r3": 0 if is_second else 8, "lr": PLANE, "r12": OUTPUT}
    core.registers |= {BANK[name]: value for name, value in NUMBERS.items()}
    line_bytes = 4 * shape.pairs * shape.across.stride
    core.registers["s7"] = PLANE + shape.lines_at_once * line_bytes
    return core


@pytest.mark.parametrize("form", ["short", "extra", "signed"])
@pytest.mark.parametrize("name", SHAPES)
def test_every_way_gives_the_convolution(name: str, form: str) -> None:
    shape = SHAPES[name]
    found = ways(shape, form)
    across, along = shape.across, shape.along
    rng = np.random.default_rng(7)
    height = (shape.lines_at_once - 1) * across.stride + across.kernel
    width = 2 * shape.pairs + 2
    inputs = np.zeros((height, width), np.int64)
    first, last = (across.pad, across.pad + across.input) if shape.is_whole else (0, height)
    inside = inputs[first:last, along.pad : along.pad + along.input]
    inside[...] = rng.integers(-255, 256, inside.shape)
    weights = rng.integers(-127, 128, (across.kernel, along.kernel))
    wanted = expected(shape, form, inputs, weights)
    for number, way in enumerate(found):
        core = core_for(way, inputs, weights, is_second=number % 2 == 1)
        core.run([*(line for part in way.parts() for line in part.text)])
        places = [
            OUTPUT + line * shape.output_line + place * shape.output_step
            for line, place in np.ndindex(wanted.shape)
        ]
        assert sorted(core.stored) == sorted(places), way
        assert [core.stored[place] for place in places] == wanted.ravel().tolist(), way
    assert found or (form == "signed" and shape.along.kernel * shape.across.kernel > 3)
    assert len(np.unique(wanted)) > 8


def test_the_best_way_leaves_out_padding_and_holds_what_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(depthwise_parts, "_WORTH_OF_AN_INSTRUCTION", 1 / 1000)  # code is dear
    small = stream_of(SHAPES["small square"], "short", SHIFT, is_clamped=False)
    long = stream_of(SHAPES["sequence, two steps"], "short", SHIFT, is_clamped=False)
    assert small is not None
    assert long is not None
    assert small.planes.is_tight
    assert small.planes.pairs == 3
    assert {"multiplier", "bias", "offset"} <= long.held.keys()
    assert long.loops
