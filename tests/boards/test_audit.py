"""Every chip file, against what somebody else says about the chip."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mcu_slm import boards, resources
from mcu_slm.boards import Chip

pytestmark = pytest.mark.unit
Ranges = list[list[int]]

FACTS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("independent_facts.toml").read_text(encoding="utf-8")
)
NAMES = sorted(path.stem for path in (resources.folder("boards") / "chips").glob("*.toml"))
CHIPS: dict[str, Chip] = {
    board.chip.name: board.chip for board in map(boards.load_board, boards.list_boards())
}
CORES = {
    "cortex-m0": "Cortex-M0",
    "cortex-m0plus": "Cortex-M0+",
    "cortex-m3": "Cortex-M3",
    "cortex-m4": "Cortex-M4",
    "cortex-m7": "Cortex-M7",
    "cortex-m33": "Cortex-M33",
}
FPUS = {"none": "none", "fpv4-sp-d16": "single", "fpv5-sp-d16": "single", "fpv5-d16": "double"}
_ITCM_END = 0x1000_0000
F4_DMA2 = 0x4002_6400
LEFT_OUT_INPUTS = {"stm32h563zi": {"PA0"}}  # that take more than the table can say


def merged(ranges: Iterable[Iterable[int]]) -> Ranges:
    """Join ranges of [base, bytes] that are adjacent."""
    joined: Ranges = []
    for base, size in sorted(tuple(row) for row in ranges):
        if joined and sum(joined[-1]) == base:
            joined[-1][1] += size
        else:
            joined.append([base, size])
    return joined


def memories(chip: Chip, *kinds: str) -> Ranges:
    return merged([m.base, m.size_bytes] for m in chip.memories if m.kind in kinds)


def test_every_chip_can_be_audited() -> None:
    assert set(NAMES) == set(CHIPS)
    missing = set(NAMES) - set(FACTS)
    assert not missing, f"add {', '.join(sorted(missing))} to independent_facts.toml"
    assert len(NAMES) > 2


def test_the_independent_facts_name_their_sources() -> None:
    for name, facts in FACTS.items():
        assert facts["source"], name
        assert ("more_ram" in facts) == ("more_ram_source" in facts), name
        assert facts.get("chip_clock_hz", 0) < facts["clock_hz"], name


@pytest.mark.parametrize("name", NAMES)
def test_core_and_limits_agree(name: str) -> None:
    chip, facts = CHIPS[name], FACTS[name]
    assert CORES[chip.core] == facts["core"]
    assert FPUS[chip.fpu] == facts["fpu"]
    assert chip.max_clock_hz == facts.get("chip_clock_hz", facts["clock_hz"])
    assert chip.bootloader_product_id == facts["device_id"]
    assert chip.family.idcode == facts["idcode"]


@pytest.mark.parametrize("name", NAMES)
def test_memories_agree(name: str) -> None:
    chip, facts = CHIPS[name], FACTS[name]
    assert memories(chip, "flash") == merged(facts["flash"])
    ours = merged([*memories(chip, "ram", "ccm"), *facts.get("left_out", [])])
    assert ours == merged([*facts["ram"], *facts.get("more_ram", [])])


@pytest.mark.parametrize("name", NAMES)
def test_pyocd_can_find_the_target(name: str) -> None:
    targets = pytest.importorskip("pyocd.target", reason="the extra [flash] is not installed")
    names = {part.lower() for part in FACTS[name]["pack_names"]} | set(targets.TARGET)
    assert CHIPS[name].pyocd_target in names


def test_memories_agree_with_the_targets_that_come_with_pyocd() -> None:
    """Where pyOCD does not know a RAM it says nothing about it; what it knows must be there."""
    targets = pytest.importorskip("pyocd.target", reason="the extra [flash] is not installed")
    known = {name: targets.TARGET.get(chip.pyocd_target) for name, chip in CHIPS.items()}
    audited = {name for name, target in known.items() if target is not None}
    assert audited >= {"stm32f429zi", "stm32f767zi", "stm32h743zi"}
    for name in audited:
        regions = list(known[name].MEMORY_MAP)
        flash = merged([r.start, r.length] for r in regions if r.type.name == "FLASH")
        assert flash == memories(CHIPS[name], "flash"), name
        left_out = FACTS[name].get("left_out", [])
        ours = merged([*memories(CHIPS[name], "ram", "ccm"), *left_out])
        rams = [r for r in regions if r.type.name == "RAM" and r.start >= _ITCM_END]
        assert rams, name
        for ram in rams:
            assert any(b <= ram.start and ram.start + ram.length <= b + n for b, n in ours), name


@pytest.mark.parametrize("name", NAMES)
def test_ports_and_the_enables_of_their_clocks_agree(name: str) -> None:
    chip, facts = CHIPS[name], FACTS[name]
    assert facts["ports_source"]
    ours = []
    for port in chip.ports:
        enable = chip.family.clock_enable(port.rcc_enable_register, port.rcc_enable_bit)
        assert enable is not None, port.name
        ours.append([port.name, port.base, enable.address, port.rcc_enable_bit])
    assert ours == facts["ports"]


@pytest.mark.parametrize("name", NAMES)
def test_fields_that_select_the_clocks_of_ports_agree(name: str) -> None:
    chip = CHIPS[name]
    ours = []
    for port in chip.spis:
        if port.clock_select is not None:
            place = chip.family.place(port.clock_select.place)
            ours.append([port.name, place.address, place.mask])
    assert ours == FACTS[name].get("port_clocks", [])


@pytest.mark.parametrize("name", boards.list_boards())
def test_pins_of_ports_agree(name: str) -> None:
    board = boards.load_board(name)
    console, i2c, spi = board.console, board.i2c, board.spi
    usart = console.usart.name
    ours = [
        [usart, "TX", console.tx_pin, console.alternate_function],
        [usart, "RX", console.rx_pin, console.rx_alternate_function],
    ]
    if i2c is not None:
        wires = ("SCL", i2c.scl_pin), ("SDA", i2c.sda_pin)
        ours += [[i2c.port, *wire, i2c.alternate_function] for wire in wires]
    if spi is not None:
        wires_of_spi = ("SCK", spi.sck_pin), ("MISO", spi.miso_pin), ("MOSI", spi.mosi_pin)
        ours += [[spi.port, *wire, spi.alternate_function] for wire in wires_of_spi]
    if board.chip.family.name == "stm32f1":
        assert all(row.pop() == 0 for row in ours)
    for row in ours:
        assert row in FACTS[board.chip.name]["pins"]


def facts_of(board: boards.Board) -> dict[str, Any]:
    sampling: dict[str, Any] = FACTS[board.chip.name]["sampling"]
    return sampling


def bit_of(chip: Chip, place: str) -> list[int]:
    field = chip.family.place(place)
    return [field.address, (field.mask & -field.mask).bit_length() - 1]


@pytest.mark.parametrize("name", NAMES)
def test_timer_converter_and_dma_agree(name: str) -> None:
    """Firmware and simulator read one file: together they would see no mistake in it."""
    chip, facts = CHIPS[name], FACTS[name]["sampling"]
    chain = chip.sampling_chain
    assert chain is not None
    assert (chain.base, chain.timer.base) == (facts["converter"], facts["timer"])
    assert chain.timer.bits == facts["timer_bits"]
    assert chain.timer.trigger << chain.trigger_bit == facts["trigger"]
    dma = chain.dma
    assert dma.base == facts["dma"]
    assert dma.channel == facts.get("dma_channel", dma.channel)
    assert ("dma_channel" in facts) == (dma.selector in {"fixed", "CSELR"} or dma.base == F4_DMA2)
    assert dma.request == facts.get("dma_request", 0)
    assert dma.mux_base == facts.get("dma_mux", 0)
    dividers = [bit_of(chip, p) for p in (chain.timer.ahb_divider, chain.timer.apb_divider)]
    assert dividers == facts["dividers"]
    assert chain.common_value == facts.get("common_value", 0)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_switched_on_for_analog_inputs_agrees(name: str) -> None:
    chip, facts = CHIPS[name], FACTS[name]["sampling"]
    chain = chip.sampling_chain
    assert chain is not None
    rows = [[*bit_of(chip, field.place), field.value] for field in chain.fields]
    others = facts.get("other_fields", [])
    assert sorted(rows) == sorted([*([*bit, 1] for bit in facts["enable_bits"]), *others])


@pytest.mark.parametrize("name", boards.list_boards())
def test_analog_inputs_agree(name: str) -> None:
    """A family's table may have pins that a chip's package lacks; a board names none of these."""
    board = boards.load_board(name)
    chain = board.chip.sampling_chain
    assert chain is not None
    channels = facts_of(board)["pins"]
    shared = {pin: number for pin, number in chain.channels.items() if pin in channels}
    assert shared == {pin: number for pin, number in channels.items() if pin in shared}
    assert set(channels) - set(shared) == LEFT_OUT_INPUTS.get(board.chip.name, set())
    assert board.adc is not None
    assert set(board.adc.pins) <= set(shared)
    assert len(board.adc.pins) >= 3
