"""Where sensors are connected to a board: optional tables `[adc]`, `[i2c]` and `[spi]`.

[adc]
pins = ["PA0", "PA1"]

[i2c]
port = "I2C1"
scl_pin = "PB8"
sda_pin = "PB9"
alternate_function = 4

[spi]
port = "SPI2"
sck_pin = "PB13"
miso_pin = "PB14"
mosi_pin = "PB15"
select_pin = "PB12"
alternate_function = 5

Ports are described in `[[i2cs]]` and `[[spis]]` of the chip's file (see `facts.I2cPort` and
`facts.SpiPort`). On the STM32F1 `alternate_function` is 0, as pins have none there, and
`afio_remap_bit` names the bit of AFIO_MAPR that moves a port from its usual pins to these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AdcPins:
    """Analog inputs, in the order of the model's channels."""

    pins: tuple[str, ...]


@dataclass(frozen=True)
class I2cPins:
    """An I2C port and its pins. Pull-ups are outside."""

    port: str
    scl_pin: str
    sda_pin: str
    alternate_function: int
    afio_remap_bit: int | None = None


@dataclass(frozen=True)
class SpiPins:
    """An SPI port and its pins; `select_pin` is driven as an output. One may be the LED's, too."""

    port: str
    sck_pin: str
    miso_pin: str
    mosi_pin: str
    select_pin: str
    alternate_function: int
    afio_remap_bit: int | None = None
