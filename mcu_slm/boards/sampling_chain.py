"""What samples analog inputs: a timer starts the converter, DMA stores what it gives. `[analog]`.

The table is in the family's file, or in the chip's where the chip differs from its family. Firmware
and simulator share it; tests compare it with what others say about the chips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class RegisterField:
    """A field outside of a peripheral that it needs: a clock's enable bit, a selector.

    `name` is the reference manual's (`AHB2ENR: ADCEN`), `place` is written `RCC+0x4C:13`.
    """

    name: str
    place: str
    value: int = 1


@dataclass(frozen=True)
class SamplingTimer:
    """The timer that triggers the converter, on APB1.

    `trigger` is its number in the converter's field EXTSEL. `ahb_divider` and `apb_divider` are the
    places of HPRE and PPRE1, or of what the family calls so.
    """

    name: str
    base: int
    bits: Literal[16, 32]
    trigger: int
    ahb_divider: str
    apb_divider: str
    setup: tuple[RegisterField, ...]


@dataclass(frozen=True)
class SamplingDma:
    """The channel that stores results. `channel` counts as the manual does: from 1, streams from 0.

    `generation` is `stream` (F4, F7, H7), `channel`, or `linked` (GPDMA). `request` is the
    converter's number, `selector` where it is written: nowhere (`fixed`), in the channel's own
    registers (`own`), in `CSELR` of the controller, or in `DMAMUX`, which lies at `mux_base`.
    """

    name: str
    generation: Literal["stream", "channel", "linked"]
    base: int
    channel: int
    setup: tuple[RegisterField, ...]
    selector: Literal["fixed", "own", "CSELR", "DMAMUX"] = "fixed"
    request: int = 0
    mux_base: int = 0


@dataclass(frozen=True)
class SamplingChain:
    """The converter, and what belongs to it.

    `generation` has the same registers and the same way to start: `v1` (F4, F7), `v1_f1`, `v1_l1`,
    `v2` (channels in the order of their numbers: F0, G0, L0, WL), `v3` (regulator, calibration,
    ranks: all others). `pins` are the inputs, one for each channel from 0 on, empty where a channel
    has no pin. `clock` feeds the converter, divided by `clock_divider`, which `common_value` in its
    common register, and in generation 2 CFGR2, say; `low_frequency_value` is there in its place on
    the reset clock where the converter must know that it is slow. `conversion_cycles` are clocks of
    the converter from sampling to result.

    `trigger_bit` is where EXTSEL begins. `resolution_bits` select 12 bits, `control_bits` stand in
    CR whenever the converter is on. A converter with `has_preselection` connects no input that is
    not selected in PCSEL, pins that `have_switches` are connected by ASCR.
    """

    generation: Literal["v1", "v1_f1", "v1_l1", "v2", "v3"]
    name: str
    base: int
    clock: Literal["AHB", "APB1", "APB2", "oscillator"]
    clock_divider: int
    conversion_cycles: int
    trigger_bit: int
    pins: tuple[str, ...]
    setup: tuple[RegisterField, ...]
    timer: SamplingTimer
    dma: SamplingDma
    common: int = 0
    common_value: int = 0
    low_frequency_value: int = 0
    resolution_bits: int = 0
    control_bits: int = 0
    has_regulator: bool = True
    has_configuration_flag: bool = False
    has_preselection: bool = False
    pins_have_switches: bool = False

    @property
    def fields(self) -> tuple[RegisterField, ...]:
        """All fields that must hold a value before anything samples."""
        return (*self.dma.setup, *self.setup, *self.timer.setup)

    @property
    def channels(self) -> dict[str, int]:
        """Channel of each pin."""
        return {pin: number for number, pin in enumerate(self.pins) if pin}
