"""Winograd's convolutions against the judge, on the host and on a core."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, ops, tflite, toolchain
from mcu_slm.compile import compile_model
from mcu_slm.dsp import specialize, winograd, winograd4, winograd_layer, winograd_strips
from mcu_slm.dsp.tuning import Tuning
from mcu_slm.dsp.winograd_strips import LARGE, SMALL
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.manifest import CompiledModel
from mcu_slm.ops.base import Operator
from mcu_slm.ops.conv_2d import Conv2D
from mcu_slm.rows import Rows, pack
from mcu_slm.verify import BareModel, build_for_core
from mcu_slm.verify.host import HostModel
from tests.kernels.test_kernels import needs_gcc, sanitized_outputs
from tests.models import merge, needs_judge, random_bias, windows_of

WINDOWS = 5


@dataclass(frozen=True)
class Layer:
    """One convolution; `form` is the way of rescaling, `strips` the tiles that it must lead to."""

    form: str
    strips: tuple[int, int]
    image: tuple[int, int, int]
    outputs: int
    padding: str = "SAME"
    zero_point: int = -128
    output_zero_point: int = -128
    activation: str = "RELU"
    spread: float = 1.15
    gain: float = 1.0
    peak: int = 127
    working_bytes: int = winograd_strips._WORKING_BYTES
    kept_bytes: int = winograd_strips._KEPT_BYTES
    stored: bool = False
    side: int = SMALL

    def graph(self) -> Graph:
        """Return a model of this layer alone."""
        height, width, inputs = self.image
        rng = np.random.default_rng([height, width, inputs, self.outputs])
        scales = (0.004 * self.spread ** -rng.uniform(0, 4, self.outputs)).astype(np.float32)
        b = GraphBuilder()
        source = b.tensor("x", (1, *self.image), scale=0.02, zero_point=self.zero_point)
        data = rng.integers(-self.peak, self.peak + 1, (self.outputs, 3, 3, inputs))
        shape = (self.outputs, 3, 3, inputs)
        weights = b.tensor("weights", shape, scale=scales, data=data)
        bias = random_bias(b, rng, self.outputs, 0.02 * scales)
        less = 0 if self.padding == "SAME" else 2
        result = b.tensor(
            "y",
            (1, height - less, width - less, self.outputs),
            scale=0.01 * float(np.sqrt(9 * inputs)) * self.peak / 127 / self.gain,
            zero_point=self.output_zero_point,
        )
        b.node(
            "CONV_2D",
            [source, weights, bias],
            [result],
            padding=self.padding,
            stride_h=1,
            stride_w=1,
            fused_activation_function=self.activation,
        )
        return b.build([source], [result])


LINEAR = {"activation": "NONE", "output_zero_point": 7}
LAYERS = {
    "kept_weights": Layer("short", (4, 4), (8, 8, 16), 16),
    "parts_of_rows": Layer("short", (1, 8), (6, 32, 8), 8, working_bytes=7000),
    "parts_of_rows_with_a_rest": Layer("short", (1, 8), (5, 23, 8), 6, working_bytes=6500),
    "strips_of_rows": Layer(
        "signed", (2, 8), (11, 16, 32), 4, peak=60, working_bytes=24_000, kept_bytes=1, **LINEAR
    ),
    "weights_for_each_strip": Layer("short", (1, 4), (7, 8, 8), 8, working_bytes=1, kept_bytes=1),
    "two_chunks": Layer("short", (2, 4), (8, 7, 64), 32),
    "three_chunks": Layer(
        "signed", (1, 4), (8, 8, 72), 4, peak=40, working_bytes=24_000, kept_bytes=1, **LINEAR
    ),
    "chunks_of_ten": Layer("short", (4, 3), (8, 6, 40), 2, peak=60, working_bytes=40000),
    "valid": Layer("short", (6, 5), (13, 12, 8), 8, padding="VALID", zero_point=-3),
    "valid_odd": Layer("signed", (3, 3), (7, 8, 12), 8, padding="VALID", zero_point=127, **LINEAR),
    "one_tile": Layer("short", (1, 1), (2, 2, 16), 4, zero_point=0),
    "one_pixel": Layer("short", (1, 1), (1, 1, 8), 16),
    "one_row": Layer("short", (1, 6), (1, 11, 8), 4, zero_point=5),
    "one_column": Layer("short", (5, 1), (9, 1, 8), 4, zero_point=5),
    "clamped": Layer("short", (4, 4), (8, 8, 8), 8, activation="RELU6"),
    "clamped_linear": Layer(
        "signed", (4, 4), (7, 8, 8), 8, activation="RELU_N1_TO_1", output_zero_point=7
    ),
    "far_scales": Layer("extra", (4, 4), (8, 8, 16), 16, spread=8.0, gain=40.0),
    "stored": Layer("short", (4, 4), (8, 8, 16), 8, stored=True),
    "stored_chunks": Layer("signed", (3, 3), (5, 6, 40), 4, stored=True, **LINEAR),
    "least_weights": Layer("short", (4, 4), (8, 8, 8), 8, peak=1),
}
LARGE_TILES = {
    "one_tile": Layer("short", (1, 1), (4, 4, 16), 4, zero_point=0),
    "quads_of_several_rows": Layer("short", (2, 3), (8, 12, 16), 16),
    "an_unfilled_quad": Layer("signed", (3, 1), (12, 4, 8), 6, zero_point=127, **LINEAR),
    "parts_of_rows": Layer("short", (1, 4), (8, 32, 8), 8, working_bytes=9000),
    "parts_of_rows_with_a_rest": Layer("short", (1, 4), (4, 28, 8), 6, working_bytes=9000),
    "strips_of_rows": Layer("signed", (2, 4), (20, 16, 32), 4, peak=60, **LINEAR),
    "weights_for_each_strip": Layer("short", (1, 4), (8, 16, 8), 8, working_bytes=1, kept_bytes=1),
    "some_weights_kept": Layer("short", (1, 4), (8, 16, 8), 16, working_bytes=8300, kept_bytes=1),
    "two_chunks": Layer("short", (2, 2), (8, 8, 64), 32, peak=60),
    "three_chunks": Layer("signed", (1, 1), (4, 4, 72), 4, peak=40, **LINEAR),
    "chunks_of_ten": Layer("short", (2, 1), (8, 4, 40), 2, peak=60),
    "valid": Layer("short", (3, 2), (14, 10, 8), 8, padding="VALID", zero_point=-3),
    "far_scales": Layer("extra", (2, 2), (8, 8, 16), 16, spread=8.0, gain=40.0),
    "stored": Layer("short", (2, 2), (8, 8, 16), 8, stored=True),
    "stored_chunks": Layer("signed", (1, 2), (4, 8, 40), 4, stored=True, **LINEAR),
    "least_weights": Layer("short", (2, 2), (8, 8, 8), 8, peak=1),
}
LAYERS |= {f"large_{name}": replace(x, side=LARGE) for name, x in LARGE_TILES.items()}


def way_of(layer: Layer, ways: list[Operator], _: Tuning) -> Operator:
    """Return the way that a layer is here for."""
    plain = ways[-1]
    assert isinstance(plain, Conv2D)
    make = winograd.of_conv_2d if layer.side == SMALL else winograd4.of_conv_2d
    found = make(plain, stores_transformed=layer.stored)
    assert found is not None
    return found


@contextmanager
def all_by_tiles() -> Iterator[None]:
    """Do each layer of a model of all `LAYERS` as it is here for."""
    order = cycle(LAYERS.values())

    with pytest.MonkeyPatch.context() as patch:

        def way(ways: list[Operator], tuning: Tuning) -> Operator:
            layer = next(order)
            patch.setattr(winograd_strips, "_WORKING_BYTES", layer.working_bytes)
            patch.setattr(winograd_strips, "_KEPT_BYTES", layer.kept_bytes)
            return way_of(layer, ways, tuning)

        patch.setattr(dsp, "cheapest", way)
        yield


@pytest.fixture(scope="module", params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Iterator[Layer]:
    """A layer, done by Winograd's method even where the direct form is shorter."""
    found = LAYERS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd_strips, "_WORKING_BYTES", found.working_bytes)
        patch.setattr(winograd_strips, "_KEPT_BYTES", found.kept_bytes)
        patch.setattr(dsp, "cheapest", partial(way_of, found))
        yield found


@pytest.fixture(scope="module")
def folder(layer: Layer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("winograd")


@pytest.fixture(scope="module")
def compiled(layer: Layer, folder: Path) -> CompiledModel:
    graph = layer.graph()
    return compile_model(graph, tflite.write_model(graph), folder / "code", "dsp")


@pytest.fixture(scope="module")
def windows(layer: Layer) -> Rows:
    """Random inputs behind the extreme ones, one of them of extremes only."""
    rows: Rows = windows_of(layer.graph(), WINDOWS, seed=3)[0]
    rows[0], rows[1] = -128, 127
    rows[2] = np.where(rows[2] < 0, -128, 127)
    return rows


@pytest.fixture(scope="module")
def expected(layer: Layer, windows: Rows) -> Rows:
    return judge.run(tflite.write_model(layer.graph()), [windows])[0].reshape(WINDOWS, -1)


def test_the_layer_takes_the_form_and_the_strips_it_is_here_for(layer: Layer) -> None:
    operator = specialize(ops.parse_graph(layer.graph())[0])
    assert isinstance(operator, winograd_layer.WinogradLayer)
    assert operator.side == layer.side
    assert operator.matrix.form == layer.form
    assert (operator.strip.rows, operator.strip.columns) == layer.strips


@needs_judge
@pytest.mark.host
def test_plain_c_gives_the_judges_bytes(
    folder: Path, compiled: CompiledModel, windows: Rows, expected: Rows
) -> None:
    model = HostModel(folder / "code", compiled, folder / "host")
    assert np.count_nonzero(model.predict(windows) != expected) == 0
    assert len(np.unique(expected)) > 4


@needs_judge
@needs_gcc
@pytest.mark.host
def test_plain_c_is_clean_under_sanitizers(
    layer: Layer, windows: Rows, expected: Rows, tmp_path: Path
) -> None:
    found = sanitized_outputs(layer.graph(), windows, tmp_path, "dsp")
    assert np.count_nonzero(found != expected) == 0


@needs_judge
@pytest.mark.emulator
@pytest.mark.parametrize("kind", ["gcc", "zig"])
def test_assembly_gives_the_judges_bytes(
    kind: str, folder: Path, compiled: CompiledModel, windows: Rows, expected: Rows
) -> None:
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    try:
        compiler = toolchain.find_arm_compiler(kind)
    except ToolError:
        pytest.skip(f"{kind} is not installed")
    elf = build_for_core(folder / "code", compiled, "cortex-m4", folder / kind, compiler=compiler)
    outputs = BareModel(elf, compiled, "cortex-m4").predict(windows)
    assert np.count_nonzero(outputs != expected) == 0


@needs_judge
@pytest.mark.emulator
def test_assembly_for_pairs_gives_the_judges_bytes(tmp_path: Path) -> None:
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    graph = merge([layer.graph() for layer in LAYERS.values()])
    raw = tflite.write_model(graph)
    inputs = windows_of(graph, WINDOWS, seed=3)
    with all_by_tiles():
        compiled = compile_model(graph, raw, tmp_path / "code", "dsp", core="cortex-m7")
    assert len(list((tmp_path / "code").glob("*_products_*.c"))) > 8
    elf = build_for_core(tmp_path / "code", compiled, "cortex-m7", tmp_path / "build")
    found = BareModel(elf, compiled, "cortex-m7").predict(pack(graph, graph.inputs, inputs))
    expected = pack(graph, graph.outputs, judge.run(raw, inputs))
    assert np.count_nonzero(found != expected) == 0
