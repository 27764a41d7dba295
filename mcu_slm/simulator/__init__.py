"""The board simulator: boots an unmodified firmware ELF and speaks over its simulated serial port.

    elf.py, symbols.py                 the firmware file; address to function, file and line
    engine.py, registers.py            Unicorn, held the way in which it is exact
    core.py, exceptions.py, nvic.py, system.py, faults.py     a Cortex-M around it
    peripherals.py, usart.py, attached.py and the models that it names: the chip around that
    trace.py, hooks.py, native_hook.py, block_hook.c, native.py, python_hook.py
                                       the hook that counts instructions and stops the core
    profile.py, cycles.py, returns.py                         what is watched with it
    board.py, port.py, server.py                              the simulator as others use it

Importing this package does not import Unicorn; creating a `BoardSimulator` does.
"""

from mcu_slm.simulator.board import BoardSimulator
from mcu_slm.simulator.port import SimulatedPort

__all__ = ["BoardSimulator", "SimulatedPort"]
