"""The registers of the simulated core, read and written in groups without detours.

The Python binding looks each register's type up at every access; here all of them are 32 bits wide.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from typing import Any, Final

from unicorn import arm_const as const
from unicorn.unicorn_py3 import unicorn as binding

R0: Final = const.UC_ARM_REG_R0
SP: Final = const.UC_ARM_REG_SP
LR: Final = const.UC_ARM_REG_LR
PC: Final = const.UC_ARM_REG_PC
MSP: Final = const.UC_ARM_REG_MSP
PSP: Final = const.UC_ARM_REG_PSP
XPSR: Final = const.UC_ARM_REG_XPSR
CONTROL: Final = const.UC_ARM_REG_CONTROL
PRIMASK: Final = const.UC_ARM_REG_PRIMASK
BASEPRI: Final = const.UC_ARM_REG_BASEPRI
FAULTMASK: Final = const.UC_ARM_REG_FAULTMASK
FPSCR: Final = const.UC_ARM_REG_FPSCR
CORE: Final = tuple(const.UC_ARM_REG_R0 + n for n in range(13))
FLOATS: Final = tuple(const.UC_ARM_REG_S0 + n for n in range(16))


class Group:
    """Registers that are read and written together, in this order."""

    def __init__(self, numbers: Iterable[int]) -> None:
        chosen = tuple(numbers)
        self.count = len(chosen)
        self.numbers = (ctypes.c_int * self.count)(*chosen)
        self.values = (ctypes.c_uint32 * self.count)()
        start = ctypes.addressof(self.values)
        self.pointers = (ctypes.c_void_p * self.count)(*(start + 4 * n for n in range(self.count)))


class Registers:
    """Access to the registers of one engine (a `unicorn.Uc`)."""

    def __init__(self, uc: Any) -> None:
        self._handle = uc._uch
        self._library: Any = binding.uclib
        self._value = ctypes.c_uint32()
        self._reference = ctypes.byref(self._value)

    def get(self, number: int) -> int:
        """Return one register."""
        self._library.uc_reg_read(self._handle, number, self._reference)
        return self._value.value

    def set(self, number: int, value: int) -> None:
        """Write one register."""
        self._value.value = value
        self._library.uc_reg_write(self._handle, number, self._reference)

    def get_group(self, group: Group) -> list[int]:
        """Return all registers of a group."""
        library = self._library
        library.uc_reg_read_batch(self._handle, group.numbers, group.pointers, group.count)
        return list(group.values)

    def set_group(self, group: Group, values: Iterable[int]) -> None:
        """Write all registers of a group."""
        group.values[:] = list(values)
        library = self._library
        library.uc_reg_write_batch(self._handle, group.numbers, group.pointers, group.count)
