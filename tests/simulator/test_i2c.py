"""The I2C port without a core: how many bytes a device is asked for, by ACK, POS and STOP."""

from __future__ import annotations

import pytest

from mcu_slm.simulator.i2c import FirstI2c
from mcu_slm.simulator.nvic import Clock

pytestmark = pytest.mark.unit
CR1, CR2, DR, SR1, SR2, CCR, TRISE = 0x00, 0x04, 0x10, 0x14, 0x18, 0x1C, 0x20
PE, START, STOP, ACK, POS, SWRST = 1, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 15
SB, ADDR, BTF, RXNE, TXE, AF, BUSY = 1, 2, 4, 1 << 6, 1 << 7, 1 << 10, 2


class Target:
    address = 0x18

    def __init__(self) -> None:
        self.selected: int | None = None
        self.written: list[int] = []
        self.given = 0

    def select(self, sub_address: int) -> None:
        self.selected = sub_address

    def write_byte(self, value: int) -> None:
        self.written.append(value)

    def read_byte(self) -> int:
        self.given += 1
        return 0x40 + self.given


class Master:
    """Plays the firmware's part."""

    def __init__(self) -> None:
        self.clock = Clock(lambda: 0)
        self.port, self.target = FirstI2c(0x40005400, self.clock), Target()
        self.port.targets.append(self.target)
        for register, value in ((CR2, 45), (CCR, 1 << 15 | 38), (TRISE, 14)):
            self.port.write(register, value)
        self.control(PE)

    def control(self, bits: int) -> None:
        self.port.write(CR1, PE | bits)

    def status(self) -> int:
        return self.port.read(SR1)

    def call(self, address: int, reading: bool, bits: int = 0) -> int:
        self.control(bits | START)
        assert self.status() & SB
        self.port.write(DR, address << 1 | reading)
        return self.status()


@pytest.fixture
def master() -> Master:
    return Master()


def test_a_write_gives_register_then_bytes(master: Master) -> None:
    assert master.call(0x18, reading=False) & ADDR
    assert master.port.read(SR2) & BUSY
    for byte in (0x2E, 1, 2):
        assert master.status() & TXE
        master.port.write(DR, byte)
    master.control(STOP)
    assert not master.port.read(SR2) & BUSY
    assert (master.target.selected, master.target.written) == (0x2E, [1, 2])


def test_nobody_at_an_address_is_an_acknowledge_failure(master: Master) -> None:
    status = master.call(0x19, reading=True)
    assert status & AF
    assert not status & ADDR
    master.port.write(SR1, 0)
    assert not master.status() & AF


def test_one_byte_is_refused_as_ack_is_off(master: Master) -> None:
    assert master.call(0x18, reading=True) & ADDR
    master.port.read(SR2)
    master.control(STOP)
    assert master.status() & RXNE
    assert master.port.read(DR) == 0x41
    assert not master.status() & RXNE
    assert master.target.given == 1


def test_with_pos_the_second_byte_is_refused(master: Master) -> None:
    master.call(0x18, reading=True, bits=ACK | POS)
    master.port.read(SR2)
    master.control(POS)
    assert master.status() & BTF
    master.control(POS | STOP)
    assert [master.port.read(DR), master.port.read(DR)] == [0x41, 0x42]
    assert master.target.given == 2


def test_who_takes_ack_off_too_late_asks_for_a_byte_too_many(master: Master) -> None:
    master.call(0x18, reading=True, bits=ACK)
    master.port.read(SR2)
    assert master.status() & BTF  # two are in and were acknowledged
    assert master.port.read(DR) == 0x41
    master.status()  # the third comes in
    master.control(STOP)
    assert master.target.given == 4  # the third was acknowledged too


def test_the_clock_is_held_while_nobody_reads(master: Master) -> None:
    master.call(0x18, reading=True, bits=ACK)
    master.port.read(SR2)
    for _ in range(5):
        master.status()
    assert master.target.given == 2


def test_bytes_take_the_time_of_their_bits(master: Master) -> None:
    before = master.clock.idle
    master.call(0x18, reading=False)
    assert master.clock.idle - before == 9 * 3 * 38


@pytest.mark.parametrize("register", [CR2, CCR, TRISE])
def test_a_port_without_its_clock_settings_starts_nothing(master: Master, register: int) -> None:
    master.port.write(CR1, 0)
    master.port.write(register, 0)
    master.control(START)
    assert not master.status() & SB


def test_clock_settings_are_kept_while_the_port_is_on(master: Master) -> None:
    master.port.write(CCR, 7)
    assert master.port.read(CCR) == 1 << 15 | 38
    master.port.write(CR1, 0)
    master.port.write(CCR, 7)
    assert (master.port.read(CCR), master.port.read(CR2)) == (7, 45)


def test_a_reset_by_software_forgets_the_settings(master: Master) -> None:
    master.call(0x18, reading=True, bits=ACK)
    master.port.write(CR1, SWRST)
    assert (master.port.read(CR1), master.port.read(CCR), master.port.read(CR2)) == (SWRST, 0, 0)
    master.port.write(CCR, 7)
    assert master.port.read(CCR) == 0  # it is held in reset
    master.port.write(CR1, 0)
    assert not master.port.read(SR2) & BUSY
    assert not master.status()
