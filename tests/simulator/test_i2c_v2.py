"""The I2C port of the second generation without a core: who is asked for what, which flags rise."""

from __future__ import annotations

import pytest

from mcu_slm.simulator.i2c_v2 import SecondI2c
from mcu_slm.simulator.nvic import Clock
from tests.simulator.test_i2c import Target

pytestmark = pytest.mark.unit
CR1, CR2, TIMINGR, ISR, ICR, RXDR, TXDR = 0x00, 0x04, 0x10, 0x18, 0x1C, 0x24, 0x28
PE, RD_WRN, START, STOP, AUTOEND = 1, 1 << 10, 1 << 13, 1 << 14, 1 << 25
TXE, TXIS, RXNE, NACKF, STOPF, TC, BUSY = 1, 2, 4, 1 << 4, 1 << 5, 1 << 6, 1 << 15


class Master:
    """Plays the firmware's part."""

    def __init__(self) -> None:
        self.clock = Clock(lambda: 0)
        self.port, self.target = SecondI2c(0x40005400, self.clock), Target()
        self.port.targets.append(self.target)
        self.port.write(CR1, PE)

    def status(self) -> int:
        return self.port.read(ISR)

    def start(self, address: int, count: int, bits: int = 0) -> int:
        self.port.write(CR2, address << 1 | count << 16 | START | bits)
        return self.status()


@pytest.fixture
def master() -> Master:
    return Master()


def test_a_write_asks_for_each_byte_and_ends_by_itself(master: Master) -> None:
    assert master.start(0x18, 3, AUTOEND) & (TXIS | BUSY) == TXIS | BUSY
    for byte in (0x2E, 1, 2):
        assert master.status() & TXIS
        master.port.write(TXDR, byte)
    assert master.status() & (TXIS | STOPF | BUSY | TC) == STOPF
    master.port.write(ICR, STOPF)
    assert not master.status() & STOPF
    assert (master.target.selected, master.target.written) == (0x2E, [1, 2])


def test_a_byte_that_lies_ready_goes_out_with_the_start(master: Master) -> None:
    master.port.write(TXDR, 0x2E)
    assert not master.status() & TXE
    assert master.start(0x18, 2) & TXIS
    assert master.target.selected == 0x2E


def test_without_autoend_the_bus_is_held_for_the_next_start(master: Master) -> None:
    master.port.write(TXDR, 0x0F)
    assert master.start(0x18, 1) & (TC | BUSY | STOPF) == TC | BUSY
    assert master.start(0x18, 2, RD_WRN | AUTOEND) & (RXNE | TC) == RXNE
    assert master.port.read(RXDR) == 0x41
    assert master.status() & (RXNE | STOPF | BUSY) == RXNE | STOPF
    assert master.port.read(RXDR) == 0x42
    assert not master.status() & RXNE
    assert master.target.given == 2


def test_the_clock_is_held_while_nobody_reads(master: Master) -> None:
    master.start(0x18, 5, RD_WRN | AUTOEND)
    for _ in range(5):
        assert master.status() & RXNE
    assert master.target.given == 1


def test_nobody_at_an_address_is_a_failure_that_ends_by_itself(master: Master) -> None:
    master.port.write(TXDR, 0x0F)
    assert master.start(0x19, 1) & (NACKF | STOPF | BUSY | TC | TXIS) == NACKF | STOPF
    assert not master.status() & TXE  # the byte is still there
    master.port.write(ISR, TXE)
    master.port.write(ICR, NACKF | STOPF)
    assert master.status() == TXE


def test_off_and_on_forgets_the_transfer_and_keeps_the_timing(master: Master) -> None:
    master.port.write(CR1, 0)
    master.port.write(TIMINGR, 0x1234)
    master.port.write(CR1, PE)
    master.start(0x18, 2, RD_WRN)
    master.port.write(TIMINGR, 0x5678)  # not while it is on
    master.port.write(CR1, 0)
    assert master.status() == TXE
    assert master.port.read(TIMINGR) == 0x1234
    assert master.start(0x18, 1) == TXE  # off: nothing starts


def test_stop_by_hand_ends_a_transfer(master: Master) -> None:
    assert master.start(0x18, 4) & TXIS
    master.port.write(CR2, STOP)
    assert master.status() & (STOPF | BUSY | TXIS) == STOPF


def test_bytes_take_the_time_of_their_bits(master: Master) -> None:
    master.port.write(CR1, 0)
    master.port.write(TIMINGR, 1 << 28 | 9 << 8 | 19)
    master.port.write(CR1, PE)
    before = master.clock.idle
    master.start(0x18, 1)
    assert master.clock.idle - before == 9 * ((10 + 20) * 2 + 4)
