"""What fills the templates of sensors and their buses: dataclasses, one per template."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.firmware import accelerometers, analog
from mcu_slm.firmware.i2c_timing import I2cTiming


@dataclass(frozen=True)
class SamplingHeader:
    """`sampling.h`: where windows come from; 0 and 1 for no and yes."""

    banner: str
    sensor: str
    windowed: int
    from_host: int
    hop_samples: int
    rate_millihertz: int


@dataclass(frozen=True)
class SamplingSource:
    """`sampling.c`: how long a sensor may be silent."""

    banner: str
    patience_ms: int


@dataclass(frozen=True)
class AccelerometerSettings:
    """`sensor_settings.h`."""

    banner: str
    settings: accelerometers.Settings
    model_rate: str


@dataclass(frozen=True)
class AnalogSettings:
    """`adc_settings.h`."""

    banner: str
    settings: analog.Settings
    rate: str


@dataclass(frozen=True)
class I2cHeader:
    """`i2c_pins.h`: port and pins as numbers."""

    banner: str
    port: str
    scl_pin: str
    scl_port: int
    scl_number: int
    sda_pin: str
    sda_port: int
    sda_number: int
    alternate_function: int


@dataclass(frozen=True)
class I2cV2Header:
    """`i2c_pins.h` of a port of the second generation, with its timing on both clocks."""

    banner: str
    port: str
    base: str
    rcc_enable_register: str
    rcc_enable_bit: int
    scl_pin: str
    scl_port: int
    scl_number: int
    sda_pin: str
    sda_port: int
    sda_number: int
    alternate_function: int
    full_speed: I2cTiming
    reset_clock: I2cTiming


@dataclass(frozen=True)
class Pin:
    """A pin as numbers."""

    port: int
    number: int


@dataclass(frozen=True)
class SpiHeader:
    """`spi_pins.h`: port and pins as numbers."""

    banner: str
    port: str
    sck_pin: str
    miso_pin: str
    mosi_pin: str
    select_pin: str
    pins: tuple[Pin, ...]
    select: Pin
    alternate_function: int
