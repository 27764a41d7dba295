"""Converters and DMA at their registers: what is left out does not work, by generation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from mcu_slm import boards
from mcu_slm.boards.sampling_chain import SamplingDma
from mcu_slm.simulator.analog import AnalogChain
from mcu_slm.simulator.converters import CONVERTERS, Converter
from mcu_slm.simulator.memory_protection import MemoryProtection
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.sampling_dma import CONTROLLERS, Controller, Memory

pytestmark = pytest.mark.unit

ISR, CR, CFGR, CFGR2, SMPR, CHSELR, CCR = 0x00, 0x08, 0x0C, 0x10, 0x14, 0x28, 0x308
ADEN, ADDIS, ADSTART, ADSTP, ADCAL = 1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 31
REGULATOR = 1 << 28
SOURCE = 0x5004_0040
RAM = 0x2000_0000


class Rig:
    """A converter of a board, and time that passes."""

    def __init__(self, name: str) -> None:
        board = boards.load_board(name)
        chain = board.chip.sampling_chain
        assert chain is not None
        self.clock = Clock(lambda: 0)
        self.is_clocked = True
        self.converter: Converter = CONVERTERS[chain.generation](
            chain, self.clock, board.chip.reset_clock_hz, lambda: self.is_clocked
        )

    def write(self, *rows: tuple[int, int]) -> None:
        for offset, value in rows:
            self.converter.write(offset, value)
            self.clock.idle += 1000

    def read(self, offset: int) -> int:
        return self.converter.read(offset)


def third(rig: Rig) -> None:
    rig.write((CCR, 3 << 16), (CR, 0), (CR, REGULATOR), (CR, REGULATOR | ADCAL))


def second(rig: Rig) -> None:
    rig.write((CFGR2, 2 << 30), (CR, REGULATOR), (CR, REGULATOR | ADCAL))


@pytest.mark.parametrize(
    ("name", "calibrate"), [("nucleo_l476rg", third), ("nucleo_g071rb", second)]
)
def test_a_converter_gets_ready_in_order(name: str, calibrate: Callable[[Rig], None]) -> None:
    rig = Rig(name)
    calibrate(rig)
    assert rig.read(CR) == REGULATOR
    assert not rig.read(ISR) & 1
    rig.write((CR, REGULATOR | ADSTART))
    assert not rig.read(CR) & ADSTART  # it is not on
    rig.write((CR, REGULATOR | ADEN))
    assert rig.read(ISR) & 1
    rig.write((ISR, 1), (CR, REGULATOR | ADSTART))
    assert not rig.read(ISR) & 1
    assert rig.read(CR) == REGULATOR | ADEN | ADSTART
    rig.write((CFGR, 0xC03))
    assert rig.read(CFGR) == 0  # not while it converts
    rig.write((CR, REGULATOR | ADDIS))
    assert rig.read(CR) & ADEN
    rig.write((CR, REGULATOR | ADSTP), (CR, REGULATOR | ADDIS))
    assert rig.read(CR) == REGULATOR


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("nucleo_l476rg", [(CCR, 3 << 16), (CR, REGULATOR)]),  # straight out of deep power down
        ("nucleo_l476rg", [(CR, 0), (CR, REGULATOR)]),  # no clock
        ("nucleo_l476rg", [(CCR, 3 << 16), (CR, 0)]),  # no regulator
        ("nucleo_h743zi2", [(CCR, 2 << 18), (CR, 0), (CR, REGULATOR)]),  # without BOOST
        ("nucleo_g071rb", [(CFGR2, 2 << 30)]),
        ("nucleo_g071rb", [(CR, REGULATOR)]),
        ("nucleo_f072rb", []),
    ],
)
def test_a_calibration_without_what_it_needs_never_ends(
    name: str, rows: list[tuple[int, int]]
) -> None:
    rig = Rig(name)
    rig.write(*rows, (CR, ADCAL | (REGULATOR if rows and rows[-1][0] == CR else 0)))
    rig.clock.idle += 10**9
    assert rig.read(CR) & ADCAL


def test_a_regulator_takes_its_time() -> None:
    rig = Rig("nucleo_l476rg")
    rig.write((CCR, 3 << 16), (CR, 0))
    rig.converter.write(CR, REGULATOR)
    rig.clock.idle += 39  # 10 us on the reset clock are 40 clocks
    rig.write((CR, REGULATOR | ADCAL))
    assert rig.read(CR) & ADCAL


def test_a_converter_that_is_not_calibrated_does_not_get_ready() -> None:
    rig = Rig("nucleo_l476rg")
    rig.write((CCR, 3 << 16), (CR, 0), (CR, REGULATOR), (CR, REGULATOR | ADEN))
    assert rig.read(CR) == REGULATOR
    assert not rig.read(ISR) & 1


def test_without_its_clock_a_converter_keeps_nothing() -> None:
    rig = Rig("nucleo_f446re")
    rig.is_clocked = False
    rig.write((CR, 1))
    assert rig.read(CR) == 0
    rig.is_clocked = True
    assert rig.read(CR) == 0
    rig.write((CR, 1))
    assert rig.read(CR) == 1


def test_the_small_converter_tells_when_its_channels_are_chosen() -> None:
    rig = Rig("nucleo_g071rb")
    rig.write((CHSELR, 0x32), (SMPR, 6))
    assert rig.read(ISR) & 1 << 13
    assert rig.converter.channels == [1, 4, 5]
    assert rig.converter.result_of(1, 77) == 77
    rig.write((SMPR, 0))
    assert rig.converter.result_of(1, 77) == 0
    assert not Rig("nucleo_f072rb").read(ISR) & 1 << 13


def test_ranks_of_the_large_converter() -> None:
    rig = Rig("nucleo_l476rg")
    rig.write((0x30, 5 | 3 << 6 | 1 << 12 | 16 << 18 | 2 << 24), (0x34, 9 | 10 << 6))
    assert rig.converter.channels == [3, 1, 16, 2, 9, 10]


def test_the_stm32f1_calibrates_only_when_it_is_on() -> None:
    rig = Rig("nucleo_f103rb")
    rig.write((CR, 1 << 2))
    assert rig.read(CR) & 1 << 2
    rig.write((CR, 0), (CR, 1), (CR, 1 | 1 << 3))
    assert rig.read(CR) == 1
    armed = 1 << 20 | 4 << 17 | 1 << 8 | 1
    rig.write((CR, armed))
    assert not rig.converter.is_triggered
    rig.write((CR, 1), (CR, 1 | 1 << 2), (CR, armed))
    assert rig.converter.is_triggered
    rig.converter.note_overrun()
    assert rig.read(0x00) == 0  # it has no flag for that


def test_the_stm32l1_tells_that_it_is_on() -> None:
    rig = Rig("nucleo_l152re")
    assert not rig.read(0x00) & 1 << 6
    rig.write((CR, 1))
    assert rig.read(0x00) & 1 << 6


class Store:
    """Memory that DMA reaches: 64 KiB."""

    def __init__(self) -> None:
        self.data = bytearray(0x1_0000)

    def write(self, address: int, data: bytes) -> bool:
        place = address - RAM
        if not 0 <= place <= len(self.data) - len(data):
            return False
        self.data[place : place + len(data)] = data
        return True

    def read(self, address: int) -> int:
        place = address - RAM
        return int.from_bytes(self.data[place : place + 4], "little")

    @property
    def values(self) -> list[int]:
        return [int.from_bytes(self.data[n : n + 2], "little") for n in range(0, 8, 2)]


STREAM = SamplingDma("DMA2", "stream", 0x4002_6400, 0, (), "own", 3)
CHANNEL = SamplingDma("DMA1", "channel", 0x4002_0000, 1, (), "CSELR", 3)
LINKED = SamplingDma("GPDMA1", "linked", 0x4002_0000, 0, (), "own", 3)
STREAM_CR = 3 << 25 | 1 << 13 | 1 << 11 | 1 << 10 | 1 << 8
CHANNEL_CCR = 1 << 10 | 1 << 8 | 1 << 7 | 1 << 5
ITEM = RAM + 0x100
ROWS: dict[str, list[tuple[int, int]]] = {
    "stream": [(0x18, SOURCE), (0x1C, RAM), (0x14, 4), (0x10, STREAM_CR | 1)],
    "channel": [(0xA8, 3), (0x10, SOURCE), (0x14, RAM), (0x0C, 4), (0x08, CHANNEL_CCR | 1)],
    "linked": [
        (0x90, 1 | 1 << 16 | 1 << 19),
        (0x94, 3),
        (0x98, 8),
        (0x9C, SOURCE),
        (0xA0, RAM),
        (0x50, ITEM & 0xFFFF_0000),
        (0xCC, 1 << 29 | 1 << 27 | 1 << 16 | ITEM & 0xFFFC),
        (0x64, 1),
    ],
}
FACTS = {"stream": STREAM, "channel": CHANNEL, "linked": LINKED}
# Where the flags are, which tell of a half and of all, and where they are cleared.
FLAGS = {
    "stream": (0x00, 0x10, 0x20, 0x08),
    "channel": (0x00, 4, 2, 0x04),
    "linked": (0x60, 0x200, 0x100, 0x5C),
}


def started(kind: str, rows: list[tuple[int, int]] | None = None) -> tuple[Controller, Store]:
    store = Store()
    for place, word in enumerate((8, RAM, ROWS["linked"][6][1])):
        store.write(ITEM + 4 * place, word.to_bytes(4, "little"))
    memory = Memory(store.write, store.read)
    controller = CONTROLLERS[kind](FACTS[kind], memory, SOURCE, lambda: True)
    for offset, value in ROWS[kind] if rows is None else rows:
        controller.write(offset, value)
    return controller, store


@pytest.mark.parametrize("kind", ROWS)
def test_dma_goes_round_and_tells_of_each_half(kind: str) -> None:
    controller, store = started(kind)
    status, half, whole, clear = FLAGS[kind]
    seen = []
    for value in (11, 12, 13, 14):
        assert controller.store(value)
        seen.append(controller.read(status) & (half | whole))
    assert seen == [0, half, half, half | whole]
    assert store.values == [11, 12, 13, 14]
    controller.write(clear, half)
    assert controller.read(status) & (half | whole) == whole
    assert controller.store(21)
    assert store.values == [21, 12, 13, 14]


@pytest.mark.parametrize(
    ("kind", "place"), [(kind, n) for kind, rows in ROWS.items() for n in range(len(rows))]
)
def test_what_is_left_out_stops_dma(kind: str, place: int) -> None:
    rows = list(ROWS[kind])
    offset, _ = rows.pop(place)
    controller, store = started(kind, rows)
    taken = [controller.store(value) for value in (11, 12, 13, 14, 15)]
    if offset in {0x50, 0xCC}:  # the list is asked for behind the first round
        assert (taken[:4], store.values[:1]) != ([True] * 4, [15])
    else:
        assert not any(taken) or store.values == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", ROWS)
def test_another_request_or_source_is_not_served(kind: str) -> None:
    for facts, source in (
        (dataclasses.replace(FACTS[kind], request=4), SOURCE),
        (FACTS[kind], SOURCE + 4),
    ):
        store = Store()
        memory = Memory(store.write, store.read)
        controller = CONTROLLERS[kind](facts, memory, source, lambda: True)
        for offset, value in ROWS[kind]:
            controller.write(offset, value)
        assert not controller.store(11)


@pytest.mark.parametrize("kind", ROWS)
def test_memory_that_dma_does_not_reach_is_an_error(kind: str) -> None:
    rows = [(o, 0x1000_0000 if v == RAM else v) for o, v in ROWS[kind]]
    controller, _ = started(kind, rows)
    status = FLAGS[kind][0]
    assert not controller.store(11)
    assert controller.read(status) & {"stream": 8, "channel": 8, "linked": 1 << 10}[kind]
    assert not controller.store(12)


def test_the_settings_of_a_running_channel_stay() -> None:
    controller, _ = started("channel")
    controller.write(0x14, 0)
    assert controller.read(0x14) == RAM
    controller.write(0x08, 0)
    controller.write(0x14, 0)
    assert controller.read(0x14) == 0


def test_a_stream_does_not_start_while_its_flags_are_up() -> None:
    controller, _ = started("stream")
    for value in range(4):
        controller.store(value)
    controller.write(0x10, 0)
    controller.write(0x10, STREAM_CR | 1)
    assert not controller.read(0x10) & 1
    controller.write(0x08, 0x3D)
    controller.write(0x10, STREAM_CR | 1)
    assert controller.read(0x10) & 1


def test_a_linked_channel_is_reset_only_while_it_is_suspended() -> None:
    controller, _ = started("linked")
    controller.write(0x64, 2)
    assert controller.read(0x64) == 1
    controller.write(0x64, 4)
    assert controller.read(0x60) & 1 << 13
    assert not controller.store(1)
    controller.write(0x64, 2)
    assert controller.read(0x64) == 0


@pytest.mark.parametrize(
    ("kind", "offset", "value"),
    [
        ("stream", 0x28, 1),  # stream 1
        ("stream", 0x10, STREAM_CR | 1 << 4),  # its interrupt
        ("stream", 0x08, 0x3D << 6),  # flags of stream 1
        ("channel", 0x1C, 1),  # channel 2
        ("channel", 0x08, CHANNEL_CCR | 1 << 1),
        ("channel", 0xA8, 3 << 4),
        ("linked", 0x50 + 0x80, 1),  # channel 1
        ("linked", 0x64, 1 << 8),
    ],
)
def test_dma_that_is_not_modelled_is_reported(kind: str, offset: int, value: int) -> None:
    store, reports = Store(), []
    memory = Memory(store.write, store.read)
    controller = CONTROLLERS[kind](FACTS[kind], memory, SOURCE, lambda: True)
    controller.report = lambda address, _feature: reports.append(address)
    for row in ROWS[kind]:
        controller.write(*row)
    assert reports == []
    controller.write(offset, value)
    assert reports == [FACTS[kind].base + offset]


def test_other_channels_of_the_multiplexer_are_reported() -> None:
    facts = SamplingDma("DMA1", "channel", 0x4002_0000, 2, (), "DMAMUX", 5, 0x4002_0800)
    controller = CONTROLLERS["channel"](facts, Memory(Store().write, Store().read), 0, lambda: True)
    reports: list[int] = []
    _, mux = controller.blocks
    mux.report = lambda address, _feature: reports.append(address)
    mux.write(4, 5)
    assert reports == []
    mux.write(0, 5)
    mux.write(4, 5 | 1 << 8)
    assert reports == [0x4002_0800, 0x4002_0804]


@pytest.mark.parametrize(
    ("name", "offset", "value"),
    [("nucleo_f446re", 0x04, 1 << 5), ("nucleo_l476rg", 0x04, 1), ("nucleo_g071rb", 0x04, 1)],
)
def test_interrupts_of_converters_are_reported(name: str, offset: int, value: int) -> None:
    rig, reports = Rig(name), []
    rig.converter.report = lambda address, _feature: reports.append(address)
    rig.write((offset, value))
    assert reports == [rig.converter.base + offset]


def test_a_timer_alone_keeps_what_is_written_and_its_other_uses_are_reported() -> None:
    chip = boards.load_board("nucleo_l476rg").chip
    registers = {0x4002_1058: 1}  # the timer's clock, and no other
    chain = AnalogChain(
        chip, Clock(lambda: 0), lambda a: registers.get(a, 0), Memory(Store().write, Store().read)
    )
    reports: list[int] = []
    chain.report = lambda address, _feature: reports.append(address)
    for offset, value in ((0x28, 9), (0x2C, 99), (0x14, 1), (0x00, 1)):
        chain.write(offset, value)
    assert (chain.read(0x28), chain.read(0x2C), reports) == (9, 99, [])
    chain.converter.write(CR, REGULATOR)
    assert chain.converter.read(CR) == 0  # its clock is off
    chain.write(0x0C, 1)  # an interrupt at its overflow
    assert reports == [chain.base + 0x0C]


TEX_1 = 1 << 19


@pytest.mark.parametrize(
    ("control", "base", "attributes", "is_uncached"),
    [
        (5, RAM, 3 << 24 | TEX_1 | 6 << 1 | 1, True),
        (0, RAM, 3 << 24 | TEX_1 | 6 << 1 | 1, False),
        (5, RAM, 3 << 24 | TEX_1 | 6 << 1, False),  # not enabled
        (5, RAM, 3 << 24 | TEX_1 | 5 << 1 | 1, False),  # 64 bytes of 128
        (5, RAM + 64, 3 << 24 | TEX_1 | 6 << 1 | 1, False),  # begins between two
        (5, RAM, 3 << 24 | TEX_1 | 1 << 17 | 6 << 1 | 1, False),  # cached: C
        (5, RAM, 3 << 24 | 1 << 16 | 6 << 1 | 1, False),  # a device: B
    ],
)
def test_a_region_takes_memory_out_of_the_cache(
    control: int, base: int, attributes: int, is_uncached: bool
) -> None:
    unit = MemoryProtection()
    for offset, value in ((0xED98, 3), (0xED9C, base), (0xEDA0, attributes), (0xED94, control)):
        unit.write(offset, value)
    assert unit.is_uncached(RAM, 128) == is_uncached
    assert unit.read(0xEDA0) == attributes
    assert unit.read(0xED9C) == base | 3


def test_where_regions_overlap_the_highest_number_counts() -> None:
    unit = MemoryProtection()
    uncached, cached = 3 << 24 | TEX_1 | 6 << 1 | 1, 3 << 24 | 1 << 17 | 6 << 1 | 1
    unit.write(0xED9C, RAM | 1 << 4 | 1)
    unit.write(0xEDA0, uncached)
    unit.write(0xED94, 5)
    assert unit.is_uncached(RAM, 4)
    unit.write(0xED9C, RAM | 1 << 4 | 2)
    unit.write(0xEDA0, cached)
    assert not unit.is_uncached(RAM, 4)
