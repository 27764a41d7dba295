"""What goes into a model and what comes out of it, in C: all counts, all codes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mcu_slm import tflite, toolchain
from mcu_slm.answers import answer_of
from mcu_slm.compile import compile_model
from mcu_slm.compile.meaning import count_quantizer_of
from mcu_slm.errors import ToolError
from mcu_slm.ir import Graph
from tests.answers.models import CHANNELS, TOKENS, WINDOW, answering, info_of
from tests.models import tiny

TASKS = ("classification", "regression", "anomaly", "events")
CODES = np.arange(-128, 128, dtype=np.int8)
ALL_COUNTS = np.stack([np.roll(np.arange(-(2**15), 2**15), 7 * c) for c in range(CHANNELS)], axis=1)
COUNTS = ALL_COUNTS.astype(np.int16).reshape(-1, WINDOW, CHANNELS)
"""Windows in which every channel has each of the 65,536 counts once."""


def compiled(graph: Graph, folder: Path) -> tuple[str, ...]:
    return compile_model(graph, tflite.write_model(graph), folder).sources


def on_host(graph: Graph, folder: Path) -> ctypes.CDLL:
    sources = [folder / name for name in compiled(graph, folder)]
    flags = ("-O1", *toolchain.WARNING_FLAGS)
    path = toolchain.build_host_library(sources, folder, folder / "build", flags=flags)
    return ctypes.CDLL(str(path))


def expected_codes(graph: Graph) -> npt.NDArray[np.int8]:
    quantizer = count_quantizer_of(graph)
    assert quantizer is not None
    return quantizer.quantize(COUNTS)


def outputs_of(graph: Graph) -> list[bytes]:
    """Return every code as a one-value output, or rows of codes that have ties and extremes."""
    if answer_of(graph).classes == 0:  # type: ignore[union-attr]
        return [bytes([code & 0xFF]) for code in CODES.tolist()]
    size = graph.tensor(graph.outputs[0]).element_count
    rows = np.random.default_rng(7).integers(-3, 4, (300, size)).astype(np.int8)
    rows[:3] = [[-128] * size, [127] * size, [-128, 127, 127] * (size // 3)]
    return [row.tobytes() for row in rows]


@pytest.mark.host
def test_every_count_of_every_channel_gives_python_s_code(tmp_path: Path) -> None:
    graph = answering("regression")
    code = on_host(graph, tmp_path)
    found = np.empty(COUNTS.shape, np.int8)
    for window, target in zip(COUNTS, found, strict=True):
        code.mcu_slm_model_quantize(*(ctypes.c_void_p(a.ctypes.data) for a in (window, target)))
    expected = expected_codes(graph)
    assert np.count_nonzero(found != expected) == 0
    assert {-128, 127} <= set(expected.ravel().tolist())
    assert [len(np.unique(expected[..., c])) for c in range(CHANNELS)] == 3 * [256]


def value_checks(graph: Graph) -> dict[str, Callable[[npt.NDArray[np.int8]], list[int]]]:
    """Return what each function of a task must give for an output, by name."""
    answer = answer_of(graph)
    assert answer is not None
    rows = (answer.tokens, answer.classes)
    return {
        "classification": {
            "mcu_slm_model_class": lambda y: [int(y.argmax())],
            "mcu_slm_model_score_milli": lambda y: answer.values(y).tolist(),
        },
        "regression": {"mcu_slm_model_value_milli": lambda y: answer.values(y).tolist()},
        "anomaly": {
            "mcu_slm_model_score_milli": lambda y: answer.values(y).tolist(),
            "mcu_slm_model_is_anomaly": lambda y: [int(0.09375 * (int(y[0]) + 120) > 2.3)],
        },
        "events": {
            "mcu_slm_model_class_at": lambda y: y.reshape(rows).argmax(axis=1).tolist(),
            "mcu_slm_model_score_milli": lambda y: answer.values(y).tolist(),
        },
    }[answer.task]


def arguments_of(task: str, function: str) -> list[tuple[int, ...]]:
    """Return what a function takes beside the output, one tuple per call."""
    classes, tokens = range(3), range(TOKENS)
    if function == "mcu_slm_model_class_at":
        return [(token,) for token in tokens]
    if function == "mcu_slm_model_score_milli" and task == "classification":
        return [(c,) for c in classes]
    if function == "mcu_slm_model_score_milli" and task == "events":
        return [(token, c) for token in tokens for c in classes]
    return [()]


@pytest.mark.host
@pytest.mark.parametrize("task", TASKS)
def test_every_output_means_in_c_what_it_means_in_python(task: str, tmp_path: Path) -> None:
    graph = answering(task)
    code = on_host(graph, tmp_path)
    for name, expected in value_checks(graph).items():
        function = getattr(code, name)
        function.restype = ctypes.c_bool if name.startswith("mcu_slm_model_is") else ctypes.c_int32
        for output in outputs_of(graph):
            found = [int(function(output, *rest)) for rest in arguments_of(task, name)]
            assert found == expected(np.frombuffer(output, np.int8)), name


@pytest.mark.host
@pytest.mark.parametrize(("threshold", "alarms"), [(-1e6, 256), (1e6, 0)])
def test_thresholds_beyond_all_codes_compile_without_a_warning(
    threshold: float, alarms: int, tmp_path: Path
) -> None:
    graph = answering("anomaly", replace(info_of("anomaly"), threshold=threshold))
    code = on_host(graph, tmp_path)
    code.mcu_slm_model_is_anomaly.restype = ctypes.c_bool
    assert sum(code.mcu_slm_model_is_anomaly(bytes([n])) for n in range(256)) == alarms


@pytest.mark.host
def test_rounding_and_negative_bounds_are_the_same_in_c(tmp_path: Path) -> None:
    """A scale with all 24 bits, whose thousandths need the shift."""
    info = replace(info_of("regression"), output_min=-2.5, output_max=7.25, output_unit="\u00b0C")
    graph = answering("regression", info)
    output = graph.tensor(graph.outputs[0])
    scale = replace(output.quantization, scales=(float(np.float32(0.0471234567)),))
    graph = replace(graph, tensors=(*graph.tensors[:-1], replace(output, quantization=scale)))
    answer = answer_of(graph)
    assert answer is not None
    assert answer.thousandths.shift > 10
    code = on_host(graph, tmp_path)
    found = [code.mcu_slm_model_value_milli(bytes([value & 0xFF])) for value in CODES.tolist()]
    assert found == answer.values(CODES).tolist()
    assert (min(found), max(found)) == (-1319, 7250)
    assert '#define MCU_SLM_MODEL_UNIT "\\302\\260C"' in (tmp_path / "model.h").read_text()


@pytest.mark.unit
def test_a_model_that_says_nothing_has_no_such_functions(tmp_path: Path) -> None:
    compiled(tiny(), tmp_path)
    header, source = ((tmp_path / name).read_text() for name in ("model.h", "model.c"))
    assert "#define MCU_SLM_MODEL_TASK 0\n" in header
    assert "#define MCU_SLM_MODEL_COUNTS 0\n" in header
    assert "quantize_count" not in source
    assert "thousandths" not in source


@pytest.mark.unit
@pytest.mark.parametrize("field", ["mean", "std", "channel_scales", "channels"])
def test_counts_need_every_channel_s_numbers(field: str) -> None:
    info = info_of("regression")
    assert count_quantizer_of(answering("regression", info)) is not None
    shorter = replace(info, **{field: getattr(info, field)[:-1]})
    assert count_quantizer_of(answering("regression", shorter)) is None


def on_core(graph: Graph, folder: Path, functions: list[str]):
    """Return a simulated Cortex-M4 that holds a model and these of its functions."""
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    from mcu_slm.simulator.bare import LINKER_SCRIPT, BareCore

    try:
        compiler = toolchain.find_arm_compiler()
    except ToolError as error:
        pytest.skip(str(error))
    sources = [folder / name for name in compiled(graph, folder)]
    memory = folder / "mem.c"
    memory.write_text(
        "#include <stddef.h>\n"
        "void *memcpy(void *to, const void *from, size_t n);\n"
        "void *memcpy(void *to, const void *from, size_t n)\n"
        "{\n    for (size_t i = 0; i < n; i++) ((volatile char *)to)[i] = ((const char *)from)[i];"
        "\n    return to;\n}\n"
    )
    script = folder / "bare.ld"
    script.write_text(LINKER_SCRIPT)
    core, fpu = "cortex-m4", "fpv4-sp-d16"
    flags = compiler.compile_flags(core, fpu, "-O2")
    objects = toolchain.compile_objects(compiler, [*sources, memory], folder, folder / "arm", flags)
    wanted = tuple(f"-Wl,-u,{name}" for name in functions)
    link_flags = (*compiler.link_flags(core, fpu, script, functions[0]), *wanted)
    elf = toolchain.link(compiler, objects, folder / "m4.elf", link_flags, folder)
    return BareCore(core, elf, 4 * COUNTS[0].nbytes)


@pytest.mark.emulator
def test_every_count_of_every_channel_gives_the_same_code_on_a_cortex_m4(tmp_path: Path) -> None:
    graph = answering("regression")
    bare = on_core(graph, tmp_path, ["mcu_slm_model_quantize"])
    source, target = bare.workspace, bare.workspace + COUNTS[0].nbytes
    found = []
    for window in COUNTS:
        bare.write(source, window.tobytes())
        bare.call("mcu_slm_model_quantize", source, target)
        found.append(np.frombuffer(bare.read(target, window.size), np.int8).reshape(window.shape))
    assert np.count_nonzero(np.array(found) != expected_codes(graph)) == 0


@pytest.mark.emulator
@pytest.mark.parametrize("task", TASKS)
def test_every_output_means_the_same_on_a_cortex_m4(task: str, tmp_path: Path) -> None:
    graph = answering(task)
    checks = value_checks(graph)
    bare = on_core(graph, tmp_path, list(checks))
    for name, expected in checks.items():
        for output in outputs_of(graph):
            bare.write(bare.workspace, output)
            results = [bare.call(name, bare.workspace, *r) for r in arguments_of(task, name)]
            signed = [result - (result >> 31 << 32) for result in results]
            assert signed == expected(np.frombuffer(output, np.int8)), name
