"""What fills the templates of the buses of sensors: dataclasses, and how a board fills them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board, I2cPort, SpiPort
from mcu_slm.boards.facts import port_and_number
from mcu_slm.boards.sensing import I2cPins, SpiPins
from mcu_slm.firmware.accelerometers import Settings
from mcu_slm.firmware.clocks import port_hz
from mcu_slm.firmware.i2c_timing import I2cTiming, timing_for
from mcu_slm.firmware.i2c_v1_timing import FirstI2cTiming, first_timing_for
from mcu_slm.firmware.register_fields import FieldValue, word
from mcu_slm.firmware.spi_divider import SpiDivider, divider_for

# OSPEEDR for a clock of 5 MHz: code 1 is for 10 MHz or more, on L0 and L1 for 2.
_OUTPUT_SPEED: Final = 1
_OTHER_OUTPUT_SPEEDS: Final = {"stm32l0": 2, "stm32l1": 2}


@dataclass(frozen=True)
class BusPins:
    """`bus_pins.c`: `speed` is the code in OSPEEDR for an output of 5 MHz and more."""

    banner: str
    speed: int


@dataclass(frozen=True)
class BusPinsOfF1:
    """`bus_pins.c` of the STM32F1: the bit of AFIO_MAPR that moves the port, if one has to."""

    banner: str
    remap_bit: int | None


@dataclass(frozen=True)
class PortOnPins:
    """What the headers of all buses begin with: a port, its address and its clock's bit."""

    banner: str
    port: str
    base: str
    rcc_enable_register: str
    rcc_enable_bit: int
    alternate_function: int


@dataclass(frozen=True)
class I2cHeader(PortOnPins):
    """`i2c_pins.h`: port and pins as numbers, and the timing on both clocks."""

    scl_pin: str
    scl_port: int
    scl_number: int
    sda_pin: str
    sda_port: int
    sda_number: int
    full_speed: I2cTiming | FirstI2cTiming
    reset_clock: I2cTiming | FirstI2cTiming


@dataclass(frozen=True)
class Pin:
    """A pin as numbers."""

    port: int
    number: int


@dataclass(frozen=True)
class SpiHeader(PortOnPins):
    """`spi_pins.h`: port and pins as numbers, and the divider on both clocks."""

    sck_pin: str
    miso_pin: str
    mosi_pin: str
    select_pin: str
    sck: Pin
    miso: Pin
    mosi: Pin
    select: Pin
    clock_select: FieldValue | None
    full_speed: SpiDivider
    reset_clock: SpiDivider
    takes_led: bool


def bus_pins(banner: str, board: Board, settings: Settings) -> BusPins | BusPinsOfF1:
    """Return what fills `bus_pins.c`."""
    family, wires = board.chip.family.name, board.i2c if settings.bus == "i2c" else board.spi
    if family == "stm32f1":
        return BusPinsOfF1(banner, None if wires is None else wires.afio_remap_bit)
    return BusPins(banner, _OTHER_OUTPUT_SPEEDS.get(family, _OUTPUT_SPEED))


def i2c_header(banner: str, board: Board, _settings: Settings) -> I2cHeader:
    """Return what fills `i2c_pins.h`."""
    wires, port = board.i2c, board.i2c_port
    assert wires is not None  # the bus was chosen because the board has it
    assert port is not None
    timing = first_timing_for if port.generation == 1 else timing_for
    return I2cHeader(
        *_on_pins(banner, port, wires),
        *(wires.scl_pin, *port_and_number(wires.scl_pin)),
        *(wires.sda_pin, *port_and_number(wires.sda_pin)),
        timing(port_hz(board, port)),
        timing(board.chip.reset_clock_hz),
    )


def spi_header(banner: str, board: Board, _settings: Settings) -> SpiHeader:
    """Return what fills `spi_pins.h`."""
    wires, port = board.spi, board.spi_port
    assert wires is not None
    assert port is not None
    names = (wires.sck_pin, wires.miso_pin, wires.mosi_pin, wires.select_pin)
    sck, miso, mosi, select = (Pin(*port_and_number(name)) for name in names)
    return SpiHeader(
        *_on_pins(banner, port, wires),
        *names,
        *(sck, miso, mosi, select),
        _clock_select(board, port),
        divider_for(port_hz(board, port)),
        divider_for(board.chip.reset_clock_hz),
        board.shares_led_with_spi,
    )


def _on_pins(
    banner: str, port: I2cPort | SpiPort, wires: I2cPins | SpiPins
) -> tuple[str, str, str, str, int, int]:
    """Return the fields of `PortOnPins`."""
    enable = port.rcc_enable_register, port.rcc_enable_bit
    return banner, port.name, word(port.base), *enable, wires.alternate_function


def _clock_select(board: Board, port: SpiPort) -> FieldValue | None:
    select = port.clock_select
    if select is None:
        return None
    return FieldValue.at(board.chip.family, select.place, select.value, port.name)
