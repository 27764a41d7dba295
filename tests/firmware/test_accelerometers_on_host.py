"""The drivers of accelerometers, compiled for this machine, against models of the devices."""

from __future__ import annotations

import ctypes
import dataclasses
import random
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

import pytest

from mcu_slm import boards, toolchain
from mcu_slm.boards.sensing import I2cPins, SpiPins
from mcu_slm.errors import BoardError, UsageError
from mcu_slm.firmware import accelerometers, templates
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.sensors import Sampling
from tests.firmware.devices import Device, Ism330dhcx, Lis3dh, Lsm6dsl, Lsm6dso, Mpu6050

pytestmark = pytest.mark.host
HOST_BUS = Path(__file__).parent / "host" / "host_bus.c"
BOARD = dataclasses.replace(
    boards.load_board("nucleo_f446re"), i2c=I2cPins("I2C1", "PB8", "PB9", 4), spi=None
)
CASES = [
    ("lsm6dso", Lsm6dso, 3, 100.0, 104.0),
    ("lsm6dso", Lsm6dso, 6, 50.0, 52.0),
    ("ism330dhcx", Ism330dhcx, 6, 833.0, 833.0),
    ("lsm6dsl", Lsm6dsl, 3, 200.0, 208.0),
    ("lsm6dsl", Lsm6dsl, 6, 26.0, 26.0),
    ("lis3dh", Lis3dh, 3, 50.0, 50.0),
    ("mpu6050", Mpu6050, 3, 50.0, 50.0),
    ("mpu6050", Mpu6050, 6, 200.0, 200.0),
]
DEPTH = {"lsm6dso": 512, "ism330dhcx": 512, "lsm6dsl": 2048, "lis3dh": 32, "mpu6050": 1024}

_START = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_uint8)
_READ = ctypes.CFUNCTYPE(
    ctypes.c_bool, ctypes.c_uint8, ctypes.POINTER(ctypes.c_uint8), ctypes.c_uint32
)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_uint8, ctypes.c_uint8)


class Status(IntEnum):
    SAMPLE = 0
    EMPTY = 1
    LOST = 2
    FAILED = 3


class Driver:
    """A compiled driver with a device on its bus."""

    def __init__(self, library: ctypes.CDLL, device: Device, channels: int) -> None:
        self._library = library
        self._device = device
        self._channels = channels
        self._selected = False
        library.source_start.restype = ctypes.c_bool
        self._functions = (_START(self._start), _READ(self._read), _WRITE(self._write))
        library.host_bus_connect(*self._functions)

    def _start(self, address: int) -> bool:
        self._selected = address == self._device.address
        return True

    def _answers(self) -> bool:
        return self._selected and not self._device.fails

    def _read(self, register: int, out, count: int) -> bool:
        if not self._answers():
            return False
        self._device.select(register)
        for index in range(count):
            out[index] = self._device.read_byte()
        return self._answers()  # it may have gone in between

    def _write(self, register: int, value: int) -> bool:
        if not self._answers():
            return False
        self._device.select(register)
        self._device.write_byte(value)
        return True

    def start(self) -> bool:
        return self._library.source_start()

    def read(self) -> tuple[Status, tuple[int, ...]]:
        counts = (ctypes.c_int16 * self._channels)()
        return Status(self._library.source_read(counts)), tuple(counts)

    def read_all(self) -> list[tuple[int, ...] | Status]:
        """Read until it is empty: samples, and what else it says."""
        found: list[tuple[int, ...] | Status] = []
        for _ in range(5000):
            status, counts = self.read()
            if status == Status.EMPTY:
                return found
            found.append(counts if status == Status.SAMPLE else status)
            if status == Status.FAILED:
                return found
        raise AssertionError("it is never empty")


@pytest.fixture
def make_driver(tmp_path: Path) -> Callable[..., Driver]:
    def make(name: str, device: Device, channels: int, rate_hz: float, range_g: int = 8) -> Driver:
        folders, settings = accelerometers.plan(name, BOARD, channels, 10, rate_hz, range_g)
        sampling = Sampling(name, folders, ("windows.c",), channels, 10, rate_hz, settings)
        subject = Subject(BOARD, "demo", "ab" * 32, (), sampling)
        driver = folders[1]
        wanted = [
            *(f"accelerometer/src/{file}.h.j2" for file in ("bus", "sensor_settings")),
            "sampled/src/source.h.j2",
            f"{driver}/src/{driver.removeprefix('sensor_')}.c.j2",
        ]
        for template in wanted:
            file = templates.render(template, subject)
            (tmp_path / Path(file.path).name).write_text(file.text)
        (tmp_path / HOST_BUS.name).write_text(HOST_BUS.read_text())
        built = toolchain.build_host_library(
            sorted(tmp_path.glob("*.c")),
            tmp_path,
            tmp_path / "build",
            flags=("-O1", *toolchain.WARNING_FLAGS),
        )
        return Driver(ctypes.CDLL(str(built)), device, channels)

    return make


def samples(count: int, channels: int, seed: int = 5) -> list[tuple[int, ...]]:
    chance = random.Random(seed)
    drawn = [tuple(chance.randrange(-(2**15), 2**15) for _ in range(6)) for _ in range(count)]
    extremes = [(-(2**15),) * 6, (2**15 - 1,) * 6, (0,) * 6, (-1,) * 6]
    return [sample[:channels] for sample in extremes + drawn][:count]


def feed(device: Device, wanted: list[tuple[int, ...]]) -> None:
    for sample in wanted:
        device.sample((*sample, 0, 0, 0))


@pytest.mark.parametrize(("name", "kind", "channels", "wanted_hz", "rate_hz"), CASES)
class TestEachDevice:
    def test_samples_come_as_they_were(
        self, make_driver, name, kind, channels, wanted_hz, rate_hz
    ) -> None:
        device = kind()
        driver = make_driver(name, device, channels, wanted_hz)
        assert driver.start()
        assert device.rate_hz == pytest.approx(rate_hz)
        assert device.range_g == 8
        assert driver.read_all() == []
        for seed in range(6):
            wanted = samples(5 * seed, channels, seed)
            feed(device, wanted)
            assert driver.read_all() == wanted
        assert device.lost == 0

    def test_the_other_address_is_tried(
        self, make_driver, name, kind, channels, wanted_hz, rate_hz
    ) -> None:
        device = kind(address=kind.address + 1)
        driver = make_driver(name, device, channels, wanted_hz)
        assert driver.start()
        feed(device, samples(3, channels))
        assert driver.read_all() == samples(3, channels)

    def test_a_stranger_is_not_touched(
        self, make_driver, name, kind, channels, wanted_hz, rate_hz
    ) -> None:
        device = kind()
        device.registers[device.who_am_i_register] ^= 0x10
        before = bytes(device.registers)
        assert not make_driver(name, device, channels, wanted_hz).start()
        assert bytes(device.registers) == before

    def test_nobody_on_the_bus_is_told(
        self, make_driver, name, kind, channels, wanted_hz, rate_hz
    ) -> None:
        device = kind()
        device.fails = True
        driver = make_driver(name, device, channels, wanted_hz)
        assert not driver.start()
        device.fails = False
        assert driver.start()
        feed(device, samples(4, channels))
        device.fails = True
        assert driver.read_all() == [Status.FAILED]
        device.fails = False
        assert driver.read_all() == samples(4, channels)

    def test_an_overrun_is_told_before_what_came_after_it(
        self, make_driver, name, kind, channels, wanted_hz, rate_hz
    ) -> None:
        device = kind()
        driver = make_driver(name, device, channels, wanted_hz)
        assert driver.start()
        wanted = samples(DEPTH[name] + 7, channels)
        feed(device, wanted)
        assert device.lost > 0
        found = driver.read_all()
        assert found[0] == Status.LOST
        assert Status.LOST not in found[1:]
        kept = found[1:]
        assert kept == wanted[len(wanted) - len(kept) :]  # the newest ones, in order, none torn
        after = samples(5, channels, seed=9)
        feed(device, after)
        assert driver.read_all() == after


def test_mpu6050_is_not_for_spi() -> None:
    on_spi = dataclasses.replace(
        BOARD, i2c=None, spi=SpiPins("SPI2", "PB13", "PB14", "PB15", "PB12", 5)
    )
    folders, settings = accelerometers.plan("lis3dh", on_spi, 3, 10, 50.0, 4)
    assert (folders[-1], settings.many_bit) == ("spi_v1", "0x40")
    with pytest.raises(BoardError, match=r"where mpu6050 is connected.*a table \[i2c\] in"):
        accelerometers.plan("mpu6050", on_spi, 3, 10, 50.0, 4)


def test_lis3dh_measures_with_12_bits(make_driver) -> None:
    device = Lis3dh()
    assert make_driver("lis3dh", device, 3, 100.0, 2).start()
    assert device.has_12_bits
    assert device.range_g == 2


def test_halves_from_both_sides_of_a_gap_do_not_become_one_sample(make_driver) -> None:
    device = Lsm6dso()
    driver = make_driver("lsm6dso", device, 6, 104.0)
    assert driver.start()
    device._push(1, (7, 7, 7))  # the accelerometer's half has not come yet
    assert driver.read_all() == []
    wanted = samples(300, 6)
    feed(device, wanted)
    device.fifo.popleft()  # the oldest word left is an accelerometer's
    status, _ = driver.read()
    assert status == Status.LOST
    found = driver.read_all()
    assert found == wanted[len(wanted) - len(found) :]
    assert len(found) == 255


def test_a_set_of_words_that_is_not_whole_yet_waits(make_driver) -> None:
    device = Lsm6dsl()
    driver = make_driver("lsm6dsl", device, 6, 104.0)
    assert driver.start()
    wanted = samples(2, 6)
    feed(device, wanted)
    late = device.words.pop()
    assert driver.read_all() == wanted[:1]
    device.words.append(late)
    assert driver.read_all() == wanted[1:]


class TornLsm6dsl(Lsm6dsl):
    def read(self, register: int) -> int:
        self.fails |= register == 0x3E and len(self.words) == 10  # in the second set of three
        return super().read(register)


class TornMpu6050(Mpu6050):
    def read(self, register: int) -> int:
        self.fails |= register == 0x74 and len(self.bytes) == 20
        return super().read(register)


@pytest.mark.parametrize(("name", "kind"), [("lsm6dsl", TornLsm6dsl), ("mpu6050", TornMpu6050)])
def test_after_a_torn_sample_a_fifo_without_tags_begins_anew(make_driver, name, kind) -> None:
    device = kind()
    driver = make_driver(name, device, 6, 100.0)
    assert driver.start()
    wanted = samples(3, 6)
    feed(device, wanted)
    assert driver.read_all() == [wanted[0], Status.FAILED]
    device.fails = False
    assert driver.read_all() == [Status.LOST]
    feed(device, wanted[:1])
    assert driver.read_all() == wanted[:1]


@pytest.mark.parametrize(("name", "kind"), [("lsm6dso", Lsm6dso), ("lsm6dsl", Lsm6dsl)])
def test_a_gyroscope_that_is_not_asked_for_stays_off(make_driver, name, kind) -> None:
    device = kind()
    assert make_driver(name, device, 3, 104.0).start()
    assert device.gyroscope_rate_hz == 0


@pytest.mark.parametrize("range_g", [2, 4, 8, 16])
@pytest.mark.parametrize(
    ("name", "kind"),
    [("lsm6dso", Lsm6dso), ("lsm6dsl", Lsm6dsl), ("lis3dh", Lis3dh), ("mpu6050", Mpu6050)],
)
def test_every_range_is_set(make_driver, name: str, kind: type[Device], range_g: int) -> None:
    device = kind()
    assert make_driver(name, device, 3, 50.0, range_g).start()
    assert device.range_g == range_g


def test_what_a_sensor_cannot_do_is_refused() -> None:
    with pytest.raises(UsageError, match=r"trained at 60 Hz; the nearest rate is 52 Hz.*12\.5, 26"):
        accelerometers.plan("lsm6dso", BOARD, 3, 10, 60.0, 4)
    with pytest.raises(UsageError, match="the nearest rate is 1000 Hz"):
        accelerometers.plan("mpu6050", BOARD, 3, 10, 1200.0, 4)
    with pytest.raises(UsageError, match=r"the model has 6 channels.*expected 3"):
        accelerometers.plan("lis3dh", BOARD, 6, 10, 50.0, 4)
    with pytest.raises(UsageError, match=r"the range is 3 g.*expected one of 2, 4, 8, 16 g"):
        accelerometers.plan("lis3dh", BOARD, 3, 10, 50.0, 3)
    nowhere = dataclasses.replace(BOARD, i2c=None)
    with pytest.raises(BoardError, match=r"does not say where lis3dh is connected.*\[i2c\] or"):
        accelerometers.plan("lis3dh", nowhere, 3, 10, 50.0, 4)
