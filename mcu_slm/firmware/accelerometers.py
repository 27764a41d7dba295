"""Accelerometers on I2C or SPI: their rates, ranges and registers' numbers, for their drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mcu_slm.boards import Board
from mcu_slm.errors import BoardError, UsageError

_RATE_TOLERANCE: Final = 0.05


@dataclass(frozen=True)
class _Device:
    """One sensor. `rates` are Hz and code, `ranges` g and code.

    `many` are the bits for reading several registers on I2C and SPI; None without that bus.
    """

    title: str
    driver: str
    who_am_i: int
    addresses: tuple[int, int]
    rates: tuple[tuple[float, int], ...]
    ranges: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    many: tuple[int, int | None]
    filter_code: Callable[[float], int] = lambda _rate_hz: 0


def _mpu6050_filter(rate_hz: float) -> int:
    """Return the code of the widest low-pass filter below half the rate."""
    bandwidths = ((184, 1), (94, 2), (44, 3), (21, 4), (10, 5))
    return next((code for hz, code in bandwidths if hz < rate_hz / 2), 6)


_LSM6DSO_RATES: Final = (
    (12.5, 1),
    (26.0, 2),
    (52.0, 3),
    (104.0, 4),
    (208.0, 5),
    (416.0, 6),
    (833.0, 7),
    (1666.0, 8),
)
_LSM6DSO_RANGES: Final = ((2, 0), (4, 2), (8, 3), (16, 1))
_LIS3DH_RATES: Final = (
    (1.0, 1),
    (10.0, 2),
    (25.0, 3),
    (50.0, 4),
    (100.0, 5),
    (200.0, 6),
    (400.0, 7),
)
_IN_ORDER: Final = ((2, 0), (4, 1), (8, 2), (16, 3))

ACCELEROMETERS: Final[dict[str, _Device]] = {
    "lsm6dso": _Device(
        "ST LSM6DSO or LSM6DSOX",
        "sensor_lsm6dso",
        0x6C,
        (0x6A, 0x6B),
        _LSM6DSO_RATES,
        _LSM6DSO_RANGES,
        (3, 6),
        (0, 0),
    ),
    "ism330dhcx": _Device(
        "ST ISM330DHCX",
        "sensor_lsm6dso",
        0x6B,
        (0x6A, 0x6B),
        _LSM6DSO_RATES,
        _LSM6DSO_RANGES,
        (3, 6),
        (0, 0),
    ),
    "lsm6dsl": _Device(
        "ST LSM6DSL or LSM6DSM",
        "sensor_lsm6dsl",
        0x6A,
        (0x6A, 0x6B),
        _LSM6DSO_RATES,
        _LSM6DSO_RANGES,
        (3, 6),
        (0, 0),
    ),
    "lis3dh": _Device(
        "ST LIS3DH",
        "sensor_lis3dh",
        0x33,
        (0x18, 0x19),
        _LIS3DH_RATES,
        _IN_ORDER,
        (3,),
        (0x80, 0x40),
    ),
    "mpu6050": _Device(
        "InvenSense MPU-6050",
        "sensor_mpu6050",
        0x68,
        (0x68, 0x69),
        tuple((1000.0 / (1 + divider), divider) for divider in range(256)),
        _IN_ORDER,
        (3, 6),
        (0, None),
        _mpu6050_filter,
    ),
}


@dataclass(frozen=True)
class Settings:
    """What fills `sensor_settings.h`; numbers as C literals without their suffix."""

    title: str
    bus: str
    bus_title: str
    channels: int
    with_gyroscope: bool
    rate_hz: float
    rate_code: int
    filter_code: int
    range_g: int
    range_code: int
    who_am_i: str
    address: str
    other_address: str
    many_bit: str

    @property
    def rate_text(self) -> str:
        """The sensor's rate as people write it."""
        return f"{self.rate_hz:g}"


def plan(
    name: str,
    board: Board,
    channels: int,
    _hop: int,
    rate_hz: float,
    range_g: int,
    wanted_bus: str = "",
) -> tuple[tuple[str, ...], Settings]:
    """Return the folders of templates for an accelerometer, and its settings.

    Raises:
        UsageError: It has not so many channels, no such rate, no such range or no such bus.
        BoardError: The board does not say where it is connected.
    """
    device = ACCELEROMETERS[name]
    bus = _bus(name, device, board, wanted_bus)
    if channels not in device.channels:
        raise UsageError(
            f"sensor {name}",
            f"the model has {channels} channels",
            f"{' or '.join(map(str, device.channels))}: acceleration x, y, z"
            + (", then rate of turn x, y, z" if 6 in device.channels else ""),
            "Choose another sensor, or write src/source.h for yours.",
        )
    nearest_hz, rate_code = min(device.rates, key=lambda rate: abs(rate[0] - rate_hz))
    if abs(nearest_hz - rate_hz) > _RATE_TOLERANCE * rate_hz:
        shown = sorted({rate for rate, _ in device.rates})
        listed = ", ".join(f"{rate:g}" for rate in shown) if len(shown) < 20 else "3.9 to 1000"
        raise UsageError(
            f"sensor {name}",
            f"the model was trained at {rate_hz:g} Hz; the nearest rate is {nearest_hz:g} Hz",
            f"within {100 * _RATE_TOLERANCE:g} % of one of {listed} Hz",
            "Resample the recordings, or choose another sensor.",
        )
    ranges = dict(device.ranges)
    if range_g not in ranges:
        raise UsageError(
            f"sensor {name}",
            f"the range is {range_g} g",
            f"one of {', '.join(map(str, ranges))} g",
            "Choose the range of the recordings.",
        )
    folders = ("accelerometer", device.driver, *_bus_folders(bus, board))
    return folders, Settings(
        title=device.title,
        bus=bus,
        bus_title="I2C" if bus == "i2c" else "SPI",
        channels=channels,
        with_gyroscope=channels > 3,
        rate_hz=nearest_hz,
        rate_code=rate_code,
        filter_code=device.filter_code(nearest_hz),
        range_g=range_g,
        range_code=ranges[range_g],
        who_am_i=f"0x{device.who_am_i:02X}",
        address=f"0x{device.addresses[0]:02X}",
        other_address=f"0x{device.addresses[1]:02X}",
        many_bit=f"0x{device.many[0 if bus == 'i2c' else 1] or 0:02X}",
    )


def _bus_folders(bus: str, board: Board) -> tuple[str, ...]:
    """Return the folders of templates for a bus, by the generation of its port.

    Raises:
        BoardError: The chip's file does not describe its ports.
    """
    port = board.i2c_port if bus == "i2c" else board.spi_port
    if port is None:
        raise BoardError(
            f"chip {board.chip.name}",
            f"its file does not describe its {bus.upper()} ports",
            f"tables [[{bus}s]] in it",
            "Add them (mcu_slm/boards/facts.py shows how), or choose --sensor stream.",
        )
    own_pins = (f"bus_pins_{board.chip.family.name}",) if _has_own_pins(board) else ()
    shared = ("spi",) if bus == "spi" else ()
    return "bus_pins", *own_pins, *shared, f"{bus}_v{port.generation}"


def _has_own_pins(board: Board) -> bool:
    return board.chip.family.name == "stm32f1"  # CRL and CRH, where all others have MODER


def _bus(name: str, device: _Device, board: Board, wanted: str) -> str:
    """Return the bus that was asked for; else one that a board has for the device, I2C first."""
    possible = ("i2c", "spi") if device.many[1] is not None else ("i2c",)
    if wanted and wanted not in possible:
        raise UsageError(
            f"sensor {name}", f"it has no {wanted.upper()}", "I2C", "Choose it, or another sensor."
        )
    tables = {"i2c": board.i2c, "spi": board.spi}
    asked = (wanted,) if wanted else possible
    for bus in asked:
        if tables[bus] is not None:
            return bus
    raise BoardError(
        f"board {board.name}",
        f"it does not say where {name} is connected",
        f"a table {' or '.join(f'[{bus}]' for bus in asked)} in its board file",
        "Add it (mcu_slm/boards/sensing.py shows how), or choose another sensor.",
    )
