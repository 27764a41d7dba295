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

A chip whose I2C ports are of the second generation describes them in `[[i2cs]]` of its file (see
`facts.I2cPort`).
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


@dataclass(frozen=True)
class SpiPins:
    """An SPI port and its pins; `select_pin` is driven as an output."""

    port: str
    sck_pin: str
    miso_pin: str
    mosi_pin: str
    select_pin: str
    alternate_function: int
