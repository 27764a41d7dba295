"""The independent watchdog and the flags that tell of its resets, without a core."""

from __future__ import annotations

import pytest

from mcu_slm import boards
from mcu_slm.boards.families import Family
from mcu_slm.boards.reset import RESET_CAUSES, reset_flags_of
from mcu_slm.simulator import factory, reset_flags
from mcu_slm.simulator.nvic import Clock
from mcu_slm.simulator.peripherals import Peripherals
from mcu_slm.simulator.watchdog import IndependentWatchdog

pytestmark = pytest.mark.unit
CHIP = boards.load_board("nucleo_f446re").chip
FAMILIES = {
    board.chip.family.name: board.chip.family
    for board in map(boards.load_board, boards.list_boards())
}
KR, PR, RLR = 0x00, 0x04, 0x08
START, FEED, UNLOCK = 0xCCCC, 0xAAAA, 0x5555
CLOCK_HZ = 32_000_000  # a thousand clocks per tick


class Dog:
    def __init__(self) -> None:
        self.now = 0
        self.model = IndependentWatchdog(CHIP, Clock(lambda: self.now), CLOCK_HZ)

    def write(self, *pairs: tuple[int, int]) -> None:
        for offset, value in pairs:
            self.model.write(offset, value)

    def pass_ticks(self, ticks: int) -> bool:
        self.now += 1000 * ticks
        self.model.advance()
        return self.model.has_expired


@pytest.fixture
def dog() -> Dog:
    return Dog()


def test_it_sleeps_until_it_is_started(dog: Dog) -> None:
    dog.write((KR, FEED))
    assert dog.model.next_event is None
    assert not dog.pass_ticks(10**6)


def test_started_without_settings_it_takes_4096_steps_of_four_ticks(dog: Dog) -> None:
    dog.write((KR, START))
    assert not dog.pass_ticks(4 * 4096 - 1)
    assert dog.pass_ticks(1)


def test_feeding_begins_anew(dog: Dog) -> None:
    dog.write((KR, START), (KR, UNLOCK), (PR, 4), (RLR, 9), (KR, FEED))
    for _ in range(5):
        assert not dog.pass_ticks(639)
        dog.write((KR, FEED))
    assert dog.pass_ticks(640)


def test_settings_take_the_key(dog: Dog) -> None:
    dog.write((KR, START), (PR, 4), (RLR, 9))
    assert (dog.model.read(PR), dog.model.read(RLR)) == (0, 0xFFF)
    dog.write((KR, UNLOCK), (PR, 4), (KR, FEED), (RLR, 9))  # any other key locks again
    assert (dog.model.read(PR), dog.model.read(RLR)) == (4, 0xFFF)


def test_a_reset_stops_it(dog: Dog) -> None:
    dog.write((KR, START))
    assert dog.pass_ticks(4 * 4096)
    dog.model.reset()
    assert not dog.pass_ticks(10**6)


def test_flags_gather_until_they_are_cleared() -> None:
    facts = reset_flags_of(CHIP.family)
    chip = Peripherals(CHIP.family, (), lambda: 0)
    at_power_on = chip.read(facts.register, 4)
    chip.reset(power_on=False, cause="watchdog")
    gathered = at_power_on | facts.flag("watchdog") | facts.flag("pin")
    assert chip.read(facts.register, 4) == gathered
    chip.write(facts.register, 4, 1)  # LSION; flags are read-only
    assert chip.read(facts.register, 4) & facts.mask == gathered & facts.mask
    chip.write(facts.register, 4, chip.read(facts.register, 4) | 1 << facts.clear_bit)
    assert chip.read(facts.register, 4) & facts.mask == 0
    assert chip.read(facts.register, 4) & 1  # what is no flag stays
    chip.reset(power_on=False, cause="software")
    assert chip.read(facts.register, 4) == facts.flag("software") | facts.flag("pin")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_every_family_can_tell_a_watchdog_from_software(family: Family) -> None:
    facts = reset_flags_of(family)
    assert len(facts.bits) == len(RESET_CAUSES)
    needed = ("power", "pin", "software", "watchdog")
    assert len({facts.flag(cause) for cause in needed} - {0}) == len(needed)
    assert not facts.mask >> facts.clear_bit & 1
    assert reset_flags.after_write(facts, facts.mask, 1 << facts.clear_bit) == 0


# ST's device headers: RCC_CSR_RMVF, SFTRSTF, IWDGRSTF and WWDGRSTF; on H7 of RCC_RSR.
HEADER_BITS = {
    **dict.fromkeys(("f0", "f1", "f3", "f4", "f7", "l1"), (24, 28, 29, 30)),
    **dict.fromkeys(("g0", "g4", "h5", "l0", "l4", "l5", "u5", "wb", "wl"), (23, 28, 29, 30)),
    **dict.fromkeys(("h7", "h7a3"), (16, 24, 26, 28)),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_flags_are_where_the_device_headers_say(family: Family) -> None:
    """Firmware and simulator read the same file, so that together they would not see a mistake."""
    flags = family.reset_cause.flags
    found = (family.reset_cause.clear_bit, flags.software, flags.watchdog, flags.window_watchdog)
    assert found == HEADER_BITS[family.name.removeprefix("stm32")]


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_causes_at_power_on_are_those_of_the_familys_table(family: Family) -> None:
    """Two facts of different origin: the register's value, and the place of each flag."""
    facts = reset_flags_of(family)
    expected = facts.flag("power") | facts.flag("pin") | facts.flag("brown_out")
    assert family.reset_cause.power_on & facts.mask == expected


@pytest.mark.parametrize("name", boards.list_boards())
def test_the_chips_number_lies_in_the_factorys_area(name: str) -> None:
    chip = boards.load_board(name).chip
    area, words = chip.family.factory_data, chip.family.unique_id
    if not words:
        assert chip.family.name == "stm32h5"  # its instruction cache keeps it from being read
        return
    assert all(area.base <= word <= area.base + area.size_bytes - 4 for word in words)
    number = factory.unique_id(words)
    assert len(number) == 24
    assert len({number[n : n + 8] for n in (0, 8, 16)}) == 3
    assert factory.read(words[0] + 1, 2) == factory.read(words[0], 4) >> 8 & 0xFFFF
