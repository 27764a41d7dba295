"""The folder that the compiler writes: complete, described by its manifest, repeatable."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from mcu_slm import __version__, ops, tflite
from mcu_slm.compile import compile_model
from mcu_slm.errors import ModelError, UsageError
from mcu_slm.files import sha256_bytes, sha256_file
from mcu_slm.ir import Graph, GraphBuilder
from mcu_slm.manifest import MANIFEST, load_compiled
from mcu_slm.passes import PASSES
from mcu_slm.plan import ALIASING
from mcu_slm.toolchain import build_host_library
from tests.models import every_operator, tiny

pytestmark = pytest.mark.unit

GOLDEN = Path(__file__).parent / "golden" / "model.c"
ALWAYS = {
    "manifest.json",
    "memory_copy.h",
    "model.c",
    "model.h",
    "model_layers.h",
    "model_tflite.c",
    "model_tflite.h",
    "model_weights.c",
    "model_weights.h",
}
DENSE_ONLY = ALWAYS | {
    "fully_connected_s8.c", "fully_connected_s8.h", "requantize.h", "sums.h", "sums_in_registers.h",
}  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def compiled(graph: Graph, folder: Path) -> dict[str, bytes]:
    compile_model(graph, tflite.write_model(graph), folder)
    return contents(folder)


def test_only_the_kernels_that_the_model_uses_are_there(tmp_path: Path) -> None:
    assert set(compiled(tiny(), tmp_path)) == DENSE_ONLY


def test_the_manifest_describes_every_file(tmp_path: Path) -> None:
    graph = every_operator(("a", "b", "c"))
    raw = tflite.write_model(graph)
    model = compile_model(graph, raw, tmp_path, without=[entry.name for entry in PASSES])
    assert load_compiled(tmp_path) == model
    files = {path.name for path in tmp_path.iterdir()} - {MANIFEST}
    assert model.files == {name: sha256_file(tmp_path / name) for name in files}
    assert set(model.sources) == {n for n in files if n.endswith(".c")} - {"model_tflite.c"}
    assert (model.model_sha256, model.tool_version) == (sha256_bytes(raw), __version__)
    assert (model.input_bytes, model.output_bytes) == (48, 3)
    assert model.labels == ("a", "b", "c")
    layers = list(zip(graph.nodes, ops.parse_graph(graph), strict=True))
    weights = [c.data.nbytes for _, o in layers for c in o.constants() if c.is_weight]
    read = {graph.tensor(node.inputs[p]) for node, o in layers for p in o.activations}
    operands = [tensor.byte_count for tensor in read if tensor.data is not None]
    assert model.weight_bytes == sum(weights) + sum(operands)
    assert sum(weights) > 8 * 3 * 6 + 8 * 4 + 3 * 8 + 3 * 4
    assert model.macs == sum(o.macs for _, o in layers) > 8 * 8 * 3 * 6 + 8 * 4 * 8 * 2 + 3 * 8
    assert [layer.op for layer in model.layers] == [node.op for node in graph.nodes]
    assert [bool(layer.function) for layer in model.layers] == [
        n.op not in ALIASING for n in graph.nodes
    ]


def test_layers_lie_inside_the_arena(tmp_path: Path) -> None:
    graph = every_operator()
    model = compile_model(graph, tflite.write_model(graph), tmp_path)
    for layer in model.layers:
        for offset, size in zip(layer.offsets, layer.byte_counts, strict=True):
            assert 0 <= offset <= offset + size <= model.arena_bytes


def test_same_inputs_give_same_bytes_and_untouched_files(tmp_path: Path) -> None:
    first = compiled(every_operator(), tmp_path / "a")
    assert compiled(every_operator(), tmp_path / "b") == first
    for path in (tmp_path / "a").iterdir():
        os.utime(path, (1, 1))
    compiled(every_operator(), tmp_path / "a")
    assert {path.stat().st_mtime for path in (tmp_path / "a").iterdir()} == {1.0}


def test_kernels_of_an_earlier_model_go_and_files_of_others_stay(tmp_path: Path) -> None:
    compiled(every_operator(), tmp_path)
    (tmp_path / "my_notes.c").write_text("/* mine */")
    assert set(compiled(tiny(), tmp_path)) == DENSE_ONLY | {"my_notes.c"}


def test_labels_count_only_when_there_is_one_per_output(tmp_path: Path) -> None:
    texts = compiled(tiny(labels=("one", "two", "three")), tmp_path)
    assert b"#define MCU_SLM_MODEL_CLASS_COUNT 0\n" in texts["model.h"]
    assert b"labels" not in texts["model.c"]


def input_twice(graph: Graph) -> Graph:
    return replace(graph, inputs=(*graph.inputs, 0))


def float_input(graph: Graph) -> Graph:
    tensors = (replace(graph.tensors[0], dtype="float32"), *graph.tensors[1:])
    return replace(graph, tensors=tensors)


def unknown_operator(graph: Graph) -> Graph:
    return replace(graph, nodes=(replace(graph.nodes[0], op="COS"),))


def constant_output(graph: Graph) -> Graph:
    return replace(graph, outputs=(1,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (input_twice, "a tensor is listed twice"),
        (float_input, r"layer 0 logits .*window has type float32; expected int8.*Quantise"),
        (unknown_operator, "COS has no INT8 kernel"),
        (constant_output, r"output weights.*constant"),
    ],
)
def test_an_unsupported_model_writes_nothing(change, message: str, tmp_path: Path) -> None:
    graph = change(tiny())
    with pytest.raises(ModelError, match=message):
        compile_model(graph, b"", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_unsupported_model_leaves_an_earlier_folder_as_it_was(tmp_path: Path) -> None:
    before = compiled(tiny(), tmp_path)
    with pytest.raises(ModelError):
        compile_model(unknown_operator(tiny()), b"", tmp_path)
    assert contents(tmp_path) == before


def test_an_unknown_kernel_family_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--kernels: 'fast'; expected one of portable"):
        compile_model(tiny(), b"", tmp_path / "out", "fast")
    assert not (tmp_path / "out").exists()


def test_a_model_whose_output_is_its_input_compiles(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.tensor("x", (2, 3), scale=1.0)
    y = b.tensor("y", (6,), scale=1.0)
    b.node("RESHAPE", [x], [y], new_shape=(6,))
    texts = compiled(b.build([x], [y]), tmp_path)
    assert b"MCU_SLM_MODEL_ARENA_BYTES 8\n" in texts["model.h"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "3", "null", '"x"', "{}", '{"layers": [1], "labels": [], "sources": []}'],
)
def test_a_broken_manifest_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ModelError, match=r"manifest\.json: no readable manifest.*mcu-slm compile"):
        load_compiled(tmp_path)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"No such file.*mcu-slm compile"):
        load_compiled(tmp_path)


def test_the_generated_text_reads_as_agreed(tmp_path: Path) -> None:
    """One golden text. After a wanted change: MCU_SLM_UPDATE_GOLDEN=1 pytest tests/compile."""
    compile_model(tiny(), b"a flatbuffer", tmp_path)
    found = (tmp_path / "model.c").read_text(encoding="utf-8").replace(__version__, "VERSION")
    if os.environ.get("MCU_SLM_UPDATE_GOLDEN"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")


def test_equal_tables_are_stored_once(tmp_path: Path) -> None:
    b = GraphBuilder()
    x = b.tensor("x", (1, 4), scale=0.1)
    first, second = (b.tensor(n, (1, 4), scale=1 / 256, zero_point=-128) for n in "ab")
    again = b.tensor("again", (1, 4), scale=0.1)
    shift = b.tensor("shift", (1, 4), scale=0.1, data=np.zeros((1, 4)))
    b.node("SOFTMAX", [x], [first], beta=1.0)
    b.node("ADD", [first, shift], [again], fused_activation_function="NONE")
    b.node("SOFTMAX", [again], [second], beta=1.0)
    texts = compiled(b.build([x], [second]), tmp_path)
    assert texts["model_weights.c"].count(b"const int32_t") == 1
    assert texts["model.c"].count(b".exp_table = mcu_slm_00_a_exp") == 2


@pytest.mark.host
def test_model_h_states_what_the_linker_sees(tmp_path: Path) -> None:
    """Arena, weights and tables are the sizes of the symbols in the built code."""
    graph = every_operator(("a", "b", "c"))
    model = compile_model(graph, tflite.write_model(graph), tmp_path)
    sources = [tmp_path / name for name in model.sources]
    library = build_host_library(sources, tmp_path, tmp_path / "build")
    with library.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        sizes = {symbol.name: symbol.entry.st_size for symbol in table.iter_symbols()}
    assert sizes["mcu_slm_arena"] == model.arena_bytes
    header = (tmp_path / "model_weights.h").read_text(encoding="utf-8")
    arrays = re.findall(r"extern const \w+ (\w+)\[", header)
    assert sum(sizes[name] for name in arrays) == model.weight_bytes + model.table_bytes
    text = (tmp_path / "model.h").read_text(encoding="utf-8")
    stated = {name: int(number.replace(",", "")) for name, number in re.findall(
        r"\* (Weights in flash|Tables in flash|Arena in RAM) +([\d,]+) bytes", text
    )}  # fmt: skip
    assert stated == {
        "Weights in flash": model.weight_bytes,
        "Tables in flash": model.table_bytes,
        "Arena in RAM": model.arena_bytes,
    }
    scratch = max(operator.scratch_bytes for operator in ops.parse_graph(graph))
    assert f"working memory of layers included ({scratch:,} at most)" in text
    assert f"{scratch:,} bytes of working memory" in (tmp_path / "model.c").read_text("utf-8")


def test_an_edited_file_is_compiled_over_only_by_force(tmp_path: Path) -> None:
    before = compiled(tiny(), tmp_path)
    (tmp_path / "model.c").write_text("/* mine */\n")
    with pytest.raises(UsageError, match=r"edited: model\.c"):
        compiled(every_operator(), tmp_path)
    assert contents(tmp_path) == before | {"model.c": b"/* mine */\n"}
    compile_model(tiny(), tflite.write_model(tiny()), tmp_path, force=True)
    assert contents(tmp_path) == before
