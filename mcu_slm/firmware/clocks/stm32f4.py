"""STM32F4: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import F4ClockFacts
from mcu_slm.errors import BoardError

_USB_HZ: Final = 48_000_000
# Divider -> value of the field PPREx (RCC_CFGR).
_APB_FIELDS: Final = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}


@dataclass(frozen=True)
class F4ClockSettings:
    """What `system_clock.c` writes to the clock registers.

    `prefetch_broken_revision` is empty where every revision can prefetch.
    """

    core_hz: int
    console_hz: int
    reset_hz: int
    crystal_bypass: bool
    pll_m: int
    pll_n: int
    pll_p: int
    pll_q: int
    apb1_divider: int
    apb2_divider: int
    ppre1: int
    ppre2: int
    flash_wait_states: int
    over_drive: bool
    voltage_scale_1: str
    prefetch_broken_revision: str
    summary: str


def clock_settings(board: Board) -> F4ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz` from `crystal_hz`.

    Source: RM0090 and RM0390, chapters RCC (RCC_PLLCFGR, RCC_CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, F4ClockFacts)  # the family decided that
    m, n, p = _pll(board)
    broken = facts.flash_prefetch_broken_revision
    vco_hz = board.crystal_hz // m * n
    apb1 = _apb_divider(board.clock_hz, facts.apb1_max_hz)
    apb2 = _apb_divider(board.clock_hz, facts.apb2_max_hz)
    over_drive = 0 < facts.over_drive_above_hz < board.clock_hz
    source = "external clock" if board.crystal_bypass else "crystal"
    return F4ClockSettings(
        core_hz=board.clock_hz,
        console_hz=board.clock_hz // (apb1 if board.console.usart.bus == "APB1" else apb2),
        reset_hz=board.chip.reset_clock_hz,
        crystal_bypass=board.crystal_bypass,
        pll_m=m,
        pll_n=n,
        pll_p=p,
        pll_q=-(-vco_hz // _USB_HZ),
        apb1_divider=apb1,
        apb2_divider=apb2,
        ppre1=_APB_FIELDS[apb1],
        ppre2=_APB_FIELDS[apb2],
        flash_wait_states=facts.wait_states(board.clock_hz),
        over_drive=over_drive,
        voltage_scale_1=f"0x{facts.pwr_cr_voltage_scale_1:08X}u",
        prefetch_broken_revision=f"0x{broken:04X}u" if broken else "",
        summary=f"{board.crystal_hz / 1e6:g} MHz {source} / {m} * {n} / {p} = "
        f"{board.clock_hz / 1e6:g} MHz; PLL runs at {vco_hz / 1e6:g} MHz.",
    )


def _pll(board: Board) -> tuple[int, int, int]:
    """Return M, N, P: the highest PLL input (least jitter), then the slowest PLL (least power)."""
    facts = board.chip.clock
    for m in range(2, 64):
        if board.crystal_hz % m:
            continue
        input_hz = board.crystal_hz // m
        if not facts.pll_input_min_hz <= input_hz <= facts.pll_input_max_hz:
            continue
        for p in (2, 4, 6, 8):
            vco_hz = board.clock_hz * p
            n = vco_hz // input_hz
            in_range = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz and 50 <= n <= 432
            if in_range and vco_hz == n * input_hz:
                return m, n, p
    raise BoardError(
        f"board {board.name}: clock_hz",
        f"no PLL setting gives {board.clock_hz:,} Hz from {board.crystal_hz:,} Hz",
        expected="crystal / M * N / P with a PLL input of 1 to 2 MHz",
        remedy="Choose another clock_hz.",
    )


def _apb_divider(core_hz: int, limit_hz: int) -> int:
    return next(divider for divider in _APB_FIELDS if core_hz <= limit_hz * divider)
