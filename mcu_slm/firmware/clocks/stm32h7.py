"""STM32H7 at voltage scale 1: from crystal and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import H7ClockFacts
from mcu_slm.errors import BoardError

# Divider -> value of the fields HPRE (RCC_D1CFGR) and of each PPRE.
_AHB_FIELDS: Final = {1: 0, 2: 8, 4: 9, 8: 10, 16: 11}
_APB_FIELDS: Final = {1: 0, 2: 4, 4: 5, 8: 6, 16: 7}
# Where the next range of the PLL's input begins (RCC_PLLCFGR, field PLL1RGE).
_INPUT_RANGES_HZ: Final = (2_000_000, 4_000_000, 8_000_000)


@dataclass(frozen=True)
class H7ClockSettings:
    """What `system_clock.c` writes to the clock registers."""

    core_hz: int
    core_mhz: str
    console_hz: int
    reset_hz: int
    crystal_bypass: bool
    pll_m: int
    pll_n: int
    pll_p: int
    pll_input_range: int
    pll_input_mhz: str
    ahb_divider: int
    apb_divider: int
    hpre: int
    ppre: int
    flash_wait_states: int
    flash_programming_delay: int
    summary: str


def clock_settings(board: Board) -> H7ClockSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz` from `crystal_hz`.

    Source: RM0433, chapters RCC (RCC_PLLCKSELR, RCC_PLLCFGR, RCC_D1CFGR), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, H7ClockFacts)  # the family decided that
    m, n, p = _pll(board, facts)
    input_hz = board.crystal_hz // m
    ahb = _divider(_AHB_FIELDS, board.clock_hz, facts.ahb_max_hz)
    ahb_hz = board.clock_hz // ahb
    apb = _divider(_APB_FIELDS, ahb_hz, facts.apb_max_hz)
    latency, delay = next(row[1:] for row in facts.flash_latencies if ahb_hz <= row[0])
    source = "external clock" if board.crystal_bypass else "crystal"
    return H7ClockSettings(
        core_hz=board.clock_hz,
        core_mhz=f"{board.clock_hz / 1e6:g}",
        console_hz=ahb_hz // apb,
        reset_hz=board.chip.reset_clock_hz,
        crystal_bypass=board.crystal_bypass,
        pll_m=m,
        pll_n=n,
        pll_p=p,
        pll_input_range=sum(input_hz >= edge for edge in _INPUT_RANGES_HZ),
        pll_input_mhz=f"{input_hz / 1e6:g}",
        ahb_divider=ahb,
        apb_divider=apb,
        hpre=_AHB_FIELDS[ahb],
        ppre=_APB_FIELDS[apb],
        flash_wait_states=latency,
        flash_programming_delay=delay,
        summary=f"{board.crystal_hz / 1e6:g} MHz {source} / {m} * {n} / {p} = "
        f"{board.clock_hz / 1e6:g} MHz; PLL runs at {input_hz * n / 1e6:g} MHz.",
    )


def _pll(board: Board, facts: H7ClockFacts) -> tuple[int, int, int]:
    """Return M, N, P: the highest PLL input (least jitter), then the slowest PLL (least power)."""
    for m in range(1, 64):
        if board.crystal_hz % m:
            continue
        input_hz = board.crystal_hz // m
        if not facts.pll_input_min_hz <= input_hz <= facts.pll_input_max_hz:
            continue
        for p in range(2, 130, 2):
            vco_hz = board.clock_hz * p
            n = vco_hz // input_hz
            in_range = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz and 4 <= n <= 512
            if in_range and vco_hz == n * input_hz:
                return m, n, p
    raise BoardError(
        f"board {board.name}: clock_hz",
        f"no PLL setting gives {board.clock_hz:,} Hz from {board.crystal_hz:,} Hz",
        expected="crystal / M * N / P with an even P",
        remedy="Choose another clock_hz.",
    )


def _divider(fields: dict[int, int], clock_hz: int, limit_hz: int) -> int:
    return next(divider for divider in fields if clock_hz <= limit_hz * divider)
