"""Limits of clock trees and flash memories: one record per family of chips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class ClockFacts:
    """What every family has.

    `internal_hz` is the oscillator inside the chip that feeds the PLL where there is no crystal.
    """

    crystal_min_hz: int
    crystal_max_hz: int
    internal_hz: int
    pll_input_min_hz: int
    pll_input_max_hz: int
    pll_vco_min_hz: int
    pll_vco_max_hz: int


@dataclass(frozen=True, kw_only=True)
class SteadyFlashFacts(ClockFacts):
    """Chips whose flash takes one more wait state for every so many hertz.

    `flash_line_bytes` come with one read of the flash, 0 where no file says how many;
    `flash_cache_lines` of them are kept for instructions.
    """

    flash_hz_per_wait_state: int
    flash_line_bytes: int = 0
    flash_cache_lines: int = 0

    def wait_states(self, clock_hz: int) -> int:
        """Return the cycles that a read of the flash takes beside the first."""
        return (clock_hz - 1) // self.flash_hz_per_wait_state


@dataclass(frozen=True)
class MainPllFacts(SteadyFlashFacts):
    """STM32F4 and F7. `pll_n_min` is the least factor of the PLL.

    `over_drive_above_hz` is 0 where there is no over-drive.
    """

    pll_n_min: int
    apb1_max_hz: int
    apb2_max_hz: int
    over_drive_above_hz: int


@dataclass(frozen=True)
class F4ClockFacts(MainPllFacts):
    """STM32F4.

    `pwr_cr_highest_voltage` is the field VOS of PWR_CR in its place;
    `flash_prefetch_broken_revision` (a REV_ID of DBGMCU_IDCODE) is 0 where every revision can.
    """

    pwr_cr_highest_voltage: int
    flash_prefetch_broken_revision: int


@dataclass(frozen=True)
class F7ClockFacts(MainPllFacts):
    """STM32F7, at scale 1."""


@dataclass(frozen=True)
class H5ClockFacts(ClockFacts):
    """STM32H5 at voltage scale 0, where every bus may be as fast as the core.

    `flash_latencies` are rows of [highest core clock in Hz, LATENCY, WRHIGHFREQ], slowest first.
    """

    flash_latencies: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class H7ClockFacts(ClockFacts):
    """STM32H7; `ahb` is the clock of the AXI and AHB buses and of the flash.

    `flash_latencies` are rows of [highest AHB clock in Hz, LATENCY, WRHIGHFREQ], slowest first. All
    holds for the voltage scale that the start-up chooses.
    """

    ahb_max_hz: int
    apb_max_hz: int
    flash_latencies: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class MnrPllFacts(SteadyFlashFacts):
    """Chips whose PLL drives the core by its output R: source / M * N / R; all buses are undivided.

    Beyond `boost_above_hz` the core needs a higher voltage than after reset, for which
    `boost_flash_hz_per_wait_state` holds; 0 where there is no such step or it is always taken.
    """

    pll_m_max: int
    pll_n_min: int
    pll_n_max: int
    pll_r_dividers: tuple[int, ...]
    boost_above_hz: int = 0
    boost_flash_hz_per_wait_state: int = 0

    def is_boosted(self, clock_hz: int) -> bool:
        """Return whether the core needs the higher voltage."""
        return 0 < self.boost_above_hz < clock_hz

    def wait_states(self, clock_hz: int) -> int:
        """Return the cycles that a read of the flash takes beside the first."""
        if self.is_boosted(clock_hz):
            return (clock_hz - 1) // self.boost_flash_hz_per_wait_state
        return super().wait_states(clock_hz)


@dataclass(frozen=True)
class MultiplierPllFacts(SteadyFlashFacts):
    """STM32F0, F1, F3, L0 and L1: PLL = oscillator / predivider * multiplier / divider.

    A PLL without a divider of its own has the divider 1, and is then as fast as its VCO. Factors
    are listed in the order in which their register field counts.
    """

    pll_crystal_predividers: tuple[int, ...]
    pll_internal_predividers: tuple[int, ...]
    pll_multipliers: tuple[int, ...]
    pll_dividers: tuple[int, ...]
    apb1_max_hz: int
    apb2_max_hz: int


@dataclass(frozen=True)
class U5ClockFacts(SteadyFlashFacts):
    """STM32U5 at voltage range 1, where every bus may be as fast as the core.

    Beyond `boost_above_hz` the core needs the booster, whose clock has a limit of its own.
    """

    boost_above_hz: int
    boost_input_max_hz: int


CLOCK_FACTS: Final[dict[str, type[ClockFacts]]] = {
    "stm32f0": MultiplierPllFacts,
    "stm32f1": MultiplierPllFacts,
    "stm32f3": MultiplierPllFacts,
    "stm32f4": F4ClockFacts,
    "stm32f7": F7ClockFacts,
    "stm32g0": MnrPllFacts,
    "stm32g4": MnrPllFacts,
    "stm32h5": H5ClockFacts,
    "stm32h7": H7ClockFacts,
    "stm32h7a3": H7ClockFacts,
    "stm32l0": MultiplierPllFacts,
    "stm32l1": MultiplierPllFacts,
    "stm32l4": MnrPllFacts,
    "stm32l5": MnrPllFacts,
    "stm32u5": U5ClockFacts,
    "stm32wb": MnrPllFacts,
    "stm32wl": MnrPllFacts,
}
"""The record of a family's `[clock]` table."""
