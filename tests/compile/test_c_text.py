"""The generated C compiles without a warning and says what the model says, whatever its names."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import tflite
from mcu_slm.compile import arrays, compile_model
from mcu_slm.files import sha256_bytes
from mcu_slm.ir import GraphBuilder
from mcu_slm.toolchain import WARNING_FLAGS, build_host_library
from mcu_slm.verify.host import HostModel
from tests.compile.strange import LABELS, NAMES, strange_names, with_labels
from tests.models import tiny, windows_of
from tests.ops.cases import fully_connected

pytestmark = pytest.mark.host


def library(folder: Path, names: list[str] | tuple[str, ...]) -> ctypes.CDLL:
    sources = [folder / name for name in names]
    flags = ("-O1", *WARNING_FLAGS)
    return ctypes.CDLL(str(build_host_library(sources, folder, folder / "build", flags=flags)))


def test_strange_tensor_names_change_nothing_but_comments(tmp_path: Path) -> None:
    graph = strange_names()
    assert len({t.name for t in graph.tensors}) == len(set(NAMES))
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path)
    assert len({layer.function for layer in compiled.layers if layer.function}) == sum(
        bool(layer.function) for layer in compiled.layers
    )
    code = library(tmp_path, compiled.sources)
    assert all(hasattr(code, layer.function) for layer in compiled.layers if layer.function)


def test_generated_text_is_ascii_and_has_no_control_characters(tmp_path: Path) -> None:
    graph = strange_names()
    compile_model(graph, tflite.write_model(graph), tmp_path)
    for path in tmp_path.glob("*.[ch]"):
        assert set(path.read_bytes()) <= {0x0A, *range(0x20, 0x7F)}, path.name


def test_labels_come_back_through_c(tmp_path: Path) -> None:
    graph = with_labels(fully_connected("labels", (1, 3), len(LABELS)).graph, LABELS)
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path)
    assert compiled.labels == LABELS
    code = library(tmp_path, compiled.sources)
    table = (ctypes.c_char_p * len(LABELS)).in_dll(code, "mcu_slm_model_labels")
    assert [bytes(label).decode("utf-8") for label in table] == list(LABELS)


def test_the_flatbuffer_is_embedded_whole_and_aligned(tmp_path: Path) -> None:
    graph = tiny()
    raw = tflite.write_model(graph)
    compile_model(graph, raw, tmp_path)
    code = library(tmp_path, ["model_tflite.c"])
    embedded = (ctypes.c_uint8 * len(raw)).in_dll(code, "mcu_slm_model_tflite")
    assert bytes(embedded) == raw
    assert ctypes.addressof(embedded) % 16 == 0
    header = (tmp_path / "model_tflite.h").read_text()
    assert f"#define MCU_SLM_MODEL_TFLITE_BYTES {len(raw)}\n" in header


def test_the_code_carries_the_hash_of_its_model(tmp_path: Path) -> None:
    graph = tiny()
    raw = tflite.write_model(graph)
    compiled = compile_model(graph, raw, tmp_path)
    code = library(tmp_path, compiled.sources)
    digest = bytes((ctypes.c_uint8 * 32).in_dll(code, "mcu_slm_model_sha256"))
    assert digest.hex() == compiled.model_sha256 == sha256_bytes(raw)


def test_input_and_output_can_be_used_in_place(tmp_path: Path) -> None:
    graph = tiny()
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path / "code")
    model = HostModel(tmp_path / "code", compiled, tmp_path / "build")
    windows = windows_of(graph, 5, seed=1)[0]
    expected = model.predict(windows)
    code = library(tmp_path / "code", compiled.sources)
    for name in ("mcu_slm_model_input", "mcu_slm_model_output"):
        getattr(code, name).restype = ctypes.POINTER(ctypes.c_int8)
    for window, output in zip(windows, expected, strict=True):
        ctypes.memmove(code.mcu_slm_model_input(), window.tobytes(), window.size)
        code.mcu_slm_model_run()
        assert code.mcu_slm_model_output()[: compiled.output_bytes] == output.tolist()


def test_bytes_between_outputs_are_zero_whatever_lay_there(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.tensor("x", (1, 3), scale=0.5)
    turned = b.tensor("turned", (1, 3), scale=0.5)
    real = b.tensor("real", (1, 3), "float32")
    b.node("ABS", [x], [turned])
    b.node("DEQUANTIZE", [x], [real])
    graph = b.build([x], [turned, real])
    compiled = compile_model(graph, tflite.write_model(graph), tmp_path)
    code = library(tmp_path, compiled.sources)
    arena = (ctypes.c_uint8 * compiled.arena_bytes).in_dll(code, "mcu_slm_arena")
    ctypes.memset(arena, 0xA5, compiled.arena_bytes)
    output = (ctypes.c_uint8 * compiled.output_bytes)()
    code.mcu_slm_model_predict(bytes([1, 0x80, 3]), output)
    assert list(output[:4]) == [1, 127, 3, 0]


@pytest.mark.skipif(shutil.which("g++") is None, reason="skipped: no g++")
def test_the_header_can_be_included_from_cpp(tmp_path: Path) -> None:
    graph = tiny()
    compile_model(graph, tflite.write_model(graph), tmp_path)
    user = tmp_path / "user.cpp"
    user.write_text('#include "model.h"\nint main() { mcu_slm_model_run(); return 0; }\n')
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", str(user)]
    subprocess.run(command, check=True)


def test_extreme_constants_are_legal_c(tmp_path: Path) -> None:
    values = {
        "int8": [-128, 127],
        "int16": [-(2**15), 2**15 - 1],
        "int32": [-(2**31), 2**31 - 1],
        "uint8": [0, 255],
    }
    real = np.array([8.926271e-43, 1e-45, -0.0, 0.1, 3.4028235e38, -1.0], np.float32)
    text = "#include <stdint.h>\n"
    for dtype, numbers in values.items():
        data = np.array(numbers, dtype)
        text += f"extern {arrays.declaration('a_' + dtype, data)};\n"
        text += arrays.definition("a_" + dtype, data, "ends of the range")
    text += f"extern {arrays.declaration('real', real)};\n{arrays.definition('real', real)}"
    (tmp_path / "a.c").write_text(text)
    code = library(tmp_path, ["a.c"])
    floats = (ctypes.c_float * len(real)).in_dll(code, "real")
    assert np.array(floats, np.float32).tobytes() == real.tobytes()
    for dtype, numbers in values.items():
        found = (getattr(ctypes, f"c_{dtype}") * 2).in_dll(code, f"a_{dtype}")
        assert list(found) == numbers


def test_rows_of_an_array_are_numbered_and_lines_stay_short() -> None:
    text = arrays.definition("w", np.arange(-60, 60, dtype=np.int8).reshape(2, 60), "two rows")
    assert text.startswith("/* int8 [2][60]: two rows */\nconst int8_t w[120] = {\n    /* 0 */\n")
    assert "    /* 1 */\n" in text
    assert max(map(len, text.splitlines())) <= 100
    numbers = [
        int(n)
        for n in text.split("{")[1]
        .replace("/* 0 */", "")
        .replace("/* 1 */", "")
        .rstrip("};\n")
        .replace("\n", "")
        .split(",")
        if n.strip()
    ]
    assert numbers == list(range(-60, 60))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_lines_are_filled_with_every_value_in_order(dtype: str) -> None:
    ends = np.iinfo(dtype)
    data = np.random.default_rng(5).integers(ends.min, ends.max + 1, 700).astype(dtype)
    data[:2] = ends.min, ends.max
    lines = arrays.definition("w", data).splitlines()[2:-1]
    texts = [value for line in lines for value in line.split()]
    assert texts[:2] == ["INT32_MIN," if dtype == "int32" else f"{ends.min},", f"{ends.max},"]
    assert [int(t.rstrip(",")) for t in texts if t != "INT32_MIN,"] == [
        int(v) for v in data if dtype != "int32" or v != ends.min
    ]
    for line, following in pairwise(lines):
        assert len(line) <= 100 < len(line) + 1 + len(following.split()[0])
