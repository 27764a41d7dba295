"""Accelerometers as their data sheets describe them, as far as drivers see: registers and FIFO.

`sample()` is one tick of the sensor's own clock. What a driver has not configured does not happen:
no FIFO without its mode, no sample without a rate. Written from the data sheets, not from the
drivers.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence


class Device:
    """A register file behind one address. Reading and writing go on to the next register."""

    who_am_i_register: int
    who_am_i: int
    address: int

    def __init__(self, address: int | None = None) -> None:
        self.address = self.address if address is None else address
        self.pointer = 0
        self.lost = 0
        self.fails = False  # nobody answers on the bus
        self.reset()

    def reset(self) -> None:
        self.registers = bytearray(256)
        self.registers[self.who_am_i_register] = self.who_am_i
        self.fifo: deque[tuple[int, ...]] = deque()

    # The bus: a write sets the register, then writes; a read goes on from there.
    def select(self, sub_address: int) -> None:
        self.pointer = sub_address

    def select_on_spi(self, first_byte: int) -> None:
        self.select(first_byte & 0x7F)

    def write_byte(self, value: int) -> None:
        self.write(self.pointer, value)
        self.pointer = self.following(self.pointer)

    def read_byte(self) -> int:
        value = self.read(self.pointer)
        self.pointer = self.following(self.pointer)
        return value

    def following(self, register: int) -> int:
        return (register + 1) & 0xFF

    def read(self, register: int) -> int:
        return self.registers[register]

    def write(self, register: int, value: int) -> None:
        if register != self.who_am_i_register:
            self.registers[register] = value


class OnSpi:
    """A device behind a select pin: the first byte's upper bit asks for reading."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.reading = False

    def select_register(self, first_byte: int) -> None:
        self.reading = bool(first_byte & 0x80)
        self.device.select_on_spi(first_byte)

    def exchange(self, value: int) -> int:
        if self.reading:
            return self.device.read_byte()
        self.device.write_byte(value)
        return 0xFF


class Lsm6(Device):
    """What ST's accelerometers with a gyroscope have in common: rates, ranges, a reset by software.

    `wraps` are the first and the last register of the FIFO's output, read in turn.
    """

    who_am_i_register = 0x0F
    RATES = (0, 12.5, 26, 52, 104, 208, 417, 833, 1667)
    RANGES = (2, 16, 4, 8)
    wraps: tuple[int, int]

    def reset(self) -> None:
        super().reset()
        self.registers[0x12] = 0x04  # IF_INC
        self.resetting = 0

    def empty_fifo(self) -> None:
        raise NotImplementedError

    @property
    def rate_hz(self) -> float:
        return self.RATES[self.registers[0x10] >> 4]

    @property
    def range_g(self) -> int:
        return self.RANGES[self.registers[0x10] >> 2 & 3]

    @property
    def gyroscope_rate_hz(self) -> float:
        return self.RATES[self.registers[0x11] >> 4]

    def following(self, register: int) -> int:
        if not self.registers[0x12] & 4:
            return register
        first, last = self.wraps
        return first if register == last else super().following(register)

    def read(self, register: int) -> int:
        if register == 0x12 and self.resetting:
            self.resetting -= 1
            return self.registers[0x12] | 1
        return super().read(register)

    def write(self, register: int, value: int) -> None:
        if register == 0x12 and value & 1:
            self.reset()
            self.resetting = 2
            return
        if register == 0x0A and value & 7 == 0:
            self.empty_fifo()
        super().write(register, value)


class Lsm6dso(Lsm6):
    """ST DS12140 (LSM6DSO); ISM330DHCX has another WHO_AM_I and no difference here."""

    who_am_i, address = 0x6C, 0x6A
    wraps = (0x78, 0x7E)
    WORDS = 512

    def reset(self) -> None:
        super().reset()
        self.overrun_latched = False
        self.word = bytes(7)
        self.tick = 0

    def empty_fifo(self) -> None:
        self.fifo.clear()
        self.overrun_latched = False

    def sample(self, counts: Sequence[int]) -> None:
        if self.registers[0x0A] & 7 != 6:  # bypass: the FIFO stays empty
            return
        self.tick = (self.tick + 1) & 3
        batched = self.registers[0x09]
        if batched >> 4 and self.gyroscope_rate_hz:
            self._push(1, counts[3:6])
        if batched & 15 and self.rate_hz:
            self._push(2, counts[:3])

    def _push(self, tag: int, counts: Sequence[int]) -> None:
        if len(self.fifo) == self.WORDS:
            self.fifo.popleft()
            self.overrun_latched = True
            self.lost += 1
        self.fifo.append((tag << 3 | self.tick << 1, *counts))

    def read(self, register: int) -> int:
        if register == 0x3A:
            return len(self.fifo) & 0xFF
        if register == 0x3B:
            flags = len(self.fifo) >> 8 & 3 | (len(self.fifo) == self.WORDS) << 5
            flags |= self.overrun_latched << 3
            self.overrun_latched = False
            return flags
        if register == 0x78:
            tag, *counts = self.fifo.popleft() if self.fifo else (0, 0, 0, 0)
            self.word = bytes((tag,)) + struct.pack("<3h", *counts)
        if 0x78 <= register <= 0x7E:
            return self.word[register - 0x78]
        return super().read(register)


class Ism330dhcx(Lsm6dso):
    """ST DS13012."""

    who_am_i = 0x6B


class Lsm6dsl(Lsm6):
    """ST DS11715, AN5040: a FIFO of words without tags; an overrun drops the oldest word."""

    who_am_i, address = 0x6A, 0x6A
    wraps = (0x3E, 0x3F)
    WORDS = 2048

    def reset(self) -> None:
        super().reset()
        self.words: deque[int] = deque()
        self.overrun = False
        self.taken = 0

    def empty_fifo(self) -> None:
        self.words.clear()
        self.overrun = False

    def sample(self, counts: Sequence[int]) -> None:
        control, kept = self.registers[0x0A], self.registers[0x08]
        if control & 7 != 6 or control >> 3 != self.registers[0x10] >> 4:
            return  # bypass, or a FIFO at another rate than the sensor's
        parts = list(counts[3:6]) if kept >> 3 & 7 == 1 and self.gyroscope_rate_hz else []
        parts += list(counts[:3]) if kept & 7 == 1 and self.rate_hz else []
        for part in parts:
            if len(self.words) == self.WORDS:
                self.words.popleft()
                self.overrun = True
                self.lost += 1
            self.words.append(part)

    def read(self, register: int) -> int:
        if register == 0x3A:
            return len(self.words) & 0xFF
        if register == 0x3B:
            return len(self.words) >> 8 & 7 | (not self.words) << 4 | self.overrun << 6
        if register == 0x3E:
            self.taken = (self.words.popleft() if self.words else 0) & 0xFFFF
            return self.taken & 0xFF
        if register == 0x3F:
            return self.taken >> 8
        return super().read(register)


class Lis3dh(Device):
    """ST LIS3DH data sheet: the upper bit of a sub-address asks for the next registers (I2C)."""

    who_am_i_register, who_am_i, address = 0x0F, 0x33, 0x18
    RATES = (0, 1, 10, 25, 50, 100, 200, 400)
    RANGES = (2, 4, 8, 16)
    SAMPLES = 32

    def reset(self) -> None:
        super().reset()
        self.registers[0x20] = 0x07
        self.goes_on = False
        self.bytes = bytes(6)

    def select(self, sub_address: int) -> None:
        self.pointer, self.goes_on = sub_address & 0x7F, bool(sub_address & 0x80)

    def select_on_spi(self, first_byte: int) -> None:
        self.pointer, self.goes_on = first_byte & 0x3F, bool(first_byte & 0x40)

    @property
    def rate_hz(self) -> float:
        return self.RATES[self.registers[0x20] >> 4] if self.registers[0x20] & 7 == 7 else 0

    @property
    def range_g(self) -> int:
        return self.RANGES[self.registers[0x23] >> 4 & 3]

    @property
    def has_12_bits(self) -> bool:
        return bool(self.registers[0x23] & 8)

    def sample(self, counts: Sequence[int]) -> None:
        if not (self.rate_hz and self.registers[0x24] & 0x40 and self.registers[0x2E] >> 6 == 2):
            return
        if len(self.fifo) == self.SAMPLES:
            self.fifo.popleft()
            self.lost += 1
        self.fifo.append(tuple(counts[:3]))

    def following(self, register: int) -> int:
        if not self.goes_on:
            return register
        return 0x28 if register == 0x2D else super().following(register)

    def read(self, register: int) -> int:
        if register == 0x2F:
            count = len(self.fifo)
            return (count == self.SAMPLES) << 6 | (count == 0) << 5 | min(count, 31)
        if register == 0x28:
            self.bytes = struct.pack("<3h", *(self.fifo.popleft() if self.fifo else (0, 0, 0)))
        if 0x28 <= register <= 0x2D:
            return self.bytes[register - 0x28]
        return super().read(register)

    def write(self, register: int, value: int) -> None:
        if register == 0x24 and value & 0x80:  # BOOT clears itself
            value &= 0x7F
        if register == 0x2E and value >> 6 == 0:
            self.fifo.clear()
        super().write(register, value)


class Mpu6050(Device):
    """InvenSense RM-MPU-6000A: a FIFO of bytes, big-endian counts."""

    who_am_i_register, who_am_i, address = 0x75, 0x68, 0x68
    RANGES = (2, 4, 8, 16)
    BYTES = 1024

    def reset(self) -> None:
        super().reset()
        self.registers[0x6B] = 0x40  # asleep
        self.bytes: deque[int] = deque()
        self.overrun = False

    @property
    def rate_hz(self) -> float:
        if self.registers[0x6B] & 0x40:
            return 0
        base = 1000 if 1 <= self.registers[0x1A] & 7 <= 6 else 8000
        return base / (1 + self.registers[0x19])

    @property
    def range_g(self) -> int:
        return self.RANGES[self.registers[0x1C] >> 3 & 3]

    def sample(self, counts: Sequence[int]) -> None:
        if not (self.rate_hz and self.registers[0x6A] & 0x40):
            return
        parts = list(counts[:3]) if self.registers[0x23] & 8 else []
        parts += list(counts[3:6]) if self.registers[0x23] & 0x70 == 0x70 else []
        for byte in struct.pack(f">{len(parts)}h", *parts):
            if len(self.bytes) == self.BYTES:
                self.bytes.popleft()
                self.overrun = True
                self.lost += 1
            self.bytes.append(byte)

    def following(self, register: int) -> int:
        return register if register == 0x74 else super().following(register)

    def read(self, register: int) -> int:
        if register == 0x3A:
            flags, self.overrun = self.overrun << 4, False
            return flags
        if register in (0x72, 0x73):
            return len(self.bytes) >> (8 if register == 0x72 else 0) & 0xFF
        if register == 0x74:
            return self.bytes.popleft() if self.bytes else 0xFF
        return super().read(register)

    def write(self, register: int, value: int) -> None:
        if register == 0x6B and value & 0x80:
            self.reset()
            return
        if register == 0x6A and value & 4:  # FIFO_RESET works while the FIFO is off, clears itself
            if not value & 0x40:
                self.bytes.clear()
            value &= ~4
        super().write(register, value)
