"""The run loop of the core: exceptions between blocks, waiting, faults, breakpoints, resets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

from mcu_slm.boards import Chip
from mcu_slm.simulator import exceptions, nvic, system
from mcu_slm.simulator import registers as reg
from mcu_slm.simulator.devices import Timed
from mcu_slm.simulator.engine import Engine, Event, Outcome, UnmappedError
from mcu_slm.simulator.faults import (
    DEBUG_EVENT,
    FORCED,
    STACKING_BUS_ERROR,
    Cause,
    Fault,
    FaultReport,
)
from mcu_slm.simulator.nvic import Clock, Masks, Nvic, SysTick
from mcu_slm.simulator.registers import Group
from mcu_slm.simulator.symbols import Symboliser
from mcu_slm.simulator.trace import NO_LIMIT, BlockHook

FaultMode = Literal["stop", "deliver"]
_FPCA: Final = 1 << 2
_ROUNDS_PER_RUN: Final = 2000  # so that nobody waits for a core that is interrupted all the time
_PRIORITY_BITS: Final = {"cortex-m0": 2, "cortex-m0plus": 2}
_SHCSR_ENABLES: Final = (  # CFSR bits, SHCSR bit that enables the fault's own handler, exception
    (0x000000FF, 16, nvic.MEM_MANAGE),
    (0x0000FF00, 17, nvic.BUS_FAULT),
    (0xFFFF0000, 18, nvic.USAGE_FAULT),
)
_CLEARED_BY_RESET: Final = Group(
    (*reg.CORE, reg.CONTROL, reg.PRIMASK, reg.BASEPRI, reg.FAULTMASK, reg.FPSCR)
)
_MASKS: Final = Group((reg.PRIMASK, reg.BASEPRI, reg.FAULTMASK))


class Pause(Enum):
    """Why `Core.run` came back."""

    LIMIT = "it ran for long enough"
    IDLE = "the core waits for something that only the host can send"
    IDLE_LIMIT = "the core waited for longer than allowed"
    BREAK = "a block begins at a breakpoint"
    RESET = "the firmware reset the chip"


@dataclass(frozen=True)
class FaultPolicy:
    """What to do with faults, and what is needed to describe them."""

    firmware: str
    symboliser: Symboliser
    stack_bottom: int | None
    mode: FaultMode


class Core:
    """A core with interrupts. The board fills in `timed`, what happens at times of its own.

    `reset_line` tells whether a peripheral holds the chip in reset.
    """

    def __init__(
        self, chip: Chip, hook: BlockHook, policy: FaultPolicy, *, boot_alias: bool, strict: bool
    ) -> None:
        self.engine = Engine(chip.core, chip.memories, hook, boot_alias=boot_alias, strict=strict)
        self._boot_address = 0 if boot_alias else chip.flash.base
        self.state: Any = hook.state
        self.policy = policy
        self.clock = Clock(lambda: int(self.state.instructions))
        self.nvic = Nvic(_PRIORITY_BITS.get(chip.core, 4))
        self.timed: tuple[Timed, ...] = ()
        self.reset_line: Callable[[], bool] = lambda: False
        self.pc = 0
        self.exceptions_taken: dict[int, int] = {}
        self._chip = chip
        self._has_fpu = chip.fpu != "none"
        self._polling = False
        self._outside: tuple[int, int] = (0, 0)  # last block of the code that was interrupted
        self.system = self._new_system()
        self.engine.map_registers(
            system.BASE,
            system.SIZE,
            self._read_system,
            self._write_system,
        )

    def _new_system(self) -> system.SystemControl:
        self.systick = SysTick(self.clock)
        return system.SystemControl(
            self._chip.core,
            self._boot_address,
            self.nvic,
            self.systick,
            self.clock.instructions,
            self.request_stop,
        )

    def _read_system(self, address: int, size: int) -> int:
        return self.system.read(address, size)

    def _write_system(self, address: int, size: int, value: int) -> None:
        self.system.write(address, size, value)

    def reset(self) -> None:
        """Start from the reset vector; memories keep their contents."""
        self.nvic = Nvic(self.nvic.priority_bits)
        self.system = self._new_system()
        self.state.suspended = self.state.pass_break = 0
        self.engine.registers.set_group(_CLEARED_BY_RESET, [0] * _CLEARED_BY_RESET.count)
        stack = self._vector(0)
        self.engine.registers.set(reg.XPSR, 1 << 24)
        for register in (reg.MSP, reg.SP):
            self.engine.registers.set(register, stack)
        self.engine.registers.set(reg.LR, 0xFFFFFFFF)
        self.pc = self._vector(nvic.RESET) & ~1

    def request_stop(self) -> None:
        """Let the engine stop before the next block; safe inside register callbacks."""
        self.state.stop_requested = 1

    def note_polling(self) -> None:
        """Hear that the firmware only polls for a byte that nobody has sent: the core is idle."""
        self._polling = True
        self.request_stop()

    # --- Running ------------------------------------------------------------------------------

    def run(
        self,
        instructions: int,
        idle_clocks: int,
        enough: Callable[[], bool] = lambda: False,
        pass_break: bool = False,
    ) -> Pause:
        """Run for a while.

        Args:
            instructions: Most instructions to execute.
            idle_clocks: Most clocks to wait; SysTick may keep a waiting core going for ever.
            enough: Asked whenever the engine pauses anyway, for example after `request_stop`.
            pass_break: Do not stop at a breakpoint right at the beginning.
        """
        state = self.state
        if pass_break:
            state.pass_break = self.pc
        limit = state.instructions + instructions
        idle_limit = self.clock.idle + idle_clocks
        for _round in range(_ROUNDS_PER_RUN):
            if enough() or state.instructions >= limit:
                break
            self._advance_devices()
            if self.reset_line():
                return Pause.RESET
            self._take_exception()
            state.stop_requested = 0
            state.watch_fpu = int(not (self._has_fpu and self.system.fpu_enabled))
            state.stop_at = min(limit, self._next_device_stop())
            outcome = self.engine.run(self.pc)
            self.pc = outcome.pc
            if state.watch_fpu and self._used_fpu():
                self._fault(Fault(Cause.NO_FPU, self.engine.first_float_instruction()))
                continue
            if self.system.reset_requested:
                return Pause.RESET
            if state.stopped_at_break:
                return Pause.BREAK
            if (pause := self._handle(outcome, idle_limit)) is not None:
                return pause
        return Pause.LIMIT

    def _handle(self, outcome: Outcome, idle_limit: int) -> Pause | None:
        if outcome.event is Event.EXCEPTION_RETURN:
            self._return_from_exception(outcome.pc)
        elif outcome.event is Event.SVC:
            self.nvic.pending.add(nvic.SVCALL)
            if nvic.SVCALL not in self.nvic.active and self._next_exception() is None:
                self._fault(Fault(Cause.BAD_SVC, outcome.pc - 2))
        elif outcome.fault is not None:
            self._fault(outcome.fault)
        elif outcome.event is Event.WAIT or self._polling:
            self._polling = False
            return self._wait(idle_limit)
        return None

    def _wait(self, idle_limit: int) -> Pause | None:
        """Let time pass until something happens; None when it has."""
        if self.nvic.would_wake(self._masks()):
            return None
        now = self.clock.now
        due = self._next_device_event()
        if due is None:
            return Pause.IDLE
        self.clock.idle += max(0, due - now)
        self._advance_devices()
        return Pause.IDLE_LIMIT if self.clock.idle >= idle_limit else None

    def _next_device_event(self) -> int | None:
        """Board time of the next SysTick, byte, or what else happens by itself."""
        soonest = self.systick.next_event
        for device in self.timed:
            due = device.next_event
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest

    def _next_device_stop(self) -> int:
        """Return the same as an instruction count."""
        due = self._next_device_event()
        return NO_LIMIT if due is None else max(due - self.clock.idle, self.state.instructions)

    def _advance_devices(self) -> None:
        if self.systick.advance():
            self.nvic.pending.add(nvic.SYSTICK)
        for device in self.timed:
            device.advance()

    # --- Exceptions ---------------------------------------------------------------------------

    def _masks(self) -> Masks:
        return Masks(*self.engine.registers.get_group(_MASKS))

    def _next_exception(self) -> int | None:
        """Return the exception to take now; else let the hook watch what holds one back."""
        self.state.watch_masks = 0
        if not self.nvic.pending:
            return None
        masks = self._masks()
        number = self.nvic.next_exception(masks)
        if number is None:
            self.state.primask = masks.primask
            self.state.basepri = masks.basepri
            self.state.faultmask = masks.faultmask
            self.state.watch_masks = 1
        return number

    def _take_exception(self) -> None:
        number = self._next_exception()
        if number is not None:
            self._enter(number)

    def _enter(self, number: int, for_fault: bool = False) -> None:
        if not for_fault:
            self._check_stack()
        if not self.nvic.active:  # the profile leaves handlers out
            self._outside = (self.state.last_address, self.state.last_bytes)
        self.state.suspended = 1
        pushed = exceptions.enter(
            self.engine,
            number,
            self.pc & ~1,
            bool(self.nvic.active),
            self.system.stacks_fp_context,
        )
        if not pushed:
            if not for_fault:
                self._fault(Fault(Cause.STACK_OVERFLOW, self.pc))
                return
            self.system.cfsr |= STACKING_BUS_ERROR
        self._go_to_handler(number)

    def _go_to_handler(self, number: int) -> None:
        self.nvic.enter(number)
        self.exceptions_taken[number] = self.exceptions_taken.get(number, 0) + 1
        self.pc = self._vector(number) & ~1

    def _return_from_exception(self, pc: int) -> None:
        link = pc | 1  # bit 0 of EXC_RETURN went away on its way into PC
        if not self.nvic.active:
            self._fault(Fault(Cause.BAD_EXCEPTION_RETURN, self.state.last_address))
            return
        left = self.nvic.leave()
        if left not in {nvic.NMI, nvic.HARD_FAULT}:
            self.engine.registers.set(reg.FAULTMASK, 0)
        number = self._next_exception()
        if number is not None:
            exceptions.chain(self.engine, number, link)
            self._go_to_handler(number)
            return
        try:
            self.pc = exceptions.leave(self.engine, link)
        except UnmappedError:
            self._fault(Fault(Cause.STACK_OVERFLOW, self.state.last_address))
            return
        if not self.nvic.active:
            self.state.suspended = 0
            self.state.last_address, self.state.last_bytes = self._outside

    def _vector(self, number: int) -> int:
        address = self.system.vector_table + 4 * number
        try:
            return int.from_bytes(self.engine.read(address, 4), "little")
        except UnmappedError:
            return 0

    # --- Faults -------------------------------------------------------------------------------

    def _used_fpu(self) -> bool:
        """Whether a floating-point instruction was executed (CONTROL.FPCA); forget it again."""
        control = self.engine.registers.get(reg.CONTROL)
        self.engine.registers.set(reg.CONTROL, control & ~_FPCA)
        return bool(control & _FPCA)

    def _check_stack(self) -> None:
        """Notice a stack that grew below its bottom without touching anything unmapped."""
        bottom = self.policy.stack_bottom
        control = self.engine.registers.get(reg.CONTROL)
        if bottom is None or control & 2 or self.policy.mode == "deliver":
            return  # a process stack has other limits; the chip itself would not notice
        sp = self.engine.registers.get(reg.SP)
        if sp < bottom:
            self._fault(Fault(Cause.STACK_OVERFLOW, self.pc, sp))

    def _fault(self, fault: Fault) -> None:
        """Stop with an error, or hand the fault to the firmware's handler."""
        fault = self._recognise_stack_overflow(fault)
        if self.policy.mode == "stop" or not self._vector(nvic.HARD_FAULT) & 1:
            raise self._report(fault).error()
        cfsr = fault.cause.cfsr(fault.address is not None)
        self.system.cfsr |= cfsr
        if fault.address is not None:
            self.system.bfar = fault.address
        masks = self._masks()
        self.pc = fault.pc & ~1
        number = nvic.HARD_FAULT
        for bits, enable, own in _SHCSR_ENABLES:
            if cfsr & bits and self.system.enabled_faults >> enable & 1:
                number = own
        if self.nvic.execution_priority(masks) <= -1:
            raise self._report(Fault(Cause.LOCK_UP, fault.pc, fault.address)).error()
        if number != nvic.HARD_FAULT:
            self.nvic.pending.add(number)
            if self.nvic.next_exception(masks) != number:
                self.nvic.pending.discard(number)
                number = nvic.HARD_FAULT
        if number == nvic.HARD_FAULT:
            self.system.hfsr |= DEBUG_EVENT if fault.cause is Cause.BREAKPOINT else FORCED
        self._enter(number, for_fault=True)

    def _recognise_stack_overflow(self, fault: Fault) -> Fault:
        bottom = self.policy.stack_bottom
        data_access = fault.cause in {Cause.READ_UNMAPPED, Cause.WRITE_UNMAPPED}
        if bottom is None or not data_access:
            return fault
        if self.engine.registers.get(reg.SP) >= bottom:
            # PUSH and STMDB fault before they move SP.
            address = fault.address or 0
            if not bottom - 256 <= address < bottom or "sp" not in self._instruction(fault.pc):
                return fault
        return Fault(Cause.STACK_OVERFLOW, fault.pc, fault.address)

    def _instruction(self, pc: int) -> str:
        text = self.engine.instruction_text(pc)
        return f"{text} sp" if text.startswith(("push", "pop", "vpush", "vpop")) else text

    def _report(self, fault: Fault) -> FaultReport:
        place = self.policy.symboliser.place
        return FaultReport(
            fault,
            self.policy.firmware,
            place(fault.pc),
            self.engine.instruction_text(fault.pc),
            place(self.engine.registers.get(reg.LR) - 1),
            self.engine.registers.get(reg.SP),
            self.policy.stack_bottom,
        )
