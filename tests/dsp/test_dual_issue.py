"""Assembly for cores that start two instructions at a time: what it loads, and that order is kept.

What it computes is compared with the judge beside each kernel's other tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest

from mcu_slm import tflite
from mcu_slm.compile import compile_model
from mcu_slm.dsp.assembly import Instruction, parse, single_loads
from mcu_slm.dsp.dual_issue import DUAL_ISSUE_CORES, ordered, paired
from mcu_slm.ir import Graph
from mcu_slm.resources import KERNELS
from tests.dsp import test_batch_matmul, test_depthwise, test_lstm, test_winograd
from tests.dsp.legs import Legs, differences, legs_of
from tests.dsp.ways import first_way
from tests.models import every_operator, merge, needs_judge
from tests.ops.case import Case
from tests.ops.cases import conv, fully_connected

SEVERAL = re.compile(r"v?ldm\w*(\.w)?|ldrd(\.w)?")
"""Loads of several registers."""
NOT_FOR_PAIRS = ("dsp_gemv_panels.c.j2",)
"""Inputs stay in registers there: nothing is gained where they come from memory beside products."""


def products() -> list[Case]:
    """Convolutions and rows whose depths fill the registers with weights, or not, once or often."""
    rows = [(1, 24, 16), (1, 70, 32), (1, 130, 40), (1, 2, 8), (4, 2, 6), (8, 64, 12), (5, 70, 9)]
    rows.append((1, 128, 72))
    return [
        *(fully_connected(f"{n} rows of {k}", (n, k), outputs) for n, k, outputs in rows),
        conv("deep", (1, 3, 5, 140), (1, 1), 6),
        conv("clamped", (1, 4, 5, 24), (1, 1), 5, activation="RELU6"),
        conv("window", (1, 6, 7, 5), (3, 3), 7, padding="SAME", zero_points=(3, -5)),
    ]


def models() -> Iterator[tuple[str, Graph, AbstractContextManager[None]]]:
    """Models of every kind of layer that has assembly, and how their kernels are chosen."""
    yield "operators", every_operator(), first_way()
    for name, cases in (
        ("products", products()),
        ("bmm", test_batch_matmul.cases()),
        ("lstm", test_lstm.cases()),
    ):
        yield name, merge([case.graph for case in cases]), first_way()
    depthwise = [layer.graph() for layer in test_depthwise.LAYERS.values()]
    yield "depthwise", merge(depthwise), nullcontext()
    winograd = [layer.graph() for layer in test_winograd.LAYERS.values()]
    yield "winograd", merge(winograd), test_winograd.all_by_tiles()


@pytest.fixture(scope="module", params=["cortex-m4", *DUAL_ISSUE_CORES])
def compiled_for(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, list[str]]]:
    """Return a core, and the generated C files by the template that each was made of."""
    folder = tmp_path_factory.mktemp("dual_issue")
    found: dict[str, list[str]] = {}
    for name, graph, way in models():
        with way:
            raw = tflite.write_model(graph)
            compile_model(graph, raw, folder / name, "dsp", core=request.param)
        for path in (folder / name).glob("*.[ch]"):
            text = path.read_text()
            source = re.search(r"mcu_slm/kernels/dsp/(\S+\.[ch](?:\.j2)?) instead", text)
            if source is not None:
                found.setdefault(source[1], []).append(text)
    return request.param, found


def loops(text: str) -> list[list[str]]:
    """Return the mnemonics of each loop of the assembly in a C text, outer ones with the inner."""
    found = []
    for statement in text.split("__asm__ volatile(")[1:]:
        lines = re.findall(r'"\s*(.*?)\s*\\n"', statement.partition(");")[0])
        for place, line in enumerate(lines):
            label = re.fullmatch(r"(\d):", line)
            if label is None:
                continue
            back = re.compile(rf"b\w*(\.w)? +{label[1]}b")
            ends = [n for n in range(place, len(lines)) if back.fullmatch(lines[n])]
            # A label that nothing branches back to is where shallow layers enter a loop.
            if ends:
                found.append([line.split()[0] for line in lines[place + 1 : ends[0]]])
    return found


def with_assembly(core: str) -> set[str]:
    """Return the templates that hold assembly statements with loops and that a core has use for."""
    return {
        path.name
        for path in (KERNELS / "dsp").glob("*.c.j2")
        if "__asm__ volatile" in path.read_text()
        and not (path.name in NOT_FOR_PAIRS and core in DUAL_ISSUE_CORES)
    }


@pytest.mark.unit
def test_no_loop_loads_several_registers(
    compiled_for: tuple[str, dict[str, list[str]]],
) -> None:
    core, texts = compiled_for
    assert with_assembly(core) <= set(texts)
    several = {
        name
        for name, files in texts.items()
        for text in files
        for loop in loops(text)
        if any(SEVERAL.fullmatch(mnemonic) for mnemonic in loop)
    }
    if core in DUAL_ISSUE_CORES:
        assert several == set()
        assert not any("mcu_slm_copy_four(&" in text for text in texts["dsp_depthwise.c.j2"])
    else:
        assert several == with_assembly(core) - {"dsp_add_short.c.j2"}  # it loads single bytes


@pytest.mark.unit
def test_repeated_products_do_not_wait_for_what_starts_right_before_them(
    compiled_for: tuple[str, dict[str, list[str]]],
) -> None:
    core, texts = compiled_for
    repeated = [body for files in texts.values() for text in files for body in repetitions(text)]
    bodies = [body for body in repeated if "smla" in body]
    assert len(bodies) > 20
    if core in DUAL_ISSUE_CORES:
        assert [body for body in bodies if waiting(body)] == []
    else:
        many = [body for body in bodies if body.count("smla") > 2]  # for several sums at a time
        assert all("ldm" in body or "ldrd" in body for body in many)


def repetitions(text: str) -> list[str]:
    """Return what the assembly of a C text repeats for numbers, an instruction a line."""
    bodies = re.findall(r'"\.irp k, .*?\n(.*?)"\.endr', text, re.DOTALL)
    return ["\n".join(re.findall(r'"\s*(.*?)\s*\\n"', body)) for body in bodies]


def waiting(body: str) -> int:
    """Return how many instructions read what the one before them loads or sums up."""
    stretch = instructions(body)
    slow = [one.writes if one.unit in ("memory", "product") else set() for one in stretch]
    return sum(bool(slow[place - 1] & one.reads) for place, one in enumerate(stretch))


def instructions(text: str) -> list[Instruction]:
    found = [parse(line) for line in text.strip().splitlines()]
    assert None not in found
    return [one for one in found if one is not None]


@pytest.mark.unit
@pytest.mark.parametrize(
    ("several", "single"),
    [
        ("ldm    lr!, {r8-r10}", ["r9, [lr, #4]", "r10, [lr, #8]", "r8, [lr], #12"]),
        ("ldm.w  r0, {r0, r2}", ["r2, [r0, #4]", "r0, [r0, #0]"]),
        ("ldm    sp, {r3-r4}", ["r4, [sp, #4]", "r3, [sp, #0]"]),
        ("ldrd   r8, r9, [sp, #24]", ["r8, [sp, #24]", "r9, [sp, #28]"]),
        ("ldrd   r8, r9, [r8]", ["r9, [r8, #4]", "r8, [r8, #0]"]),
        ("ldrd   r8, r9, [r0], #8", ["r9, [r0, #4]", "r8, [r0], #8"]),
        ("ldrd   r8, r9, [lr, #4]!", ["r8, [lr, #4]!", "r9, [lr, #4]"]),
    ],
)
def test_several_loads_become_single_ones(several: str, single: list[str]) -> None:
    assert [" ".join(line.split()[1:]) for line in single_loads(several)] == single
    assert {line.split()[0] for line in single_loads(several)} == {"ldr"}


@pytest.mark.unit
def test_what_is_not_known_stays_where_it_stands() -> None:
    for text in ("1:", "bne.w  1b", "it eq", "addeq r0, r0, #4", "push {r4-r11}", ".p2align 2"):
        assert parse(text) is None


@pytest.mark.unit
def test_loads_come_between_products() -> None:
    text = "\n".join(
        [f"ldr r{n}, [lr, #{4 * n}]" for n in range(4, 8)]
        + [f"smlad r{n}, r{4 + n}, r8, r{n}" for n in range(4)]
    )
    kinds = [one.unit for one in ordered(instructions(text))]
    assert kinds == ["memory"] * 3 + ["product", "memory"] + ["product"] * 3
    assert kinds != sorted(kinds)


class Machine:
    """Registers and words of memory, and what the instructions of a random stretch do to them."""

    def __init__(self) -> None:
        self.registers = {f"r{n}": 1000 * n + 17 for n in range(10)} | {"lr": 4000, "sp": 8000}
        self.memory: dict[int, int] = {}

    def run(self, one: Instruction) -> None:
        """Execute an instruction."""
        name, _, rest = one.text.partition(" ")
        fields = [field.strip(" []!") for field in rest.split(",")]
        if name in ("ldr", "str"):
            self._access(name, fields, moves="!" in rest or "]," in rest, first="], #" not in rest)
            return
        values = [self._value(field) for field in fields[1:]]
        if name == "smlad":
            result = values[0] * values[1] + values[2]
        else:
            result = {"add": 1, "sub": -1}[name] * values[1] + values[0]
        self.registers[fields[0]] = result % 2**32

    def _access(self, name: str, fields: list[str], *, moves: bool, first: bool) -> None:
        register, base, offset = fields[0], fields[1], self._value(fields[2])
        address = self.registers[base] + (offset if first else 0)
        if name == "str":
            self.memory[address] = self.registers[register]
        if moves:
            self.registers[base] += offset
        if name == "ldr":
            self.registers[register] = self.memory.get(address, address * 7 + 3)

    def _value(self, field: str) -> int:
        return int(field[1:]) if field.startswith("#") else self.registers[field]


def random_stretch(rng: np.random.Generator) -> str:
    """Return instructions that load, store, move pointers and compute, at random."""
    registers = [f"r{n}" for n in range(10)]
    lines = []
    for _ in range(int(rng.integers(2, 30))):
        x, y, z = rng.choice(registers, 3)
        base, offset = rng.choice(["lr", "sp"]), 4 * int(rng.integers(0, 4))
        place = rng.choice(
            [f"[{base}, #{offset}]", f"[{base}], #{offset}", f"[{base}, #{offset}]!"]
        )
        kinds = [f"ldr {x}, {place}", f"str {x}, {place}", f"smlad {x}, {y}, {z}, {x}"]
        lines.append(rng.choice([*kinds, f"add {x}, {y}, {z}", f"sub {x}, {y}, #{offset}"]))
    return "\n".join(lines)


@pytest.mark.unit
def test_another_order_computes_the_same() -> None:
    rng = np.random.default_rng(2)
    moved = 0
    for _ in range(200):
        stretch = instructions(random_stretch(rng))
        order = ordered(stretch)
        assert sorted(one.text for one in order) == sorted(one.text for one in stretch)
        machines = Machine(), Machine()
        for machine, sequence in zip(machines, (stretch, order), strict=True):
            for one in sequence:
                machine.run(one)
        assert machines[0].registers == machines[1].registers
        assert machines[0].memory == machines[1].memory
        moved += order != stretch
    assert moved > 100


@pytest.mark.unit
def test_flags_are_compared_and_selected_in_their_order() -> None:
    text = """
ssub8 r10, r0, r8
sel r0, r0, r8
ssub8 r10, r9, r0
sel r0, r0, r9
ssub8 r10, r1, r8
sel r1, r1, r8
cmp r8, r9
"""
    stretch = instructions(text)
    assert [one.text for one in ordered(stretch) if one.text[:3] != "cmp"] == [
        one.text for one in stretch[:-1]
    ]


@pytest.mark.unit
def test_sums_come_between_others_unless_something_is_selected_by_them() -> None:
    sums = "sadd16 r0, r1, r2\nsadd16 r3, r1, r1\nsmlad r5, r3, r3, r5"
    assert ordered(instructions(sums))[0].text.startswith("sadd16 r3")
    selected = "ssub8 r6, r7, r8\nsel r7, r7, r8\n" + sums
    names = [one.text.split()[0] for one in ordered(instructions(selected))]
    assert names.index("sel") < names.index("sadd16")


@pytest.mark.unit
def test_statements_keep_labels_comments_and_repetitions_over_numbers() -> None:
    source = """int32_t before;
        "1: \\n"
        "ldm    lr!, {r8-r9}        \\n" /* two */
        ".irp k, 0,1 \\n"
        "ldr    r8, [lr, #(4*\\\\k)] \\n"
        ".endr \\n"
        ".irp r, r1,r2 \\n"
        "lsl    \\\\r, \\\\r, #1 \\n"
        ".endr \\n"
        "bne    1b \\n"
int32_t after;"""
    lines = [re.sub(r"\s+", " ", line).strip() for line in paired(source).split("\n")]
    assert lines == [
        "int32_t before;",
        '"1: \\n"',
        '"ldr r9, [lr, #4] \\n" /* two */',
        '"ldr r8, [lr], #8 \\n"',
        '".irp k, 0,1 \\n"',
        '"ldr r8, [lr, #(4*\\\\k)] \\n"',
        '".endr \\n"',
        '"lsl r1, r1, #1 \\n"',
        '"lsl r2, r2, #1 \\n"',
        '"bne 1b \\n"',
        "int32_t after;",
    ]


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Legs:
    return legs_of(products(), tmp_path_factory.mktemp("products"), seed=6)


@needs_judge
@pytest.mark.emulator
@pytest.mark.parametrize(("kind", "optimization"), [("gcc", "-O2"), ("zig", "-Os")])
def test_matrix_products_equal_the_judge(kind: str, optimization: str, legs: Legs) -> None:
    assert differences(legs.core("cortex-m7", kind, optimization), legs.expected) == 0
