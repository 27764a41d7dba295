"""Depthwise convolutions of the dsp family against the judge, on the host and on a core."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pytest
from jinja2 import meta

from mcu_slm import judge, ops, templating, tflite, toolchain
from mcu_slm.compile import compile_model
from mcu_slm.dsp import specialize
from mcu_slm.dsp.depthwise import Depthwise, of_depthwise_conv_2d
from mcu_slm.dsp.depthwise_kernel import DepthwiseText
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows, pack
from mcu_slm.verify import BareModel, build_for_core
from mcu_slm.verify.host import HostModel
from tests.models import merge, needs_judge, random_bias, windows_of

WINDOWS = 6


@dataclass(frozen=True)
class Layer:
    """One depthwise convolution; `form` is the way of rescaling that it must lead to."""

    form: str
    image: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    many: int = 1
    zero_point: int = -128
    output_zero_point: int = -128
    activation: str = "RELU"
    spread: float = 1.5
    gain: float = 1.0

    def graph(self) -> Graph:
        """Return a model of this layer alone."""
        rng = np.random.default_rng(list(self.image) + list(self.kernel))
        outputs = self.image[2] * self.many
        scales = (0.004 * self.spread ** -rng.uniform(0, 4, outputs)).astype(np.float32)
        b = GraphBuilder()
        source = b.tensor("x", (1, *self.image), scale=0.02, zero_point=self.zero_point)
        data = rng.integers(-127, 128, (1, *self.kernel, outputs))
        weights = b.tensor("weights", (1, *self.kernel, outputs), scale=scales, axis=3, data=data)
        bias = random_bias(b, rng, outputs, 0.02 * scales)
        shape = (1, *map(self._outputs, (0, 1)), outputs)
        scale = 0.1 * float(np.sqrt(self.kernel[0] * self.kernel[1])) / 6 / self.gain
        result = b.tensor("y", shape, scale=scale, zero_point=self.output_zero_point)
        b.node(
            "DEPTHWISE_CONV_2D",
            [source, weights, bias],
            [result],
            padding=self.padding,
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            depth_multiplier=self.many,
            fused_activation_function=self.activation,
        )
        return b.build([source], [result])

    def _outputs(self, axis: int) -> int:
        size, stride = self.image[axis], self.stride[axis]
        reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1
        return (size + stride - (1 if self.padding == "SAME" else reach)) // stride


LINEAR = {"activation": "NONE", "output_zero_point": 7}
LAYERS = {
    "whole_by_column": Layer("short", (25, 5, 8), (3, 3)),
    "whole_by_row": Layer("short", (6, 6, 4), (3, 3)),
    "odd_square": Layer("extra", (3, 3, 12), (3, 3), spread=8.0, gain=40.0),
    "strips": Layer("short", (24, 24, 8), (3, 3)),
    "strips_with_a_rest": Layer("short", (11, 13, 4), (3, 3)),
    "stride_2": Layer("short", (24, 24, 4), (3, 3), (2, 2)),
    "stride_2_odd_padding": Layer("short", (23, 17, 4), (3, 3), (2, 2)),
    "strides_differ": Layer("short", (20, 9, 4), (5, 3), (3, 1)),
    "valid": Layer("short", (14, 13, 4), (3, 2), padding="VALID"),
    "five_by_five": Layer("short", (12, 10, 4), (5, 5), zero_point=-3),
    "few_channels": Layer("short", (9, 8, 3), (3, 3), zero_point=5),
    "odd_channels": Layer("signed", (9, 8, 7), (3, 3), **LINEAR),
    "linear": Layer("signed", (12, 12, 4), (3, 3), zero_point=127, **LINEAR),
    "clamped": Layer("short", (9, 8, 4), (3, 3), activation="RELU6"),
    "clamped_linear": Layer(
        "signed", (7, 8, 5), (3, 3), activation="RELU_N1_TO_1", output_zero_point=7
    ),
    "one_input_many_outputs": Layer("short", (20, 10, 1), (10, 4), (2, 2), many=8),
    "two_outputs_each": Layer("short", (12, 9, 6), (3, 3), many=2),
    "sequence": Layer("signed", (28, 1, 8), (5, 1), padding="VALID", **LINEAR),
    "long_taps": Layer("signed", (24, 1, 8), (10, 1), padding="VALID", **LINEAR),
    "all_taps_at_once": Layer("signed", (16, 1, 8), (15, 1), padding="VALID", **LINEAR),
    "odd_taps": Layer("short", (1, 60, 4), (1, 21), zero_point=0),
    "sequence_stride_2": Layer("short", (1, 33, 8), (1, 5), (1, 2)),
    "nine_taps_stride_2": Layer("short", (1, 40, 4), (1, 9), (1, 2)),
    "stride_3": Layer("short", (17, 19, 4), (3, 4), (3, 3)),
    "sequence_stride_5": Layer("signed", (61, 1, 4), (7, 1), (5, 1), **LINEAR),
    "long_steps": Layer("short", (6, 40, 128), (3, 3)),
    "sequence_dilated": Layer("short", (1, 16, 8), (1, 5), dilation=(1, 2)),
    "lines_dilated": Layer("short", (9, 20, 4), (3, 3), dilation=(2, 1)),
    "lines_of_padding_alone": Layer("short", (3, 20, 4), (2, 3), dilation=(4, 1)),
    "first_line_later": Layer("short", (6, 20, 4), (2, 3), dilation=(2, 1)),
    "two_taps": Layer("short", (5, 30, 4), (1, 2)),
    "long_lines": Layer("short", (10, 48, 4), (3, 3)),
    "long_lines_linear": Layer("signed", (5, 24, 8), (3, 3), **LINEAR),
    "far_neighbours": Layer("short", (20, 6, 240), (3, 3)),
    "clamped_lines": Layer("short", (8, 20, 4), (3, 3), activation="RELU6"),
    "sequence_of_many_outputs": Layer("short", (1, 40, 3), (1, 5), (1, 2), many=4),
}


@pytest.fixture(scope="module", params=LAYERS)
def layer(request: pytest.FixtureRequest) -> Layer:
    return LAYERS[request.param]


@pytest.fixture(scope="module")
def folder(layer: Layer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("depthwise")


@pytest.fixture(scope="module")
def compiled(layer: Layer, folder: Path) -> CompiledModel:
    graph = layer.graph()
    return compile_model(graph, tflite.write_model(graph), folder / "code", "dsp")


@pytest.fixture(scope="module")
def windows(layer: Layer) -> Rows:
    """Random inputs behind the extreme ones."""
    rows: Rows = windows_of(layer.graph(), WINDOWS, seed=3)[0]
    rows[0], rows[1] = -128, 127
    return rows


@pytest.fixture(scope="module")
def expected(layer: Layer, windows: Rows) -> Rows:
    return judge.run(tflite.write_model(layer.graph()), [windows])[0].reshape(WINDOWS, -1)


def test_the_layer_takes_the_form_it_is_here_for(layer: Layer) -> None:
    operator = specialize(ops.parse_graph(layer.graph())[0])
    assert isinstance(operator, Depthwise)
    assert operator.tiles.form == layer.form


@pytest.mark.unit
def test_what_these_kernels_cannot_do_is_left_to_the_portable_one() -> None:
    layer = Layer("short", (8, 8, 4), (3, 3))
    refused = (
        replace(layer, kernel=(1, 1)),  # nothing to pair
        replace(layer, kernel=(7, 7)),  # more weights than registers
        replace(layer, dilation=(2, 2)),
        replace(layer, image=(2, 2000, 4)),  # lines longer than the working memory
    )
    for other in refused:
        plain = ops.parse_graph(other.graph())[0]
        assert specialize(plain) is plain
    assert isinstance(specialize(ops.parse_graph(layer.graph())[0]), Depthwise)


@pytest.mark.unit
def test_kernels_of_one_name_are_one_text() -> None:
    # A dilated sequence is dealt out to two lines, which lie otherwise than those of an image.
    dilated = Layer("short", (1, 16, 8), (1, 5), dilation=(1, 2))
    image = Layer("short", (2, 8, 8), (1, 5))
    texts: dict[str, DepthwiseText] = {}
    for layer in (dilated, image, *LAYERS.values()):
        made = of_depthwise_conv_2d(ops.parse_graph(layer.graph())[0])
        assert made is not None
        (kernel,) = made.generated
        assert texts.setdefault(kernel.name, kernel.values) == kernel.values
    assert len(texts) >= len(LAYERS)


@pytest.mark.unit
def test_template_and_dataclass_name_the_same_holes() -> None:
    environment = templating.environment()
    loader = environment.loader
    assert loader is not None
    sources = [loader.get_source(environment, f"dsp/dsp_depthwise.{k}.j2")[0] for k in "ch"]
    used = meta.find_undeclared_variables(environment.parse("".join(sources)))
    assert used == {"dual_issue", *(field.name for field in fields(DepthwiseText))}


def test_an_output_on_its_input_saves_the_output(layer: Layer, compiled: CompiledModel) -> None:
    operator = specialize(ops.parse_graph(layer.graph())[0])
    assert operator.is_level(0) == (layer.many == 1)
    both = compiled.input_bytes + compiled.output_bytes
    # The model's input is not kept, so the output may lie there; the planes lie beside them.
    assert (compiled.arena_bytes < both + operator.scratch_bytes) == (layer.many == 1)


@needs_judge
@pytest.mark.host
def test_plain_c_gives_the_judges_bytes(
    folder: Path, compiled: CompiledModel, windows: Rows, expected: Rows
) -> None:
    model = HostModel(folder / "code", compiled, folder / "host")
    assert np.count_nonzero(model.predict(windows) != expected) == 0
    assert len(np.unique(expected)) > 8


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
    compiled = compile_model(graph, raw, tmp_path / "code", "dsp", core="cortex-m7")
    elf = build_for_core(tmp_path / "code", compiled, "cortex-m7", tmp_path / "build")
    found = BareModel(elf, compiled, "cortex-m7").predict(pack(graph, graph.inputs, inputs))
    expected = pack(graph, graph.outputs, judge.run(raw, inputs))
    assert np.count_nonzero(found != expected) == 0
