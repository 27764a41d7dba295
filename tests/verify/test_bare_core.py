"""The generated C gives the judge's bytes on every core, without a board."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import dsp, judge, tflite, toolchain
from mcu_slm.compile import Choices, compile_model
from mcu_slm.errors import FirmwareFault, ToolError, UsageError
from mcu_slm.ir import Graph
from mcu_slm.manifest import CompiledModel
from mcu_slm.rows import Rows, pack
from mcu_slm.verify import BARE_CORES, BareModel, build_for_core
from tests.dsp.ways import first_way
from tests.models import every_operator, merge, needs_judge, tiny, windows_of
from tests.ops.cases import batch_matmul, conv, fully_connected
from tests.ops.cases_recurrent import lstm
from tests.ops.cases_windows import depthwise

pytestmark = pytest.mark.emulator

CORES = tuple(BARE_CORES)
WINDOWS = 20
# What the core lacks and Unicorn executes all the same, so the compiler must not write it.
FOREIGN = {
    "cortex-m0plus": r"it[te]*|cbn?z",
    "cortex-m3": r"smlal?[bt][bt]|sm(la|ul)w[bt]|smul[bt][bt]|sml[as]l?dx?|smu[as]dx?|smm\w+|umaal",
}


@pytest.fixture(scope="module", params=["gcc", "zig"])
def compiler(request: pytest.FixtureRequest) -> toolchain.ArmCompiler:
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    try:
        return toolchain.find_arm_compiler(request.param)
    except ToolError:
        pytest.skip(f"{request.param} is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("every_operator")


@pytest.fixture(scope="module")
def compiled(folder: Path) -> CompiledModel:
    graph = every_operator()
    return compile_model(graph, tflite.write_model(graph), folder / "code")


@pytest.fixture(scope="module")
def windows() -> Rows:
    return windows_of(every_operator(), WINDOWS, seed=9)[0]


@pytest.fixture(scope="module")
def expected(windows: Rows) -> Rows:
    return judge.run(tflite.write_model(every_operator()), [windows])[0].reshape(WINDOWS, -1)


def test_there_are_five_cores() -> None:
    assert CORES == ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")


@needs_judge
@pytest.mark.slow
@pytest.mark.parametrize("core", dsp.CORES)
@pytest.mark.parametrize("optimize", ["speed", "size", "ram"])
def test_dsp_kernels_give_the_judges_bytes(
    core: str,
    optimize: str,
    compiler: toolchain.ArmCompiler,
    folder: Path,
    windows: Rows,
    expected: Rows,
) -> None:
    graph, code = every_operator(), folder / f"dsp-{core}-{optimize}"
    with first_way():
        compiled = compile_model(graph, tflite.write_model(graph), code, "dsp", optimize, core)
    build_dir = folder / f"{compiler.kind}-{core}-{optimize}"
    elf = build_for_core(code, compiled, core, build_dir, compiler=compiler)
    assert {"smlad", "smmla"} <= {text.split()[0] for text in disassemble(elf)}
    outputs = BareModel(elf, compiled, core).predict(windows[:4])
    assert np.count_nonzero(outputs != expected[:4]) == 0


@needs_judge
@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
def test_every_operator_gives_the_judges_bytes(
    core: str,
    compiler: toolchain.ArmCompiler,
    folder: Path,
    compiled: CompiledModel,
    windows: Rows,
    expected: Rows,
) -> None:
    build_dir = folder / f"{compiler.kind}-{core}"
    elf = build_for_core(folder / "code", compiled, core, build_dir, compiler=compiler)
    model = BareModel(elf, compiled, core)
    outputs = model.predict(windows)
    assert np.count_nonzero(outputs != expected) == 0
    assert len(model.instructions) == WINDOWS
    assert min(model.instructions) > compiled.macs
    assert 100 < model.stack_bytes < 4096
    if core in FOREIGN:
        used = {text.split()[0].split(".")[0] for text in disassemble(elf)}
        assert len(used) > 30
        assert not [name for name in used if re.fullmatch(FOREIGN[core], name)]


def kinds() -> Graph:
    """Return a model of layers that kernels are made for, each large enough to get them."""
    same = {"padding": "SAME", "activation": "RELU", "zero_points": (-128, -128)}
    cases = [
        conv("image", (1, 16, 16, 32), (3, 3), 8, **same),
        conv("small image", (1, 6, 6, 8), (3, 3), 8, **same),
        conv("window", (1, 9, 8, 3), (3, 3), 12, stride=(2, 2), **same),
        conv("pointwise", (1, 5, 7, 20), (1, 1), 10),
        depthwise("image", (1, 12, 10, 8), (3, 3), **same),
        depthwise("sequence", (1, 1, 32, 8), (1, 5), **same),
        fully_connected("row", (1, 512), 96),
        fully_connected("rows", (9, 24), 16),
        batch_matmul("matrices", (2, 8, 16), (2, 16, 8)),
        batch_matmul("row", (1, 1, 16), (1, 16, 12)),
        lstm("sequence", (1, 8, 12), 16),
    ]
    return merge([every_operator(), *(case.graph for case in cases)])


@pytest.fixture(scope="module")
def model_of_kinds(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Graph, bytes, Path, Rows, Rows]:
    graph = kinds()
    raw = tflite.write_model(graph)
    inputs = windows_of(graph, 3, seed=4)
    outputs = pack(graph, graph.outputs, judge.run(raw, inputs))
    return graph, raw, tmp_path_factory.mktemp("kinds"), pack(graph, graph.inputs, inputs), outputs


MADE_FOR = (
    "gemm", "gemv", "depthwise", "bmm", "lstm_input", "lstm_steps", "winograd", "winograd4",
)  # fmt: skip
"""What the names of kernels begin with that a core with DSP instructions gets for `kinds`."""


@needs_judge
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m3", "cortex-m7", "cortex-m33"])
def test_a_core_runs_what_it_gets_by_default(
    core: str,
    compiler: toolchain.ArmCompiler,
    model_of_kinds: tuple[Graph, bytes, Path, Rows, Rows],
) -> None:
    graph, raw, folder, windows, expected = model_of_kinds
    family, code = Choices().family(core), folder / core
    compiled = compile_model(graph, raw, code, family, core=core)
    made = [path.name for path in code.glob("mcu_slm_dsp_*.c")]
    assert family == ("portable" if core in FOREIGN else "dsp")
    kinds = {kind for kind in MADE_FOR for name in made if name.startswith(f"mcu_slm_dsp_{kind}_")}
    assert kinds == (set(MADE_FOR) if family == "dsp" else set())
    elf = build_for_core(
        code, compiled, core, folder / f"{core}-{compiler.kind}", compiler=compiler
    )
    found = BareModel(elf, compiled, core).predict(windows)
    assert np.count_nonzero(found != expected) == 0


def disassemble(elf: Path) -> list[str]:
    """Return every instruction of the program; mapping symbols tell code from literals."""
    import capstone
    from elftools.elf.elffile import ELFFile

    modes = capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
    decoder = capstone.Cs(capstone.CS_ARCH_ARM, modes)
    texts = []
    with elf.open("rb") as stream:
        file = ELFFile(stream)
        section = file.get_section_by_name(".text")
        marks = sorted(
            (symbol["st_value"], symbol.name[:2])
            for symbol in file.get_section_by_name(".symtab").iter_symbols()
            if symbol.name[:2] in {"$t", "$d"}
        )
        base, code = section["sh_addr"], section.data()
        ends = [address for address, _ in marks[1:]] + [base + len(code)]
        for (start, kind), end in zip(marks, ends, strict=True):
            if kind == "$t" and base <= start < end:
                found = list(decoder.disasm(code[start - base : end - base], start))
                texts += [f"{one.mnemonic} {one.op_str}" for one in found]
    return texts


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, CompiledModel]:
    graph = tiny()
    return tmp_path / "code", compile_model(graph, tflite.write_model(graph), tmp_path / "code")


def test_kernels_are_compiled_once(
    compiler: toolchain.ArmCompiler,
    small: tuple[Path, CompiledModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code, compiled = small
    cache = tmp_path / "cache"
    started: list[str] = []
    run = toolchain._run
    monkeypatch.setattr(
        toolchain, "_run", lambda command, *rest: (started.append(rest[1]), run(command, *rest))
    )

    def build(folder: Path, manifest: CompiledModel, name: str) -> bytes:
        started.clear()
        elf = build_for_core(
            folder, manifest, "cortex-m4", tmp_path / name, compiler=compiler, cache=cache
        )
        return elf.read_bytes()

    first = build(code, compiled, "first")
    assert sorted(Path(name).name for name in started) == sorted(
        [*compiled.sources, "mem.c", "linking model.elf"]
    )
    other_graph = tiny(name="another name")
    other = compile_model(other_graph, tflite.write_model(other_graph), tmp_path / "other")
    build(tmp_path / "other", other, "second")
    assert sorted(started) == ["linking model.elf", "model.c", "model_weights.c"]
    assert build(code, compiled, "first") == first
    assert started == ["linking model.elf"]
    kernel = code / "fully_connected_s8.c"
    kernel.write_text(kernel.read_text() + "extern int edited;\n")
    build(code, compiled, "first")
    assert sorted(Path(name).name for name in started) == [kernel.name, "linking model.elf"]


def test_broken_code_is_a_fault_and_not_a_hang(
    small: tuple[Path, CompiledModel], tmp_path: Path
) -> None:
    code, compiled = small
    windows = np.zeros((1, compiled.input_bytes), np.int8)
    for number, (statement, message) in enumerate(
        {
            '__asm__ volatile(".short 0xde00");': r"mcu_slm_layer_00_\w+: undefined instruction",
            'for (;;) { __asm__ volatile("nop"); }': r"has not returned after 10,000 instructions",
        }.items()
    ):
        text = (code / "model.c").read_text()
        spoilt = re.sub(r"(void mcu_slm_layer_00\w+\(void\)\n{\n)", rf"\1    {statement}\n", text)
        assert spoilt != text
        spoilt_code = tmp_path / f"spoilt{number}"
        spoilt_code.mkdir()
        for file in code.iterdir():
            (spoilt_code / file.name).write_bytes(file.read_bytes())
        (spoilt_code / "model.c").write_text(spoilt)
        elf = build_for_core(spoilt_code, compiled, "cortex-m4", tmp_path / f"build{number}")
        with pytest.raises(FirmwareFault, match=message):
            BareModel(elf, compiled, "cortex-m4").predict(windows, limit=10_000)


def test_every_call_is_one_stream_from_reset_state(
    compiler: toolchain.ArmCompiler, small: tuple[Path, CompiledModel], tmp_path: Path
) -> None:
    code, compiled = small
    text = (code / "model.c").read_text()
    text, resets = re.subn(
        r"void mcu_slm_model_reset\(void\)\n{\n",
        r"static int8_t state = 9;\n\g<0>    state = 3;\n",
        text,
    )
    text, answers = re.subn(
        r"(void mcu_slm_model_predict\(.*\)\n{\n)(.*)}",
        r"\1\2    output[0] = state++;\n}",
        text,
        flags=re.DOTALL,
    )
    assert (resets, answers) == (1, 1)
    (code / "model.c").write_text(text)
    elf = build_for_core(code, compiled, "cortex-m4", tmp_path / "build", compiler=compiler)
    model = BareModel(elf, compiled, "cortex-m4")
    windows = np.zeros((3, compiled.input_bytes), np.int8)
    for _ in range(2):
        assert model.predict(windows)[:, 0].tolist() == [3, 4, 5]


def test_an_unknown_core_is_named(small: tuple[Path, CompiledModel], tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"there is no 'cortex-a53'; expected one of cortex-m0plus"
    ):
        build_for_core(*small, "cortex-a53", tmp_path)
