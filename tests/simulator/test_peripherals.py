"""Registers of the chip without a core."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from mcu_slm import boards
from mcu_slm.boards.reset import reset_flags_of
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.peripherals import Peripherals
from mcu_slm.simulator.usart import SimulatedUsart, Wiring

CHIPS = [boards.load_board(name).chip for name in boards.list_boards()]
FAMILIES = {chip.family.name: chip.family for chip in CHIPS}

pytestmark = pytest.mark.unit

RCC, PWR, FLASH, GPIOA, USART1 = 0x40023800, 0x40007000, 0x40023C00, 0x40020000, 0x40011000
RXNE, TC, TXE = 1 << 5, 1 << 6, 1 << 7
# Per generation: status, receive, transmit, CR1, CR3, BRR, bits that switch all on.
OFFSETS = {1: (0x00, 0x04, 0x04, 0x0C, 0x14, 0x08, 0x200C), 2: (0x1C, 0x24, 0x28, 0, 8, 0xC, 0xD)}


class Wires:
    """Records what a port tells."""

    def __init__(self):
        self.line, self.sent, self.polls, self.features = False, [], 0, []

    def set_line(self, interrupt, high):
        assert interrupt == 37
        self.line = high

    def on_poll(self):
        self.polls += 1

    def report(self, address, feature):
        self.features.append((address, feature))


class Port:
    """A port of one generation, its clock and its wires."""

    def __init__(self, generation):
        self.instructions = 0
        self.clock = Clock(lambda: self.instructions)
        self.wires = Wires()
        wiring = Wiring(
            self.wires.set_line, self.wires.sent.append, self.wires.on_poll, self.wires.report
        )
        chip = boards.load_board("nucleo_f446re").chip
        facts = replace(chip.usarts[0], generation=generation)
        assert (facts.name, facts.base, facts.irq) == ("USART1", USART1, 37)
        self.usart = SimulatedUsart(facts, self.clock, wiring)
        names = ("status", "receive", "transmit", "cr1", "cr3", "brr", "on")
        for name, value in zip(names, OFFSETS[generation], strict=True):
            setattr(self, name, value)

    def open(self, interrupts=0):
        self.usart.write(self.brr, 390)
        self.usart.write(self.cr1, self.on | interrupts)

    def pass_time(self, clocks):
        self.instructions += clocks
        self.usart.advance()


@pytest.fixture(params=[1, 2])
def port(request):
    return Port(request.param)


def test_a_closed_port_sends_nothing(port):
    port.usart.write(port.transmit, 65)
    port.open()
    port.usart.write(port.transmit, 66)
    assert port.wires.sent == [66]


def test_a_byte_arrives_after_a_character_time(port):
    port.open()
    port.usart.send(b"A")
    port.pass_time(3899)
    assert not port.usart.read(port.status) & RXNE
    port.pass_time(1)
    assert port.usart.read(port.status) & RXNE
    assert port.usart.read(port.receive) == 65
    assert not port.usart.read(port.status) & RXNE


def test_an_unread_byte_is_not_overrun(port):
    port.open()
    port.usart.send(b"AB")
    port.pass_time(1_000_000)
    assert port.usart.read(port.receive) == 65
    port.pass_time(4000)
    assert port.usart.read(port.receive) == 66


def test_bytes_wait_until_the_receiver_is_on(port):
    port.usart.send(b"A")
    port.pass_time(1_000_000)
    assert port.usart.next_event is None
    port.open()
    port.pass_time(4000)
    assert port.usart.read(port.receive) == 65


def test_the_receive_interrupt_follows_the_byte(port):
    port.open(RXNE)
    port.usart.send(b"A")
    assert not port.wires.line
    port.pass_time(4000)
    assert port.wires.line
    port.usart.read(port.receive)
    assert not port.wires.line


def test_the_transmit_interrupt_is_always_due(port):
    port.open(TXE)
    assert port.wires.line
    port.open()
    assert not port.wires.line


def test_polling_passes_the_time_until_the_next_byte(port):
    port.open()
    port.usart.send(b"A")
    polls = 0
    while not port.usart.read(port.status) & RXNE:
        port.instructions += 4
        polls += 1
    assert polls < 10
    assert port.wires.polls == 0


def test_polling_an_empty_line_is_told(port):
    port.open()
    for _ in range(10):
        port.usart.read(port.status)
        port.instructions += 4
    assert port.wires.polls > 0


def test_a_look_now_and_then_is_not_waiting(port):
    port.open()
    for _ in range(10):
        port.usart.read(port.status)
        port.instructions += 1000
    assert port.wires.polls == 0


def test_unmodelled_features_are_reported(port):
    port.usart.write(port.cr3, 1 << 7)
    port.usart.write(port.cr1, 1 << 4)
    assert [feature for _, feature in port.wires.features] == [
        "USART1 with DMA",
        "USART1 idle-line interrupt",
    ]


@pytest.fixture
def chip():
    return Peripherals(FAMILIES["stm32f4"], (), lambda: 0x08000124)


@pytest.mark.parametrize(
    ("register", "request_bit", "ready_register", "ready_bit"),
    [
        (RCC, 16, RCC, 17),
        (RCC, 24, RCC, 25),
        (PWR, 16, PWR + 4, 16),
        (PWR, 17, PWR + 4, 17),
        (RCC + 0x74, 0, RCC + 0x74, 1),
    ],
)
def test_ready_follows_request(chip, register, request_bit, ready_register, ready_bit):
    assert not chip.read(ready_register, 4) >> ready_bit & 1
    chip.write(register, 4, chip.read(register, 4) | 1 << request_bit)
    assert chip.read(ready_register, 4) >> ready_bit & 1
    chip.write(register, 4, chip.read(register, 4) & ~(1 << request_bit))
    assert not chip.read(ready_register, 4) >> ready_bit & 1


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_ready_bit_of_every_family_follows_its_request(family):
    assert len(family.ready) > 3
    for ready in family.ready:
        flag, source = family.place(ready.flag), family.place(ready.follows)
        chip = Peripherals(family, (), lambda: 0)
        dead = Peripherals(family, (), lambda: 0, crystal_fails=True)
        for wanted, shown in ((source.mask, flag.mask), (0, 0)):
            for one in (chip, dead):
                one.write(source.address, 4, wanted)
            assert chip.read(flag.address, 4) & flag.mask == shown
            assert dead.read(flag.address, 4) & flag.mask == (0 if ready.crystal else shown)
        assert chip.touched == {}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_gathers_why_it_was_reset(family):
    chip, flags = Peripherals(family, (), lambda: 0), reset_flags_of(family)
    register = flags.register
    assert chip.read(register, 4) == family.reset_cause.power_on
    assert chip.read(register, 4) & flags.flag("power")
    assert not chip.read(register, 4) & flags.flag("software")
    chip.write(register, 4, chip.read(register, 4) | 1 << flags.clear_bit)
    assert not chip.read(register, 4) & flags.mask
    chip.reset(power_on=False)
    assert chip.read(register, 4) & flags.mask == flags.flag("software") | flags.flag("pin")


def test_the_clock_switch_is_confirmed(chip):
    chip.write(RCC + 8, 4, 2)
    assert chip.read(RCC + 8, 4) == 2 | 2 << 2


def test_the_internal_oscillator_runs_after_reset(chip):
    assert chip.read(RCC, 4) & 3 == 3


def test_a_dead_crystal_never_becomes_ready():
    chip = Peripherals(FAMILIES["stm32f4"], (), lambda: 0, crystal_fails=True)
    chip.write(RCC, 4, 1 << 16 | 1 << 24)
    assert not chip.read(RCC, 4) >> 17 & 1
    assert chip.read(RCC, 4) >> 25 & 1


def test_gpio_bits_are_set_and_cleared(chip):
    chip.write(GPIOA + 0x18, 4, 1 << 5 | 1 << 6)
    chip.write(GPIOA + 0x18, 4, 1 << 21)
    assert chip.read(GPIOA + 0x14, 4) == chip.read(GPIOA + 0x10, 4) == 1 << 6


def test_narrow_accesses_touch_their_bytes(chip):
    chip.write(FLASH, 4, 0x11223344)
    chip.write(FLASH + 1, 1, 0xAA)
    assert chip.read(FLASH, 4) == 0x1122AA44
    assert chip.read(FLASH + 2, 2) == 0x1122


def test_the_reset_cause_tells_power_on_from_software(chip):
    at_power_on = chip.read(RCC + 0x74, 4)
    chip.reset(power_on=False)
    assert at_power_on >> 27 & 1
    assert chip.read(RCC + 0x74, 4) >> 28 & 1


def test_unknown_registers_keep_their_value_and_are_noted(chip):
    chip.write(0x40010000, 4, 7)
    assert chip.read(0x40010000, 4) == 7
    assert chip.touched == {0x40010000: 0x08000124}


def test_family_tables_are_consistent():
    for family in FAMILIES.values():
        ranges = sorted((b.base, b.base + b.size_bytes) for b in family.blocks)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(ranges))
        for ready in family.ready:
            flag, source = family.place(ready.flag), family.place(ready.follows)
            assert flag.mask.bit_count() == source.mask.bit_count()
