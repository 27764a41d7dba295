"""What fills the firmware templates: one frozen dataclass per template, computed from a board.

Python computes, templates place: there are no look-ups and no chip ladders in a template. What
differs between chips of a family is a number in the board files; another family is another folder
below `firmware_templates/`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import mcu_slm
from mcu_slm.boards import Board, Console
from mcu_slm.boards.facts import port_and_number
from mcu_slm.boards.reset import RESET_CAUSES, reset_flags_of
from mcu_slm.firmware import accelerometers, analog, bus_contexts
from mcu_slm.firmware.clocks import ClockSettings, clock_settings
from mcu_slm.firmware.sampling_contexts import (
    AccelerometerSettings,
    AnalogRegisters,
    AnalogSettings,
    SamplingHeader,
    SamplingSource,
)
from mcu_slm.firmware.sensors import Sampling
from mcu_slm.firmware.tflm import CPP_FLAGS, INCLUDE_FOLDERS
from mcu_slm.firmware.tool_contexts import (
    PRESETS,
    CMakeLists,
    CMakeListsAroundTflm,
    CMakePresets,
    CMakeToolchain,
    Debugging,
    LinkerMemory,
    LinkerScript,
    Readme,
    Sources,
    Tasks,
)
from mcu_slm.manifest import INTERPRETER
from mcu_slm.toolchain import COMMON_FLAGS, LINK_FLAGS, WARNING_FLAGS, ArmCompiler

_SYSTEM_EXCEPTIONS: Final = {
    1: "reset",
    2: "NMI",
    3: "HardFault",
    4: "MemManage",
    5: "BusFault",
    6: "UsageFault",
    11: "SVCall",
    12: "debug monitor",
    14: "PendSV",
    15: "SysTick",
}
_ARMV6M_CORES: Final = ("cortex-m0", "cortex-m0plus")
_NOT_ON_ARMV6M: Final = (4, 5, 6, 12)
_FIRST_INTERRUPT: Final = 16
# What has to be done before anything is in RAM: header -> function.
_EARLY_CALLS_OF_FAMILIES: Final = {"stm32h7": {"errata": "errata_apply"}}
_EARLY_CALLS_OF_CORES: Final = {"cortex-m7": {"caches": "caches_start"}}
_EARLY_CALLS_OF_DMA: Final = {"adc_buffer": "adc_buffer_uncache"}


@dataclass(frozen=True)
class Subject:
    """What a project is generated from; every context is made of it."""

    board: Board
    project_name: str
    model_sha256: str
    sources: tuple[str, ...]  # C files of the tool's folder
    sampling: Sampling = field(default_factory=Sampling)
    runtime: str = ""  # INTERPRETER, where one runs the model


@dataclass(frozen=True)
class Plain:
    """A file that is the same for every board, but for its head."""

    banner: str


@dataclass(frozen=True)
class Identity:
    """`identity.h`: what HELLO answers."""

    banner: str
    board_name: str
    tool_version: str


@dataclass(frozen=True)
class BoardHeader:
    """`board.h`: pins and ports as numbers."""

    banner: str
    board_title: str
    chip_title: str
    console: Console
    usart_base: str
    clock_factor: int
    tx_port: int
    tx_number: int
    rx_port: int
    rx_number: int
    has_led: bool
    led_port: int
    led_number: int
    led_active_high: str


@dataclass(frozen=True)
class Clock:
    """`system_clock.c`."""

    banner: str
    clock: ClockSettings


@dataclass(frozen=True)
class CycleCounter:
    """`cortex_m.h` and `timebase.c`: whether DWT refuses writes until it is unlocked."""

    banner: str
    dwt_is_locked: bool


@dataclass(frozen=True)
class Uart:
    """`uart.h`."""

    banner: str
    console: Console


@dataclass(frozen=True)
class Vector:
    """One entry of the vector table."""

    handler: str
    meaning: str


@dataclass(frozen=True)
class Startup:
    """`startup.c`: `vectors` from exception 2 on, `handlers` the functions that they name.

    `early_calls` come before anything is in RAM, from `early_headers`.
    """

    banner: str
    handlers: tuple[str, ...]
    vectors: tuple[Vector, ...]
    has_fpu: bool
    can_trap_division: bool
    early_headers: tuple[str, ...]
    early_calls: tuple[str, ...]


@dataclass(frozen=True)
class Port:
    """`port.h`: the causes of a reset in the order of their bits."""

    banner: str
    reset_causes: tuple[str, ...]


@dataclass(frozen=True)
class ResetFlag:
    """One flag of the register that tells why the chip was reset; `cause` is its name in C."""

    cause: str
    bit: int


@dataclass(frozen=True)
class ResetCause:
    """`reset_cause.c`: no `unique_id` where the family's cannot simply be read."""

    banner: str
    register: str
    clear_bit: int
    flags: tuple[ResetFlag, ...]
    unique_id: tuple[str, ...]


def context_for(path: str, banner: str, subject: Subject) -> Any:
    """Return the dataclass that fills the template of the file `path` in a project."""
    make = _CONTEXTS.get(path)
    return Plain(banner) if make is None else make(banner, subject)


def _address(value: int) -> str:
    return f"0x{value:08X}"


def _cycle_counter(banner: str, subject: Subject) -> CycleCounter | Plain:
    if subject.board.chip.core in _ARMV6M_CORES:
        return Plain(banner)  # there is no DWT to count cycles
    return CycleCounter(banner, dwt_is_locked=subject.board.chip.core == "cortex-m7")


def _board_header(banner: str, subject: Subject) -> BoardHeader:
    board = subject.board
    tx_port, tx_number = port_and_number(board.console.tx_pin)
    rx_port, rx_number = port_and_number(board.console.rx_pin)
    led = None if _takes_the_led(subject) else board.led
    led_port, led_number = port_and_number(led.pin) if led else (0, 0)
    return BoardHeader(
        banner,
        board.title,
        board.chip.title,
        board.console,
        _address(board.console.usart.base) + "u",
        256 if board.console.usart.low_power else 1,
        tx_port,
        tx_number,
        rx_port,
        rx_number,
        has_led=led is not None,
        led_port=led_port,
        led_number=led_number,
        led_active_high="true" if led and led.active_high else "false",
    )


def _takes_the_led(subject: Subject) -> bool:
    """Whether the LED's pin is a wire of the sensor's bus: then it is left alone."""
    settings = subject.sampling.settings
    on_spi = isinstance(settings, accelerometers.Settings) and settings.bus == "spi"
    return on_spi and subject.board.shares_led_with_spi


def _startup(banner: str, subject: Subject) -> Startup:
    chip = subject.board.chip
    own = {
        15: "SysTick_Handler",
        _FIRST_INTERRUPT + subject.board.console.usart.irq: (
            f"{subject.board.console.usart.name}_IRQHandler"
        ),
    }
    is_armv6m = chip.core in _ARMV6M_CORES
    missing = _NOT_ON_ARMV6M if is_armv6m else ()
    known = {n: text for n, text in _SYSTEM_EXCEPTIONS.items() if n not in missing}
    vectors = []
    for number in range(2, _FIRST_INTERRUPT + chip.interrupts):
        is_reserved = number < _FIRST_INTERRUPT and number not in known
        interrupt = number - _FIRST_INTERRUPT
        meaning = known.get(number, "reserved") if interrupt < 0 else f"IRQ {interrupt}"
        handler = "0" if is_reserved else own.get(number, "Fault_Handler")
        vectors.append(Vector(handler, meaning))
    uncached = subject.sampling.name == "adc" and analog.is_cached(subject.board)
    early = {
        **_EARLY_CALLS_OF_FAMILIES.get(chip.family.name, {}),
        **_EARLY_CALLS_OF_CORES.get(chip.core, {}),
        **(_EARLY_CALLS_OF_DMA if uncached else {}),
    }
    return Startup(
        banner,
        ("Fault_Handler", *own.values()),
        tuple(vectors),
        has_fpu=chip.fpu != "none",
        can_trap_division=not is_armv6m,  # Armv6-M divides in code
        early_headers=tuple(sorted(early)),
        early_calls=tuple(early.values()),
    )


def _reset_cause(banner: str, subject: Subject) -> ResetCause:
    chip = subject.board.chip
    numbers = tuple(_address(address) + "u" for address in chip.family.unique_id)
    found = reset_flags_of(chip.family)
    flags = tuple(
        ResetFlag(f"MCU_SLM_RESET_{cause.upper()}", bit)
        for cause, bit in zip(RESET_CAUSES, found.bits, strict=True)
        if bit is not None
    )
    register = _address(found.register) + "u"
    return ResetCause(banner, register, found.clear_bit, flags, numbers)


def _sampling_header(banner: str, subject: Subject) -> SamplingHeader:
    sampling = subject.sampling
    return SamplingHeader(
        banner,
        sampling.name,
        int(sampling.is_windowed),
        int(sampling.name == "stream"),
        sampling.hop_samples,
        round(1000 * sampling.rate_hz),
    )


def _accelerometer(banner: str, subject: Subject) -> AccelerometerSettings:
    settings = subject.sampling.settings
    assert isinstance(settings, accelerometers.Settings)  # its folder was chosen with them
    return AccelerometerSettings(banner, settings, f"{subject.sampling.rate_hz:g}")


def _analog(banner: str, subject: Subject) -> AnalogSettings:
    settings = subject.sampling.settings
    assert isinstance(settings, analog.Settings)
    return AnalogSettings(banner, settings, f"{subject.sampling.rate_hz:g}")


def _analog_registers(banner: str, subject: Subject) -> AnalogRegisters:
    settings = subject.sampling.settings
    assert isinstance(settings, analog.Settings)
    return AnalogRegisters(banner, settings)


def _analog_buffer(banner: str, subject: Subject) -> AnalogRegisters | Plain:
    if not analog.is_cached(subject.board):
        return Plain(banner)
    return _analog_registers(banner, subject)


def _bus(
    make: Callable[[str, Board, accelerometers.Settings], Any],
) -> Callable[[str, Subject], Any]:
    def of_subject(banner: str, subject: Subject) -> Any:
        settings = subject.sampling.settings
        assert isinstance(settings, accelerometers.Settings)  # only they have a bus
        return make(banner, subject.board, settings)

    return of_subject


def _cmake_toolchain(kind: Literal["gcc", "zig"]) -> Callable[[str, Subject], CMakeToolchain]:
    def make(banner: str, subject: Subject) -> CMakeToolchain:
        compiler = ArmCompiler(kind, (), "")
        chip = subject.board.chip
        flags = (*compiler.target_flags(chip.core, chip.fpu), *compiler.own_flags)
        own = compiler.library_flags(chip.fpu)
        libraries = [flag for flag in own if flag.startswith("-l")]  # behind the objects
        link_flags = [flag for flag in own if flag not in libraries]
        return CMakeToolchain(banner, *(" ".join(f) for f in (flags, link_flags, libraries)))

    return make


def _readme(banner: str, subject: Subject) -> Readme:
    board = subject.board
    return Readme(
        banner,
        subject.project_name,
        board.name,
        board.title,
        board.chip.title,
        board.console,
        _address(board.chip.flash.base),
        f"{board.clock_hz / 1e6:g}",
        board.chip.pyocd_target,
    )


def _linker_script(banner: str, subject: Subject) -> LinkerScript:
    chip = subject.board.chip
    return LinkerScript(
        banner,
        chip.title,
        tuple(
            LinkerMemory(
                m.name, "rx" if m.kind == "flash" else "rw", _address(m.base), m.size_bytes
            )
            for m in chip.memories
        ),
        chip.flash.name,
        chip.ram.name,
        subject.board.stack_bytes,
    )


def _cmake_lists(banner: str, subject: Subject) -> CMakeLists:
    plain = CMakeLists(
        banner,
        subject.project_name,
        PRESETS["Debug"].optimization,
        PRESETS["Release"].optimization,
        PRESETS["MinSizeRel"].optimization,
        COMMON_FLAGS,
        WARNING_FLAGS,
        LINK_FLAGS,
    )
    if subject.runtime == INTERPRETER:
        fields = vars(plain)
        return CMakeListsAroundTflm(**fields, cpp_flags=CPP_FLAGS, tflm_folders=INCLUDE_FOLDERS)
    return plain


_CONTEXTS: Final[dict[str, Callable[[str, Subject], Any]]] = {
    "mcu_slm/identity.h": lambda banner, s: Identity(banner, s.board.name, mcu_slm.__version__),
    "mcu_slm/sampling.h": _sampling_header,
    "src/sampling.c": lambda banner, s: SamplingSource(banner, s.sampling.patience_ms),
    "src/sensor_settings.h": _accelerometer,
    "src/adc_inputs.h": _analog,
    "src/adc_setup.c": _analog_registers,
    "src/adc_timer.c": _analog_registers,
    "src/converter_registers.h": _analog_registers,
    "src/dma_registers.h": _analog_registers,
    "src/adc_buffer.c": _analog_buffer,
    "src/bus_pins.c": _bus(bus_contexts.bus_pins),
    "src/i2c_pins.h": _bus(bus_contexts.i2c_header),
    "src/spi_pins.h": _bus(bus_contexts.spi_header),
    "mcu_slm/port.h": lambda banner, _: Port(banner, RESET_CAUSES),
    "mcu_slm/sources.cmake": lambda banner, s: Sources(banner, s.sources),
    "CMakeLists.txt": _cmake_lists,
    ".vscode/launch.json": lambda banner, s: Debugging(
        *(banner, s.board.chip.pyocd_target, s.board.chip.openocd_target),
        s.board.chip.name.upper(),
    ),
    ".vscode/tasks.json": lambda banner, s: Tasks(
        banner, s.board.chip.pyocd_target, s.board.console.baud
    ),
    "CMakePresets.json": lambda banner, _: CMakePresets(banner, tuple(PRESETS)),
    "cmake/gcc-arm-none-eabi.cmake": _cmake_toolchain("gcc"),
    "cmake/zig-arm.cmake": _cmake_toolchain("zig"),
    "README.md": _readme,
    "src/board.h": _board_header,
    "src/system_clock.c": lambda banner, s: Clock(banner, clock_settings(s.board)),
    "src/cortex_m.h": _cycle_counter,
    "src/timebase.c": _cycle_counter,
    "src/uart.h": lambda banner, s: Uart(banner, s.board.console),
    "src/reset_cause.c": _reset_cause,
    "src/startup.c": _startup,
    "firmware.ld": _linker_script,
}
