"""The SPI ports of all generations without a core: what is exchanged, and what is not set up."""

from __future__ import annotations

import pytest

from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.spi import FirstSpi
from mcu_slm.simulator.spi_bus import SpiBus
from mcu_slm.simulator.spi_v2 import SecondSpi
from mcu_slm.simulator.spi_v3 import ThirdSpi

pytestmark = pytest.mark.unit
SELECT_PORT, SELECT_PIN = 0x40020000, 6
CR1, CR2, SR, DR = 0x00, 0x04, 0x08, 0x0C
CFG1, CFG2, SR3, IFCR, TXDR, RXDR = 0x08, 0x0C, 0x14, 0x18, 0x20, 0x30
SPE, SSI, SSM, MSTR, MODE_3 = 1 << 6, 1 << 8, 1 << 9, 1 << 2, 3
READY = SSM | SSI | SPE | MSTR | MODE_3
DS_8, DS_16, FRXTH = 7 << 8, 15 << 8, 1 << 12
RXNE, TXE, OVR = 1, 2, 1 << 6
ON, CSTART, SSI3 = 1, 1 << 9, 1 << 12
MASTER = (1 << 22) | (3 << 24) | (1 << 26)
RXP, TXP, EOT = 1, 1 << 1, 1 << 3


class Target:
    """Says the number of each byte that it was asked for, from 0x41 on."""

    def __init__(self) -> None:
        self.selected: list[int] = []
        self.taken: list[int] = []

    def select_register(self, first_byte: int) -> None:
        self.selected.append(first_byte)

    def exchange(self, value: int) -> int:
        self.taken.append(value)
        return 0x40 + len(self.taken)


class Bench:
    """A port with a device that is selected."""

    def __init__(self, port: SpiBus, clock: Clock) -> None:
        self.port, self.clock, self.target = port, clock, Target()
        port.target, port.select = self.target, (SELECT_PORT, SELECT_PIN)
        self.select(True)

    def select(self, selected: bool) -> None:
        self.port.note_pins(SELECT_PORT, 0 if selected else 1 << SELECT_PIN)

    def exchange(self, value: int) -> int:
        """Let a byte out and one in, by the registers of generations 1 and 2."""
        self.port.write_narrow(DR, 1, value)
        assert self.port.read(SR) & (TXE | RXNE) == TXE | RXNE
        return self.port.read_narrow(DR, 1)


def first() -> Bench:
    clock = Clock(lambda: 0)
    bench = Bench(FirstSpi(0x40013000, clock), clock)
    bench.port.write(CR1, READY)
    return bench


def second() -> Bench:
    clock = Clock(lambda: 0)
    bench = Bench(SecondSpi(0x40013000, clock), clock)
    bench.port.write(CR2, DS_8 | FRXTH)
    bench.port.write(CR1, READY)
    return bench


class Third(Bench):
    """A port of the third generation, set up and off."""

    def __init__(self, is_clocked: bool = True) -> None:
        clock = Clock(lambda: 0)
        super().__init__(ThirdSpi(0x40013000, clock, lambda: is_clocked), clock)
        self.port.write(CR1, SSI3)
        self.port.write(CFG1, 7)
        self.port.write(CFG2, MASTER)

    def begin(self, count: int) -> None:
        self.port.write(CR2, count)
        self.port.write(CR1, SSI3 | ON)
        self.port.write(CR1, SSI3 | ON | CSTART)

    def status(self) -> int:
        return self.port.read(SR3)

    def exchange(self, value: int) -> int:
        assert self.status() & TXP
        self.port.write_narrow(TXDR, 1, value)
        assert self.status() & RXP
        return self.port.read_narrow(RXDR, 1)


@pytest.mark.parametrize("make", [first, second])
def test_the_first_byte_is_a_register_and_the_next_ones_are_answered(make) -> None:
    bench = make()
    assert [bench.exchange(byte) for byte in (0x8F, 1, 2)] == [0xFF, 0x41, 0x42]
    assert (bench.target.selected, bench.target.taken) == ([0x8F], [1, 2])
    assert not bench.port.read(SR) & RXNE


@pytest.mark.parametrize("make", [first, second, Third])
def test_who_is_not_selected_sees_nothing_and_a_new_selection_begins_anew(make) -> None:
    bench = make()
    if make is Third:
        bench.begin(10)
    bench.exchange(0x8F)
    bench.select(False)
    assert bench.exchange(5) == 0xFF
    bench.select(True)
    bench.exchange(0x28)
    assert (bench.target.selected, bench.target.taken) == ([0x8F, 0x28], [])


@pytest.mark.parametrize("make", [first, second])
@pytest.mark.parametrize("missing", [SSM, SSI, SPE, MSTR, 1, 2])
def test_what_is_not_set_up_does_not_happen(make, missing: int) -> None:
    bench = make()
    bench.port.write(CR1, READY & ~missing)
    bench.port.write_narrow(DR, 1, 0x8F)
    assert not bench.port.read(SR) & RXNE
    assert (bench.target.selected, bench.clock.idle) == ([], 0)


@pytest.mark.parametrize("make", [first, second])
@pytest.mark.parametrize("other", [1 << 7, 1 << 10, 1 << 11, 1 << 13, 1 << 15])
def test_other_ways_to_exchange_are_not_modelled(make, other: int) -> None:
    bench = make()
    bench.port.write(CR1, READY | other)
    bench.port.write_narrow(DR, 1, 0x8F)
    assert not bench.port.read(SR) & RXNE


@pytest.mark.parametrize(("make", "places"), [(first, 1), (second, 4)])
def test_a_byte_for_which_there_is_no_room_is_lost(make, places: int) -> None:
    bench = make()
    for byte in range(places + 1):
        assert not bench.port.read(SR) & OVR
        bench.port.write_narrow(DR, 1, byte)
    assert bench.port.read(SR) & OVR
    came = [bench.port.read_narrow(DR, 1) for _ in range(places)]
    assert came == [0xFF, 0x41, 0x42, 0x43][:places]
    assert not bench.port.read(SR) & (OVR | RXNE)


@pytest.mark.parametrize("make", [first, second])
def test_bytes_take_the_time_of_their_bits(make) -> None:
    bench = make()
    bench.port.write(CR1, READY | 4 << 3)
    bench.exchange(0x8F)
    assert bench.clock.idle == 8 * 32


def test_a_wide_access_takes_two_bytes_of_a_fifo() -> None:
    bench = second()
    bench.port.write_narrow(DR, 4, 0x8F)
    assert (bench.target.selected, bench.target.taken) == ([0x8F], [0])
    assert bench.port.read_narrow(DR, 2) == 0x41FF
    assert not bench.port.read(SR) & RXNE


def test_without_its_threshold_one_byte_raises_no_flag() -> None:
    bench = second()
    bench.port.write(CR2, DS_8)
    bench.port.write_narrow(DR, 1, 0x8F)
    assert not bench.port.read(SR) & RXNE
    bench.port.write_narrow(DR, 1, 0)
    assert bench.port.read(SR) & RXNE


def test_a_frame_size_is_kept_while_the_port_is_on_and_others_exchange_nothing() -> None:
    bench = second()
    bench.port.write(CR2, DS_16 | FRXTH)
    assert bench.port.read(CR2) == DS_8 | FRXTH
    bench.port.write(CR1, 0)
    bench.port.write(CR2, DS_16)
    bench.port.write(CR1, READY)
    bench.port.write_narrow(DR, 1, 0x8F)
    assert bench.target.selected == []


def test_the_third_generation_counts_its_bytes() -> None:
    bench = Third()
    assert not bench.status() & TXP
    bench.begin(3)
    assert [bench.exchange(byte) for byte in (0x8F, 1, 2)] == [0xFF, 0x41, 0x42]
    assert bench.status() & (EOT | TXP | RXP) == EOT
    bench.port.write_narrow(TXDR, 1, 3)  # nobody asks for it
    assert bench.target.taken == [1, 2]
    bench.port.write(CR1, SSI3)
    bench.port.write(IFCR, 0xFF8)
    assert not bench.status() & EOT
    bench.begin(1)
    assert bench.exchange(9) == 0x43


def test_the_third_generation_waits_for_its_start() -> None:
    bench = Third()
    bench.port.write(CR2, 1)
    bench.port.write(CR1, SSI3 | ON | CSTART)  # at once: the start comes too early
    bench.port.write_narrow(TXDR, 1, 0x8F)
    assert bench.target.selected == []
    bench.port.write(CR1, SSI3 | ON | CSTART)
    assert bench.target.selected == [0x8F]
    assert bench.status() & EOT


def test_settings_are_kept_while_the_third_generation_is_on() -> None:
    bench = Third()
    bench.begin(2)
    for register, value in ((CR2, 9), (CFG1, 3 << 28 | 7), (CFG2, 0)):
        bench.port.write(register, value)
    found = bench.port.read(CR2), bench.port.read(CFG1), bench.port.read(CFG2)
    assert found == (2, 7, MASTER)
    bench.port.write(CR1, SSI3)
    bench.port.write(CFG1, 3 << 28 | 7)
    bench.begin(1)
    bench.exchange(0x8F)
    assert bench.clock.idle == 8 * 16


@pytest.mark.parametrize(
    ("register", "value"),
    [
        (CFG1, 15),  # frames of 16 bits
        (CFG2, MASTER & ~(1 << 22)),
        (CFG2, MASTER & ~(1 << 24)),
        (CFG2, MASTER & ~(1 << 26)),
        (CFG2, MASTER | 1 << 17),  # one direction
        (CFG2, MASTER | 1 << 23),  # least significant bit first
    ],
)
def test_another_set_up_of_the_third_generation_exchanges_nothing(
    register: int, value: int
) -> None:
    bench = Third()
    bench.port.write(register, value)
    bench.begin(1)
    bench.port.write_narrow(TXDR, 1, 0x8F)
    assert not bench.status() & (RXP | EOT)
    assert bench.target.selected == []


def test_a_select_input_that_nobody_holds_ends_master_mode() -> None:
    bench = Third()
    bench.port.write(CR2, 1)
    bench.port.write(CR1, ON)
    bench.port.write(CR1, ON | CSTART)
    bench.port.write_narrow(TXDR, 1, 0x8F)
    assert bench.target.selected == []


def test_without_a_selected_clock_nothing_is_exchanged() -> None:
    bench = Third(is_clocked=False)
    bench.begin(1)
    bench.port.write_narrow(TXDR, 1, 0x8F)
    assert not bench.status() & (RXP | EOT)


def test_a_wide_access_takes_four_bytes_and_off_forgets_them() -> None:
    bench = Third()
    bench.begin(6)
    bench.port.write(TXDR, 0x030201_8F)
    assert (bench.target.selected, bench.target.taken) == ([0x8F], [1, 2, 3])
    assert bench.port.read_narrow(RXDR, 2) == 0x41FF
    bench.port.write(CR1, SSI3)
    assert not bench.status() & (RXP | EOT)
    assert bench.port.read(RXDR) == 0


def test_a_threshold_of_the_third_generation_holds_its_flags_back() -> None:
    bench = Third()
    bench.port.write(CFG1, 1 << 5 | 7)
    bench.begin(3)
    bench.port.write_narrow(TXDR, 1, 0x8F)
    assert bench.status() & (TXP | RXP) == TXP
    bench.port.write_narrow(TXDR, 1, 1)
    assert bench.status() & (TXP | RXP) == RXP  # one place is left of the three
