"""Projects around TensorFlow Lite Micro; built and run only where a checkout is named."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, judge, resources, tflite
from mcu_slm.arena_report import arena_bytes
from mcu_slm.compile import compile_for_interpreter
from mcu_slm.compile.interpreter import method_of
from mcu_slm.errors import ToolError, UnsupportedOperatorError, UsageError
from mcu_slm.firmware import build, find_tflm, generate
from mcu_slm.ops import OPERATORS
from mcu_slm.protocol import Client
from mcu_slm.toolchain import WARNING_FLAGS
from tests.models import merge, needs_judge, tiny, windows_of

BOARD = boards.load_board("nucleo_f446re")
ORIGIN = "As the test says."
needs_checkout = pytest.mark.skipif(
    not os.environ.get("TFLM_DIR"), reason="not run: TFLM_DIR is not set"
)


def make(folder: Path, arena: int = 4096) -> Path:
    """Generate a project around the interpreter, with one known answer."""
    graph = tiny()
    raw = tflite.write_model(graph)
    compile_for_interpreter(graph, raw, folder / "code", {"FULLY_CONNECTED"}, arena, ORIGIN)
    known = windows_of(graph, 3, 1)[0][:3].reshape(3, -1)
    outputs = judge.run(raw, [known.reshape(3, *graph.tensor(graph.inputs[0]).shape)])[0]
    answers = outputs.reshape(3, -1).astype(np.int8)
    generate(folder / "code", BOARD, known, answers, folder / "project", "demo")
    return folder / "project"


@pytest.mark.unit
@needs_judge
def test_all_cpp_is_in_one_file_and_only_the_models_operators_are_added(tmp_path: Path) -> None:
    project = make(tmp_path)
    cpp = [path for path in project.rglob("*") if path.suffix in (".cc", ".cpp", ".hpp")]
    assert [path.name for path in cpp] == ["tflm_adapter.cc"]
    text = cpp[0].read_text()
    assert re.findall(r"resolver->Add(\w+)\(", text) == ["FullyConnected"]
    assert "MicroMutableOpResolver<1>" in text
    header = (project / "mcu_slm" / "tflm_adapter.h").read_text()
    assert "#define MCU_SLM_TFLM_ARENA_BYTES 4096" in header
    assert ORIGIN in header
    assert "aligned(16)" in (project / "mcu_slm" / "model_tflite.c").read_text()
    assert "tflm_adapter.cc" in (project / "mcu_slm" / "sources.cmake").read_text()
    assert not (project / "mcu_slm" / "model_layers.h").exists()
    assert "TFLM_DIR" in (project / "CMakeLists.txt").read_text()
    for path in (path for path in project.rglob("*") if path.is_file()):
        text = path.read_text()
        assert str(tmp_path) not in text
        assert "%%" not in text
        assert "[[ " not in text


@pytest.mark.host
@needs_judge
@pytest.mark.skipif(not shutil.which("cc"), reason="not run: cc is not installed")
def test_its_c_keeps_every_warning_quiet(tmp_path: Path) -> None:
    folder = make(tmp_path) / "mcu_slm"
    for name in ("model.c", "model_tflite.c", "self_test.c"):
        command = ["cc", "-std=c11", *WARNING_FLAGS, "-fsyntax-only", name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.unit
def test_templates_of_the_runtime_take_the_place_of_others() -> None:
    root = resources.folder("firmware_templates")
    own = [path.relative_to(root / "tflm") for path in (root / "tflm").rglob("*.j2")]
    assert len(own) == 2
    for path in own:
        assert (root / "common" / path).is_file()


@pytest.mark.unit
@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("FULLY_CONNECTED", "FullyConnected"),
        ("CONV_2D", "Conv2D"),
        ("MAX_POOL_2D", "MaxPool2D"),
        ("SPACE_TO_BATCH_ND", "SpaceToBatchNd"),
        ("L2_NORMALIZATION", "L2Normalization"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "UnidirectionalSequenceLSTM"),
        ("BATCH_MATMUL", "BatchMatMul"),
        ("RELU6", "Relu6"),
        ("PADV2", "PadV2"),
        ("CUMSUM", "CumSum"),
    ],
)
def test_methods_are_named_as_the_resolver_names_them(operator: str, method: str) -> None:
    assert method_of(operator) == method


@pytest.mark.unit
@needs_checkout
def test_the_resolver_has_a_method_for_every_operator() -> None:
    header = find_tflm().folder / "tensorflow/lite/micro/micro_mutable_op_resolver.h"
    known = set(re.findall(r"TfLiteStatus Add(\w*)\(", header.read_text()))
    assert {method_of(operator) for operator in OPERATORS} <= known


@pytest.mark.unit
def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFLM_DIR", raising=False)
    monkeypatch.delenv("TFLM_LIBRARY", raising=False)
    with pytest.raises(ToolError, match="no checkout of TensorFlow Lite Micro was named"):
        find_tflm()
    with pytest.raises(ToolError, match="no checkout of TensorFlow Lite Micro is there"):
        find_tflm(tmp_path)
    header = tmp_path / "tensorflow/lite/micro/micro_interpreter.h"
    header.parent.mkdir(parents=True)
    header.write_text("")
    with pytest.raises(ToolError, match="the library was not built"):
        find_tflm(tmp_path)
    for kind in ("plain", "cmsis_nn"):
        library = tmp_path / "gen" / kind / "lib" / "libtensorflow-microlite.a"
        library.parent.mkdir(parents=True)
        library.write_bytes(b"")
    with pytest.raises(UsageError, match="more than one library: cmsis_nn, plain"):
        find_tflm(tmp_path)
    monkeypatch.setenv("TFLM_LIBRARY", str(library))
    assert find_tflm(tmp_path).library == library


@pytest.mark.unit
def test_several_inputs_are_refused(tmp_path: Path) -> None:
    graph = merge([tiny(), tiny()])
    with pytest.raises(UnsupportedOperatorError, match="for --runtime tflm"):
        compile_for_interpreter(graph, tflite.write_model(graph), tmp_path, (), 4096, ORIGIN)


@pytest.mark.unit
@needs_judge
def test_the_arena_is_what_the_interpreter_reports() -> None:
    size = arena_bytes(tflite.write_model(tiny()))
    assert size % 16 == 0
    assert 256 < size < 8192


@pytest.mark.emulator
@needs_checkout
@needs_judge
@pytest.mark.parametrize(("arena", "passes"), [(None, True), (512, False)])
def test_the_interpreter_gives_the_proven_bytes_on_the_simulator(
    tmp_path: Path, arena: int | None, passes: bool
) -> None:
    simulator_of = pytest.importorskip("mcu_slm.simulator").BoardSimulator
    size = arena_bytes(tflite.write_model(tiny())) if arena is None else arena
    result = build(make(tmp_path, size), BOARD)
    assert result.stack is None
    assert "through pointers" in result.stack_unknown
    simulator = simulator_of(BOARD, result.elf)
    client = Client(simulator.port)
    assert client.self_test().passed is passes
