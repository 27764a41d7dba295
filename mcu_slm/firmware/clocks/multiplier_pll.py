"""STM32F0, F1, F3, L0, L1: from oscillator and wanted core clock to register values."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.boards import Board
from mcu_slm.boards.clocks import MultiplierPllFacts
from mcu_slm.firmware.clocks.buses import apb_divider, apb_field
from mcu_slm.firmware.clocks.sources import (
    CommonSettings,
    common_settings,
    no_pll_setting,
    source_hz,
)


@dataclass(frozen=True)
class MultiplierPllSettings(CommonSettings):
    """What `system_clock.c` writes to the clock registers.

    The PLL is fed by `oscillator`: HSE (a crystal, or with `crystal_bypass` a clock from outside)
    or HSI. `half_of_internal` says that the PLL's input is wired to half of HSI, whatever the
    predivider.
    """

    console_hz: int
    oscillator: str
    half_of_internal: bool
    pll_predivider: int
    pll_multiplier: int
    pll_multiplier_field: int
    pll_divider: int
    apb1_divider: int
    apb2_divider: int
    ppre1: int
    ppre2: int
    flash_wait_states: int


def clock_settings(board: Board) -> MultiplierPllSettings:
    """Compute PLL, bus dividers and wait states for a board.

    Raises:
        BoardError: no setting of the PLL gives exactly `clock_hz` from the oscillator.

    Source: RM0091 and RM0360 (F0), RM0008 (F1), RM0316 (F3), RM0367 (L0), RM0038 (L1), chapters RCC
    (RCC_CFGR, RCC_CFGR2), PWR and Flash.
    """
    facts = board.chip.clock
    assert isinstance(facts, MultiplierPllFacts)  # the family decided that
    has_crystal = board.crystal_hz > 0
    predividers = facts.pll_crystal_predividers if has_crystal else facts.pll_internal_predividers
    predivider, multiplier, divider = _pll(board, facts, predividers)
    apb1 = apb_divider(board.clock_hz, facts.apb1_max_hz)
    apb2 = apb_divider(board.clock_hz, facts.apb2_max_hz)
    return MultiplierPllSettings(
        console_hz=board.clock_hz // (apb1 if board.console.usart.bus == "APB1" else apb2),
        oscillator="HSE" if has_crystal else "HSI",
        half_of_internal=not has_crystal and facts.pll_internal_predividers == (2,),
        pll_predivider=predivider,
        pll_multiplier=multiplier,
        pll_multiplier_field=facts.pll_multipliers.index(multiplier),
        pll_divider=divider,
        apb1_divider=apb1,
        apb2_divider=apb2,
        ppre1=apb_field(apb1),
        ppre2=apb_field(apb2),
        flash_wait_states=facts.wait_states(board.clock_hz),
        **common_settings(board, (predivider, multiplier, divider)),
    )


def _pll(
    board: Board, facts: MultiplierPllFacts, predividers: tuple[int, ...]
) -> tuple[int, int, int]:
    """Return three factors: the highest PLL input (least jitter), then the slowest PLL."""
    oscillator_hz = source_hz(board)
    for predivider in sorted(predividers):
        if oscillator_hz % predivider:
            continue
        input_hz = oscillator_hz // predivider
        if not facts.pll_input_min_hz <= input_hz <= facts.pll_input_max_hz:
            continue
        for divider in sorted(facts.pll_dividers):
            vco_hz = board.clock_hz * divider
            multiplier = vco_hz // input_hz
            in_range = facts.pll_vco_min_hz <= vco_hz <= facts.pll_vco_max_hz
            is_exact = vco_hz == multiplier * input_hz
            if in_range and is_exact and multiplier in facts.pll_multipliers:
                return predivider, multiplier, divider
    expected = (
        f"oscillator / predivider * multiplier / divider, with the factors of {board.chip.name}"
    )
    raise no_pll_setting(board, expected)
