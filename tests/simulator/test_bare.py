"""A bare core runs its own instructions, refuses those of others, and never hangs."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcu_slm import toolchain
from mcu_slm.errors import BoardError, FirmwareFault, McuSlmError, ToolError
from mcu_slm.simulator.bare import LINKER_SCRIPT, BareCore

pytestmark = pytest.mark.emulator

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33")
SOURCE = """
static int calls;
static int offset = 5;
int add(int a, int b, int c, int d);
int add(int a, int b, int c, int d) { return a + b + c + d + offset + 100 * calls++; }
int deeper(int n);
int deeper(int n)
{
    volatile int frame[256];
    frame[n & 255] = n;
    return deeper(n + 1) + frame[0];
}
void target(void);
void target(void) { __asm__ volatile("nop\\n nop\\n nop\\n nop\\n nop\\n nop"); }
"""
RETURN = "7047"
# Instructions, and the cores that have them: udiv, movw, qadd8, vadd.f32, vadd.f64, vmaxnm.f32, tt.
INSTRUCTIONS = {
    "b0fbf1f0": "cortex-m3 cortex-m4 cortex-m7 cortex-m33",
    "40f20100": "cortex-m3 cortex-m4 cortex-m7 cortex-m33",
    "80fa11f0": "cortex-m4 cortex-m7 cortex-m33",
    "30ee000a": "cortex-m4 cortex-m7 cortex-m33",
    "30ee000b": "cortex-m7",
    "80fe000a": "cortex-m7 cortex-m33",
    "40e800f0": "cortex-m33",
}
LOAD_FROM_R0_PLUS_1 = "01300168"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of Armv6-M instructions, which all cores have."""
    pytest.importorskip("unicorn", reason="needs the package unicorn")
    try:
        compiler = toolchain.find_arm_compiler()
    except ToolError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("bare")
    (folder / "program.c").write_text(SOURCE)
    (folder / "bare.ld").write_text(LINKER_SCRIPT)
    flags = (*compiler.target_flags("cortex-m0plus", "none"), *toolchain.COMMON_FLAGS, "-O1")
    objects = toolchain.compile_objects(
        compiler, [folder / "program.c"], folder, folder / "build", flags
    )
    # Without the collection of unused sections, which would leave `add` only.
    link_flags = (*compiler.target_flags("cortex-m0plus", "none"), "-nostdlib", "-T", "bare.ld")
    entry = ("-Wl,-e,add", "-g")
    return toolchain.link(compiler, objects, folder / "program.elf", (*link_flags, *entry), folder)


def with_code(program: Path, core: str, code: str) -> BareCore:
    """Return a core whose function `target` is `code`."""
    bare = BareCore(core, program, workspace_bytes=64)
    bare.write(bare.symbol("target"), bytes.fromhex(code + RETURN))
    return bare


@pytest.mark.parametrize("native", [None, False])
@pytest.mark.parametrize("core", CORES)
def test_functions_are_called_and_counted(program: Path, core: str, native: bool | None) -> None:
    bare = BareCore(core, program, native=native)
    assert [bare.call("add", 1, 2, 3, 4) for _ in range(3)] == [15, 115, 215]
    assert 0 < bare.instructions < 3 * 30
    assert 0 <= bare.stack_bytes < 64
    with_code(program, core, "").call("target")


@pytest.mark.parametrize("core", CORES)
def test_every_core_has_its_own_instructions(program: Path, core: str) -> None:
    for code, cores in INSTRUCTIONS.items():
        bare = with_code(program, core, code)
        if core in cores.split():
            bare.call("target")
            continue
        with pytest.raises(FirmwareFault, match=r"target: ") as caught:
            bare.call("target")
        assert caught.value.values["cause"] in {"undefined", "no_fpu"}


@pytest.mark.parametrize("core", CORES)
def test_only_armv6_m_insists_on_alignment(program: Path, core: str) -> None:
    bare = with_code(program, core, LOAD_FROM_R0_PLUS_1)
    if core != "cortex-m0plus":
        bare.call("target", bare.workspace)
        return
    with pytest.raises(FirmwareFault, match=r"target: access that must be word-aligned"):
        bare.call("target", bare.workspace)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("00de", r"target: undefined instruction"),
        ("00be", r"target: BKPT instruction without a debugger"),
        ("00df", r"target: executed SVC"),
        ("30bf", r"target: executed WFI"),
        ("fee7", r"target: has not returned after 1,000 instructions"),
    ],
    ids=["udf", "bkpt", "svc", "wfi", "endless"],
)
def test_what_does_not_compute_is_a_fault(
    program: Path, core: str, code: str, message: str
) -> None:
    with pytest.raises(FirmwareFault, match=message):
        with_code(program, core, code).call("target", limit=1000)


def test_too_much_stack_and_writes_behind_memory_are_faults(program: Path) -> None:
    with pytest.raises(FirmwareFault, match=r"deeper: stack overflow"):
        BareCore("cortex-m4", program).call("deeper", 0)
    store = with_code(program, "cortex-m4", "0160")  # str r1, [r0]
    store.call("target", store.end - 4, 7)
    assert store.read(store.end - 4, 4) == bytes([7, 0, 0, 0])
    with pytest.raises(FirmwareFault, match=r"write to an address where nothing is"):
        store.call("target", store.end, 7)
    with pytest.raises(FirmwareFault, match=r"write to flash"):
        store.call("target", store.symbol("target"), 7)


@pytest.mark.parametrize("core", CORES)
def test_a_null_pointer_is_a_fault(program: Path, core: str) -> None:
    load = with_code(program, core, "0068")  # ldr r0, [r0]
    assert load.call("target", load.symbol("_return")) == 0xE7FEBE00
    with pytest.raises(FirmwareFault, match=r"read of an address where nothing is, .*0x00000000"):
        load.call("target", 0)


def test_unknown_cores_and_functions_are_named(program: Path) -> None:
    with pytest.raises(BoardError, match=r"the core is 'cortex-m55'"):
        BareCore("cortex-m55", program)
    with pytest.raises(McuSlmError, match=r"there is no symbol 'subtract'"):
        BareCore("cortex-m4", program).call("subtract")
