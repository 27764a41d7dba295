"""What fills the templates of sensors: dataclasses, one per template; buses: bus_contexts.py."""

from __future__ import annotations

from dataclasses import dataclass

from mcu_slm.firmware import accelerometers, analog


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
    """`adc_inputs.h`."""

    banner: str
    settings: analog.Settings
    rate: str


@dataclass(frozen=True)
class AnalogRegisters:
    """Files that place numbers of timer, converter or DMA in registers."""

    banner: str
    settings: analog.Settings
