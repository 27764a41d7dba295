"""A core with the memory that one program needs, and nothing around it: functions are called.

No vector table, no peripherals, no interrupts: what a kernel is tested and measured on. A chip has
less memory than this; a board is what `BoardSimulator` is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mcu_slm.boards import Memory
from mcu_slm.errors import FirmwareFault, McuSlmError, missing_extra
from mcu_slm.simulator.elf import FirmwareImage, load_image
from mcu_slm.simulator.faults import Cause, Fault, FaultReport
from mcu_slm.simulator.symbols import Symboliser

if TYPE_CHECKING:
    from mcu_slm.simulator.profile import Profile

FLASH_BASE: Final = 0x08000000
RAM_BASE: Final = 0x20000000
LINKER_SCRIPT: Final = f"""\
MEMORY
{{
    FLASH (rx) : ORIGIN = {FLASH_BASE:#010x}, LENGTH = 256M
    RAM (rw) : ORIGIN = {RAM_BASE:#010x}, LENGTH = 512M
}}
SECTIONS
{{
    .text : {{ _return = .; LONG(0xE7FEBE00) *(.text .text.* .rodata .rodata.*) }} > FLASH
    .stack (NOLOAD) : {{ _stack_bottom = .; . += 64K; _stack_top = .; }} > RAM AT> RAM
    .data : {{ . = ALIGN(8); *(.data .data.*) }} > RAM AT> RAM
    .bss (NOLOAD) :
    {{
        . = ALIGN(8);
        _bss_start = .;
        *(.bss .bss.* COMMON)
        _bss_end = .;
    }} > RAM AT> RAM
    /DISCARD/ : {{ *(.ARM.exidx* .ARM.extab* .ARM.attributes) }}
}}
"""
"""How a program must be linked. `_return` holds a breakpoint: where called functions return to."""

INSTRUCTION_LIMIT: Final = 100_000_000_000
_PAGE: Final = 4096
_UNTOUCHED: Final = b"\xa5"
_STACK: Final = ("_stack_bottom", "_stack_top")


class BareCore:
    """A program on a bare core.

    Args:
        core: `cortex-m0plus`, `cortex-m3`, `cortex-m4`, `cortex-m7` or `cortex-m33`.
        elf: The program, linked with `LINKER_SCRIPT`.
        workspace_bytes: RAM for the caller's own use, from `workspace` to `end`, where memory ends.
        native: True insists on the compiled hook, False on the Python one; None takes what works.

    Raises:
        ToolError: Unicorn is not installed.
        BoardError: The simulator does not know the core.
        McuSlmError: The file is no such program.
    """

    def __init__(
        self, core: str, elf: Path, workspace_bytes: int = 0, native: bool | None = None
    ) -> None:
        self.image = load_image(elf)
        self._symboliser = Symboliser(self.image)
        used = self.symbol("_bss_end") + _round_up(workspace_bytes, 8)
        self.end = _round_up(used, _PAGE)
        self.workspace = self.end - _round_up(workspace_bytes, 8)
        ram = Memory("RAM", "ram", RAM_BASE, self.end - RAM_BASE)
        self._open(core, (_flash(self.image), ram), native)
        for segment in self.image.segments:
            self.write(segment.address, segment.data)
        for begin, finish, fill in (("_bss_start", "_bss_end", b"\0"), (*_STACK, _UNTOUCHED)):
            start = self.symbol(begin)
            self.write(start, fill * (self.symbol(finish) - start))

    def _open(self, core: str, memories: tuple[Memory, ...], native: bool | None) -> None:
        try:
            from mcu_slm.simulator import hooks, registers
            from mcu_slm.simulator.engine import Engine
        except ImportError as error:
            raise missing_extra("unicorn", "sim", "simulated core") from error
        hook = hooks.open_hook(native)
        self._core = core
        self._hook = hook
        self._state: Any = hook.state
        self._engine = Engine(core, memories, hook)
        self._reg = registers
        hook.set_breaks(frozenset({self.symbol("_return")}))

    @property
    def instructions(self) -> int:
        """Instructions executed so far, those that an IT block skipped included."""
        return int(self._state.instructions)

    @property
    def stack_bytes(self) -> int:
        """Most stack that was in use at a time, in bytes."""
        bottom, top = map(self.symbol, _STACK)
        return len(self.read(bottom, top - bottom).lstrip(_UNTOUCHED))

    def has(self, name: str) -> bool:
        """Whether the program has a symbol."""
        return name in self.image.symbols

    def symbol(self, name: str) -> int:
        """Return the address of a symbol (a function's without the Thumb bit).

        Raises:
            McuSlmError: The program has no such symbol.
        """
        if not self.has(name):
            raise McuSlmError(
                str(self.image.path),
                f"there is no symbol {name!r}",
                remedy="Link the program with the linker script of the bare core.",
            )
        return self.image.symbols[name]

    def read(self, address: int, size: int) -> bytes:
        """Return bytes of memory."""
        return self._engine.read(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Write memory, code included."""
        self._engine.write(address, data)

    def call(self, function: str, *arguments: int, limit: int = INSTRUCTION_LIMIT) -> int:
        """Call a function with up to four integers or addresses; return its integer result.

        Raises:
            FirmwareFault: The core faulted, or `limit` instructions did not suffice.
            McuSlmError: The program has no such function.
        """
        reg, registers = self._reg, self._engine.registers
        assert len(arguments) <= 4  # more would go on the stack
        pc = self.symbol(function)
        registers.set(reg.XPSR, 1 << 24)
        registers.set(reg.SP, self.symbol("_stack_top"))
        registers.set(reg.LR, self.symbol("_return") | 1)
        for number, value in zip(reg.CORE[:4], arguments, strict=False):
            registers.set(number, value)
        self._state.stop_at = self._state.instructions + limit
        self._run(pc, function, limit)
        return registers.get(reg.R0)

    @contextmanager
    def profile(self, functions: Sequence[str]) -> Iterator[Profile]:
        """Measure functions by name while the context is open; see `Profile`.

        Raises:
            McuSlmError: The program has no such function.
        """
        from mcu_slm.simulator.profile import Profile

        entries = [self.symbol(name) for name in functions]
        profile = Profile(functions, entries, self._hook, self._engine, self._core)
        try:
            yield profile
        finally:
            profile.stop()

    def _run(self, pc: int, function: str, limit: int) -> None:
        from mcu_slm.simulator.engine import Event

        while True:
            outcome = self._engine.run(pc)
            pc = outcome.pc
            if self._state.stopped_at_break:
                return
            if outcome.fault is not None:
                raise self._fault(outcome.fault)
            if outcome.event is not Event.STOPPED:
                raise FirmwareFault(
                    f"{self.image.path.name}: {function}",
                    f"executed {outcome.event.value} at {self._symboliser.place(pc)}",
                    "a function that only computes",
                )
            if self._state.instructions >= self._state.stop_at:
                raise FirmwareFault(
                    f"{self.image.path.name}: {function}",
                    f"has not returned after {limit:,} instructions, "
                    f"it is at {self._symboliser.place(pc)}",
                    "a function that comes to an end",
                )

    def _fault(self, fault: Fault) -> FirmwareFault:
        bottom, place = self.symbol("_stack_bottom"), self._symboliser.place
        if fault.address is not None and bottom - _PAGE <= fault.address < bottom:
            fault = Fault(Cause.STACK_OVERFLOW, fault.pc, fault.address)
        registers = self._engine.registers
        return FaultReport(
            fault,
            self.image.path.name,
            place(fault.pc),
            self._engine.instruction_text(fault.pc),
            place(registers.get(self._reg.LR) - 1),
            registers.get(self._reg.SP),
            bottom,
        ).error()


def _flash(image: FirmwareImage) -> Memory:
    ends = [s.address + len(s.data) for s in image.segments if s.address < RAM_BASE]
    return Memory("FLASH", "flash", FLASH_BASE, max(ends, default=FLASH_BASE) - FLASH_BASE)


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step
