"""What Winograd's convolutions rest on: exact transforms, orders, sizes, and their choice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.dsp import specialize, winograd, winograd4, winograd_layer
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.toolchain import WARNING_FLAGS, compile_objects
from mcu_slm.verify.host import HostModel
from tests.dsp.test_winograd import LAYERS, Layer, way_of
from tests.kernels.test_kernels import compiler_of
from tests.models import needs_judge, windows_of


@pytest.mark.host
@pytest.mark.parametrize("name", ["gcc", "clang", "zig", "arm-none-eabi-gcc"])
@pytest.mark.parametrize("optimization", ["-O2", "-Os", "-Og"])
@pytest.mark.parametrize("layer", ["two_chunks", "large_two_chunks", "large_far_scales"])
def test_generated_code_compiles_without_warnings(
    layer: str, name: str, optimization: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler, target = compiler_of(name)
    monkeypatch.setattr(dsp, "cheapest", partial(way_of, LAYERS[layer]))
    graph = LAYERS[layer].graph()
    compile_model(graph, tflite.write_model(graph), tmp_path / "code", "dsp")
    sources = sorted((tmp_path / "code").glob("*.c"))
    assert any("winograd" in source.name for source in sources)
    flags = ("-std=c11", "-pedantic", *target, optimization, *WARNING_FLAGS)
    objects = compile_objects(compiler, sources, tmp_path / "code", tmp_path / "build", flags)
    assert len(objects) == len(sources)


def test_products_of_transformed_numbers_give_four_times_the_sum() -> None:
    """A M A' is four times the convolution, for the extremes of int8 as for random numbers."""
    rng = np.random.default_rng(5)
    inputs = np.concatenate(
        [rng.integers(-128, 128, (50, 4, 4)), rng.choice([-128, 127], (50, 4, 4))]
    )
    weights = rng.integers(-128, 128, (100, 3, 3))
    rows = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    sides = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]])
    ends = np.array([[2, 1, 1, 0], [0, 1, -1, -2]])
    v, u = rows @ inputs @ rows.T, sides @ weights @ sides.T
    assert np.abs(64 * v).max() <= 2**15
    assert np.abs(u).max() < 2**15
    for y in range(2):
        for x in range(2):
            direct = (inputs[:, y : y + 3, x : x + 3] * weights).sum(axis=(1, 2))
            np.testing.assert_array_equal((ends @ (u * v) @ ends.T)[:, y, x], 4 * direct)


def test_sixty_four_times_an_input_fits_a_half_at_the_corners() -> None:
    """Sums reach from -512 to 508, differences from -510 to 510; times 64 all fit int16."""
    largest = {64 * x for x in (-512, 508, -510, 510)}
    assert min(largest) == -(2**15)
    assert max(largest) < 2**15


B4 = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
A4 = np.array(
    [[6, -4, -4, 1, 1, 0], [0, -2, 2, 1, -1, 0], [0, -1, -1, 1, 1, 0], [0, -1, 1, 2, -2, 6]]
)
S4 = np.array([1, 2, 4, 4])


def test_large_tiles_give_the_sum_times_256_modulo_2_to_32() -> None:
    """S A M A' S is 576 times the convolution, and 4 / 9 of it 256 times, for wrapped sums too."""
    rng = np.random.default_rng(5)
    inputs = np.concatenate(
        [rng.integers(-128, 128, (50, 6, 6)), rng.choice([-128, 127], (50, 6, 6))]
    )
    weights = rng.integers(-128, 128, (100, 3, 3))
    sides = np.array(winograd4.Winograd4.transform)
    m = (sides @ weights @ sides.T) * (B4 @ (inputs + 128) @ B4.T)
    scaled = (A4 @ m @ A4.T) * np.outer(S4, S4)
    assert 9 * 954437177 % 2**32 == 1
    less = 128 * weights.sum(axis=(1, 2))
    for y in range(4):
        for x in range(4):
            direct = (inputs[:, y : y + 3, x : x + 3] * weights).sum(axis=(1, 2))
            np.testing.assert_array_equal(scaled[:, y, x], 576 * (direct + less))
            wrapped = scaled[:, y, x] // np.outer(S4, S4)[y, x] % 2**32 * (4 * 954437177)
            found = (wrapped * np.outer(S4, S4)[y, x] - 256 * less) % 2**32
            np.testing.assert_array_equal(found, 256 * direct % 2**32)


def test_large_tiles_fit_a_half_at_the_corners() -> None:
    """The greatest |V| over all inputs of 0 to 255, and the greatest |U| over all int8 weights."""
    coefficients = np.einsum("ia,jb->ijab", B4, B4)
    reach = [np.maximum(sign * coefficients, 0).sum(axis=(2, 3)).max() for sign in (1, -1)]
    assert 255 * max(reach) == 17340 < 2**15
    assert 255 * np.abs(B4).sum(axis=1).max() < 2**15  # what the columns alone give
    sides = np.array(winograd4.Winograd4.transform)
    assert 128 * np.abs(np.einsum("ia,jb->ijab", sides, sides)).sum(axis=(2, 3)).max() == 6272


@pytest.mark.parametrize("chunks", [1, 2])
@pytest.mark.parametrize("kind", [winograd.Winograd, winograd4.Winograd4])
def test_stored_weights_are_in_the_order_of_the_kernel(
    chunks: int, kind: type[winograd_layer.WinogradLayer]
) -> None:
    rng = np.random.default_rng(6)
    weights = rng.integers(-127, 128, (4, 3, 3, 16)).astype(np.int8)
    words = winograd_layer.transformed(weights, chunks, kind.transform).view(np.int16)
    stored = words.reshape(2, chunks, (kind.side + 2) ** 2, 8 // chunks, 2, 2)
    sides = np.array(kind.transform)
    for output in range(4):
        for channel in range(16):
            u = (sides @ weights[output, :, :, channel].astype(int) @ sides.T).reshape(-1)
            pair = channel // 4 * 2 + channel % 2  # SXTB16: of four bytes 0 and 2, then 1 and 3
            place = divmod(pair, 8 // chunks)
            found = stored[output // 2, place[0], :, place[1], output % 2, channel % 4 // 2]
            np.testing.assert_array_equal(found, u)


@pytest.mark.parametrize(
    ("make", "values"), [(winograd.of_conv_2d, 16), (winograd4.of_conv_2d, 36)]
)
def test_weights_take_as_much_flash_as_in_the_model_and_stored_ones_two_bytes_for_each_value(
    make: Callable[..., winograd_layer.WinogradLayer | None], values: int
) -> None:
    plain = ops.parse_graph(Layer("", (1, 1), (16, 16, 32), 32).graph())[0]
    sizes = []
    for stored in (False, True):
        operator = make(plain, stores_transformed=stored)
        assert operator is not None
        sizes.append(sum(c.data.nbytes for c in operator.constants() if c.is_weight))
    bias = 4 * 32
    assert sizes == [9 * 32 * 32 + bias, 2 * values * 32 * 32 + bias]


@pytest.mark.parametrize(
    ("working_bytes", "rows", "columns"),
    [(0, 1, 4), (12_000, 1, 8), (20_000, 1, 12), (26_000, 2, 12), (37_000, 3, 12), (70_000, 6, 12)],
)
def test_strips_fill_the_working_memory_that_is_given(
    working_bytes: int, rows: int, columns: int
) -> None:
    plain = ops.parse_graph(Layer("", (1, 1), (12, 24, 24), 24, peak=40).graph())[0]
    assert isinstance(plain, Conv2D)
    found = winograd.of_conv_2d(plain, working_bytes=working_bytes)
    assert found is not None
    assert (found.strip.rows, found.strip.columns) == (rows, columns)
    assert found.scratch_bytes <= max(working_bytes, 12_000)


@needs_judge
@pytest.mark.host
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_layer_may_write_over_the_input_that_it_has_read(padding: str, tmp_path: Path) -> None:
    """Three layers in a row; fewer bytes than two whole images and the working memory suffice."""
    graph = chain(padding)
    operators = [specialize(operator) for operator in ops.parse_graph(graph)]
    sides = [4, 4, 4] if padding == "SAME" else [2, 4, 2]  # of 22, 20 and 18 pixels
    assert [getattr(operator, "side", None) for operator in operators] == sides
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path / "code", "dsp")
    images = [int(np.prod(graph.tensor(n.outputs[0]).shape)) for n in graph.nodes]
    assert compiled.arena_bytes < 2 * min(images) + max(o.scratch_bytes for o in operators)
    windows = windows_of(graph, 4, seed=3)[0]
    expected = judge.run(tflite.write_model(graph), [windows])[0].reshape(4, -1)
    found = HostModel(tmp_path / "code", compiled, tmp_path / "host").predict(windows)
    assert np.count_nonzero(found != expected) == 0


def chain(padding: str) -> Graph:
    """Return three layers of 16, 16 and 16 channels."""
    rng, b = np.random.default_rng(8), GraphBuilder()
    like = {"scale": 0.05, "zero_point": -128}
    size = 24
    source = last = b.tensor("x", (1, size, size, 16), **like)
    for number in range(3):
        data = rng.integers(-60, 61, (16, 3, 3, 16))
        weights = b.tensor(f"weights{number}", (16, 3, 3, 16), scale=0.002, data=data)
        size -= 0 if padding == "SAME" else 2
        result = b.tensor(f"y{number}", (1, size, size, 16), **like)
        options = {"padding": padding, "fused_activation_function": "RELU"}
        b.node("CONV_2D", [last, weights], [result], stride_h=1, stride_w=1, **options)
        last = result
    return b.build([source], [last])


@pytest.mark.parametrize(
    ("image", "outputs"), [((16, 16, 3), 16), ((16, 16, 4), 16), ((16, 16, 16), 15), ((3, 3, 8), 8)]
)
def test_other_layers_keep_the_direct_form(image: tuple[int, int, int], outputs: int) -> None:
    operator = specialize(ops.parse_graph(Layer("", (1, 1), image, outputs).graph())[0])
    assert not isinstance(operator, winograd_layer.WinogradLayer)
