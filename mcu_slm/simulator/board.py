"""The board simulator: an unmodified firmware ELF, run from its reset vector.

`protocol.Client(BoardSimulator(board, elf).port).hello()` asks it who it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mcu_slm.boards import Board, Usart
from mcu_slm.errors import DeviceError, McuSlmError, missing_extra
from mcu_slm.simulator.elf import FirmwareImage, load_image
from mcu_slm.simulator.port import SimulatedPort
from mcu_slm.simulator.symbols import Symboliser

if TYPE_CHECKING:
    from mcu_slm.simulator.core import Core
    from mcu_slm.simulator.profile import Profile
    from mcu_slm.simulator.returns import ReturnWatch
    from mcu_slm.simulator.usart import SimulatedUsart

_SLICE_CLOCKS: Final = 20_000_000  # between two looks at the wall clock
_STACK_BOTTOM_SYMBOLS: Final = ("_stack_bottom", "__stack_limit", "__StackLimit", "_sstack")


class BoardSimulator:
    """A simulated board with its console.

    Args:
        board: The board.
        elf: The firmware.
        on_fault: "stop" raises FirmwareFault at the faulting instruction; "deliver" hands the fault
            to the firmware's HardFault handler, as the chip does, and raises only when there is
            none or when the handler faults too.
        strict: Also find LDRD, LDM and VLDR at addresses that are not word-aligned. Many times
            slower, and wrong for loads inside IT blocks: for hunting bugs, not for proofs.
        native: True insists on the compiled hook, False on the Python one; None takes what works.
        crystal_fails: The crystal never becomes ready.

    Raises:
        ToolError: Unicorn is not installed.
        BoardError: The simulator does not know the chip's core.
        McuSlmError: The file is no ELF for this chip.
    """

    def __init__(
        self,
        board: Board,
        elf: Path,
        *,
        on_fault: Literal["stop", "deliver"] = "stop",
        strict: bool = False,
        native: bool | None = None,
        crystal_fails: bool = False,
    ) -> None:
        self.board = board
        self.image = load_image(elf)
        _require_fit(self.image, board)
        self.symboliser = Symboliser(self.image)
        self.port = SimulatedPort(self)
        self._returns: ReturnWatch | None = None
        self._at_break = False
        self._waits_for_host = False
        self._build(on_fault, strict, native, crystal_fails)
        for segment in self.image.segments:
            self._core.engine.write(segment.address, segment.data)
        self._core.reset()

    def _build(
        self, on_fault: Literal["stop", "deliver"], strict: bool, native: bool | None, dead: bool
    ) -> None:
        """Connect core, peripherals and port."""
        try:
            from mcu_slm.simulator import attached, core, factory, hooks, peripherals
        except ImportError as error:
            raise missing_extra("unicorn", "sim", "board simulator") from error
        chip, symbols = self.board.chip, self.image.symbols
        family = chip.family
        bottom = next((symbols[n] for n in _STACK_BOTTOM_SYMBOLS if n in symbols), None)
        policy = core.FaultPolicy(self.image.path.name, self.symboliser, bottom, on_fault)
        self._hook = hooks.open_hook(native)
        self._core: Core = core.Core(
            chip, self._hook, policy, boot_alias=family.boot_alias, strict=strict
        )
        ports = {facts.name: self._new_usart(facts) for facts in chip.usarts}
        self._console = ports[self.board.console.usart.name]
        self.attached = attached.attach(
            chip,
            self._core.clock,
            self.board.clock_hz,
            lambda address: self._peripherals.value_of(address),  # noqa: PLW0108 - made below
            attached.DmaMemory(
                self._core.engine.read,
                self._core.engine.write,
                lambda address, size: self._core.system.is_cached(address, size),  # noqa: PLW0108
            ),
        )
        for block in () if self.attached.analog is None else self.attached.analog.blocks:
            block.report = self._report_feature
        devices = self.attached.all
        self._core.timed = (self._console, *devices)
        self._core.reset_line = lambda: self.attached.watchdog.has_expired
        self._peripherals = peripherals.Peripherals(
            family,
            tuple(ports.values()),
            lambda: int(self._core.state.last_address),
            dead,
            devices,
            attached.clock_gates(chip),
        )
        registers, area = self._peripherals, family.factory_data
        registers.on_pins = self.attached.note_pins
        map_registers = self._core.engine.map_registers
        map_registers(peripherals.BASE, peripherals.SIZE, registers.read, registers.write)
        map_registers(area.base, area.size_bytes, factory.read, factory.ignore_write)

    def _new_usart(self, facts: Usart) -> SimulatedUsart:
        from mcu_slm.simulator.usart import SimulatedUsart, Wiring

        is_console = facts == self.board.console.usart
        on_transmit = self._on_transmit if is_console else _discard
        wiring = Wiring(self._set_line, on_transmit, self._core.note_polling, self._report_feature)
        return SimulatedUsart(facts, self._core.clock, wiring)

    def _report_feature(self, address: int, feature: str) -> None:
        self._peripherals.report_feature(address, feature)

    def _set_line(self, interrupt: int, high: bool) -> None:
        self._core.nvic.set_line(interrupt, high)
        if high:
            self._core.request_stop()

    def _on_transmit(self, byte: int) -> None:
        if self.port.deliver(byte):
            self._core.request_stop()

    # --- Running ------------------------------------------------------------------------------

    def run(
        self, until: Callable[[BoardSimulator], bool] | None = None, seconds: float = 10.0
    ) -> bool:
        """Run until `until(self)`, or without it until the board waits for the host.

        `until` is asked whenever the core pauses: for interrupts, waits, and bytes that it sends.

        Returns:
            False when `seconds` of wall-clock time or of waiting board time passed before that, or
            when the board waits for the host and `until` does not hold.

        Raises:
            FirmwareFault: The firmware faulted.
        """
        if until is None:
            return self._run(lambda: False, seconds, stop_waiting=True)
        condition = until
        with self.port.wanting(1):
            return self._run(lambda: condition(self), seconds)

    def run_for_output(self, enough: Callable[[], bool], seconds: float | None) -> bool:
        """Run until `enough()`; False when time is up or the board waits for the host."""
        return self._run(enough, seconds)

    def run_slice(self, seconds: float, enough: Callable[[], bool] = lambda: False) -> bool:
        """Run for `seconds` of board time; False when the board then waits for the host alone."""
        clock, end = self._core.clock, self._core.clock.now + self._clocks(seconds)
        self._run(lambda: enough() or clock.now >= end, None, self._clocks(seconds))
        return not self._waits_for_host

    def _run(
        self,
        enough: Callable[[], bool],
        seconds: float | None,
        slice_clocks: int = _SLICE_CLOCKS,
        stop_waiting: bool = False,
    ) -> bool:
        """Run in slices until `enough()`; `seconds` limit the wall clock and the time asleep."""
        from mcu_slm.simulator.core import Pause

        core = self._core
        deadline = idle_end = math.inf
        if seconds is not None:
            deadline = time.monotonic() + seconds
            idle_end = core.clock.idle + self._clocks(seconds)
        while not enough():
            if core.clock.idle >= idle_end or time.monotonic() >= deadline:
                return False
            idle_left = int(min(slice_clocks, idle_end - core.clock.idle))
            pause = core.run(slice_clocks, idle_left, enough, self._at_break)
            self._at_break = pause is Pause.BREAK
            self._waits_for_host = pause is Pause.IDLE
            if pause is Pause.RESET:
                self._reset("watchdog" if self.attached.watchdog.has_expired else "software")
            elif pause is Pause.BREAK and self._returns is not None:
                self._returns.at_break(core.pc)
            elif pause is Pause.IDLE:
                return stop_waiting
            elif pause is Pause.IDLE_LIMIT and stop_waiting and not self._console.waiting:
                return True
        return True

    def _clocks(self, seconds: float) -> int:
        return max(1, int(seconds * self.board.clock_hz))

    def reset(self, power_on: bool = True) -> None:
        """Reset the chip; RAM keeps its contents, as on silicon.

        Args:
            power_on: Whether the reset-cause register says so; False is a software reset.
        """
        self._reset("power" if power_on else "software")

    def _reset(self, cause: str) -> None:
        self._peripherals.reset(cause == "power", cause)
        self._core.reset()

    def send_to_firmware(self, data: bytes) -> None:
        """Put bytes on the console's line; `port.write` does this."""
        self._console.send(data)

    # --- Looking ------------------------------------------------------------------------------

    @property
    def instructions(self) -> int:
        """Instructions executed so far, those that an IT block skipped included."""
        return int(self._core.state.instructions)

    @property
    def board_seconds(self) -> float:
        """Time since power-on, one clock per instruction at the board's full speed."""
        return self._core.clock.now / self.board.clock_hz

    @property
    def unmodelled(self) -> dict[int, str]:
        """Registers that were touched and are not modelled, with the block that did it first."""
        places = {
            address: str(self.symboliser.place(pc))
            for address, pc in self._peripherals.touched.items()
        }
        return {**places, **self._peripherals.features}

    def read_memory(self, address: int, size: int) -> bytes:
        """Return bytes of flash or RAM.

        Raises:
            DeviceError: There is no memory.
        """
        if not self._core.engine.is_memory(address, size):
            raise DeviceError(
                f"{self.board.name}: address 0x{address:08x}",
                f"there is no memory for {size:,} bytes",
                "an address in flash or RAM",
                "Check the symbol that the address came from.",
            )
        return self._core.engine.read(address, size)

    def write_memory(self, address: int, data: bytes) -> None:
        """Change bytes of flash or RAM, as a debugger would.

        Raises:
            DeviceError: There is no memory.
        """
        self.read_memory(address, len(data))
        self._core.engine.write(address, data)

    def symbol(self, name: str) -> int:
        """Return the address of a symbol (a function's without the Thumb bit).

        Raises:
            McuSlmError: The firmware has no such symbol.
        """
        if name not in self.image.symbols:
            raise McuSlmError(
                str(self.image.path),
                f"there is no symbol {name!r}",
                remedy="Build without stripping (-s), and keep the function from being inlined.",
            )
        return self.image.symbols[name]

    # --- Watching functions -------------------------------------------------------------------

    @contextmanager
    def profile(self, functions: Sequence[str]) -> Iterator[Profile]:
        """Measure functions by name while the context is open; see `Profile`.

        Raises:
            McuSlmError: The firmware has no such function.
        """
        from mcu_slm.simulator.profile import Profile

        entries = [self.symbol(name) for name in functions]
        chip = self.board.chip
        profile = Profile(functions, entries, self._hook, self._core.engine, chip.core)
        try:
            yield profile
        finally:
            profile.stop()

    @contextmanager
    def watch_returns(self, callbacks: Mapping[str, Callable[[], None]]) -> Iterator[None]:
        """Call back right after a function has returned; memory can be read then.

        Raises:
            McuSlmError: The firmware has no such function.
        """
        from mcu_slm.simulator.returns import ReturnWatch

        by_entry = {self.symbol(name): callback for name, callback in callbacks.items()}
        self._returns = ReturnWatch(by_entry, self._hook, self._core.engine)
        try:
            yield
        finally:
            self._returns.close()
            self._returns = None

    def run_to_return_of(self, function: str, seconds: float = 10.0) -> bool:
        """Run until `function` was called and has returned; False when that does not happen."""
        returned = []
        with self.watch_returns({function: lambda: returned.append(True)}):
            return self._run(lambda: bool(returned), seconds)


def _discard(_byte: int) -> None:
    """Take what the firmware sends on a port that is not the console."""


def _require_fit(image: FirmwareImage, board: Board) -> None:
    """Check that everything to load lies in a memory, and that the reset vector makes sense."""
    chip, where = board.chip, str(image.path)
    remedy = f"Build the firmware for {board.name}, or name the board that it was built for."
    for segment in image.segments:
        end = segment.address + len(segment.data)
        if not any(m.base <= segment.address and end <= m.end for m in chip.memories):
            raise McuSlmError(
                where,
                f"has {len(segment.data):,} bytes for address 0x{segment.address:08x}",
                f"addresses in the memories of {chip.name}",
                remedy,
            )
    vectors = next((s.data for s in image.segments if s.address == chip.flash.base), b"")
    stack, entry = (int.from_bytes(vectors[at : at + 4], "little") for at in (0, 4))
    stack_fits = any(m.base < stack <= m.end for m in chip.memories if m.kind != "flash")
    if not (
        stack_fits and stack % 4 == 0 and entry & 1 and chip.flash.base <= entry < chip.flash.end
    ):
        raise McuSlmError(
            where,
            f"begins with stack pointer 0x{stack:08x} and reset vector 0x{entry:08x}",
            f"a vector table at 0x{chip.flash.base:08x}",
            remedy,
        )
