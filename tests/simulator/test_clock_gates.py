"""Ports without their clock: RCC decides whether one answers."""

from __future__ import annotations

import pytest

from mcu_slm import boards
from mcu_slm.boards import Chip
from mcu_slm.boards.facts import Port
from mcu_slm.simulator.attached import attach, clock_gates
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.peripherals import Peripherals
from mcu_slm.simulator.usart import SimulatedUsart, Wiring

pytestmark = pytest.mark.unit
CHIPS = {board.chip.name: board.chip for board in map(boards.load_board, boards.list_boards())}
# A register that keeps what is written while a port is off: CR2 of I2C, CR1 of SPI, BRR.
KEPT = {"I2C": 0x04, "SPI": 0x00, "USART1": 0x08, "USART2": 0x0C}


def registers_of(chip: Chip) -> Peripherals:
    clock = Clock(lambda: 0)
    wiring = Wiring(
        lambda _irq, _high: None, lambda _byte: None, lambda: None, lambda _address, _text: None
    )
    usarts = tuple(SimulatedUsart(facts, clock, wiring) for facts in chip.usarts)
    attached = attach(chip, clock, 1_000_000, lambda _address: 0, lambda _address, _data: None)
    return Peripherals(
        chip.family, usarts, lambda: 0, devices=attached.all, gates=clock_gates(chip)
    )


def kept_register(port: Port) -> int:
    name = port.name.rstrip("0123456789")
    return port.base + KEPT.get(name, KEPT[f"USART{min(port.generation, 2)}"])


@pytest.mark.parametrize("name", CHIPS)
def test_every_port_has_a_gate(name: str) -> None:
    chip = CHIPS[name]
    assert set(clock_gates(chip)) == {port.base for port in chip.ports}


@pytest.mark.parametrize("name", CHIPS)
def test_a_port_answers_while_its_own_bit_is_set(name: str) -> None:
    chip = CHIPS[name]
    for port in chip.ports:
        registers, gate, place = (
            registers_of(chip),
            clock_gates(chip)[port.base],
            kept_register(port),
        )
        registers.write(place, 4, 0x5)
        registers.write(gate.address, 4, 0xFFFF_FFFF & ~gate.mask)  # all but its own
        registers.write(place, 4, 0x5)
        assert registers.read(place, 4) == 0, port.name
        registers.write(gate.address, 4, gate.mask)
        assert registers.read(place, 4) == 0, port.name  # what was written before is lost
        registers.write(place, 4, 0x5)
        assert registers.read(place, 4) == 0x5, port.name
        registers.write(gate.address, 4, 0)
        assert registers.read(place, 4) == 0, port.name
        registers.write(gate.address, 4, gate.mask)
        assert registers.read(place, 4) == 0x5, port.name  # it kept its settings
        registers.reset(power_on=False)
        assert registers.read(place, 4) == 0, port.name
