"""Analog inputs: what is computed for registers, and that every board's files compile."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest

from mcu_slm import boards, tflite
from mcu_slm.boards.sampling_chain import SamplingDma
from mcu_slm.boards.sensing import AdcPins
from mcu_slm.compile import compile_model
from mcu_slm.errors import BoardError, ToolError, UsageError
from mcu_slm.firmware import analog, templates
from mcu_slm.firmware.analog_registers import dma_registers, timer_period
from mcu_slm.firmware.clocks import bus_hz, timer_hz
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.sensors import SensorChoice, sampling_for
from mcu_slm.metadata import read_info
from mcu_slm.toolchain import compile_objects, find_arm_compiler
from tests.answers.models import answering

pytestmark = pytest.mark.unit

# Limits of the converter's clock in MHz, from the data sheets: "ADC characteristics".
FASTEST_MHZ = {
    "stm32f0": 14,
    "stm32f1": 14,
    "stm32f3": 72,
    "stm32f4": 36,
    "stm32f7": 36,
    "stm32g0": 35,
    "stm32g4": 60,
    "stm32h5": 75,
    "stm32h7": 36,
    "stm32h7a3": 50,
    "stm32l0": 16,
    "stm32l1": 16,
    "stm32l4": 80,
    "stm32l5": 80,
    "stm32u5": 55,
    "stm32wb": 64,
    "stm32wl": 35,
}
SLOWEST_MHZ = {"stm32f0": 0.6, "stm32f1": 0.6, "stm32f4": 0.6, "stm32f7": 0.6, "stm32l1": 0.48}
_SLOWEST_OF_OTHERS_MHZ = 0.14
_BUILDS = list(itertools.product(("gcc", "zig"), ("-O2", "-Os", "-Og")))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    graph = answering("classification")
    compile_model(graph, tflite.write_model(graph), folder)
    return folder


@pytest.mark.parametrize(("number", "name"), list(enumerate(boards.list_boards())))
def test_the_files_of_every_board_compile_without_a_warning(
    number: int, name: str, model: Path, tmp_path: Path
) -> None:
    """Compilers and optimization levels take turns."""
    board = boards.load_board(name)
    prefer, optimization = _BUILDS[number % len(_BUILDS)]
    try:
        compiler = find_arm_compiler(prefer)
    except ToolError as error:
        pytest.skip(f"not run: {error}")
    info = read_info(answering("classification").metadata)
    sampling = sampling_for(SensorChoice("adc"), board, model, info)
    subject = Subject(board, "demo", "ab" * 32, ("model.c",), sampling)
    for file in templates.render_all(subject):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
    sources = sorted([*tmp_path.glob("src/adc*.c"), tmp_path / "src" / "startup.c"])
    flags = compiler.compile_flags(board.chip.core, board.chip.fpu, optimization)
    assert {"-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"} <= set(flags)
    objects = compile_objects(compiler, sources, tmp_path, tmp_path / "build", flags)
    assert len(objects) == 8


@pytest.mark.parametrize("name", boards.list_boards())
def test_the_converters_clock_is_within_its_limits(name: str) -> None:
    board = boards.load_board(name)
    chain, family = board.chip.sampling_chain, board.chip.family.name
    assert chain is not None
    source_hz = {
        "oscillator": {"stm32l1": 16_000_000}.get(family, 64_000_000),
        **{bus: bus_hz(board, bus) for bus in ("AHB", "APB1", "APB2")},
    }[chain.clock]
    assert source_hz / chain.clock_divider <= FASTEST_MHZ[family] * 1e6
    slowest = SLOWEST_MHZ.get(family, _SLOWEST_OF_OTHERS_MHZ)
    reset_hz = source_hz if chain.clock == "oscillator" else board.chip.reset_clock_hz
    assert reset_hz / chain.clock_divider >= slowest * 1e6


@pytest.mark.parametrize(
    ("name", "hz"),
    [
        ("nucleo_f446re", 90_000_000),  # APB1 = 180 MHz / 4, doubled
        ("nucleo_f072rb", 48_000_000),
        ("nucleo_f103rb", 72_000_000),  # APB1 = 72 MHz / 2, doubled
        ("nucleo_h743zi2", 200_000_000),  # APB1 = 400 MHz / 2 / 2, doubled
        ("nucleo_l476rg", 80_000_000),
    ],
)
def test_timers_run_at_twice_a_divided_bus(name: str, hz: int) -> None:
    assert timer_hz(boards.load_board(name)) == hz


@pytest.mark.parametrize("bits", [16, 32])
@pytest.mark.parametrize("clock_hz", [2_097_000, 48_000_000, 200_000_000])
@pytest.mark.parametrize("millihertz", [1000, 26_000, 99_999, 1_000_000, 20_000_000])
def test_a_timers_period_is_the_nearest_that_it_can_count(
    bits: int, clock_hz: int, millihertz: int
) -> None:
    period = timer_period(clock_hz, millihertz, bits)
    assert 0 <= period.psc < 1 << 16
    assert 0 < period.arr < 1 << bits
    clocks = (period.psc + 1) * (period.arr + 1)
    assert abs(clocks - 1000 * clock_hz / millihertz) <= (period.psc + 1) / 2
    assert bits == 16 or period.psc == 0


def test_addresses_of_dma_are_those_of_the_manuals() -> None:
    # RM0390: DMA2_S0CR, LISR, LIFCR; RM0433: DMAMUX1_C0CR.
    stream = dma_registers(SamplingDma("DMA2", "stream", 0x4002_6400, 0, (), "own", 2))
    assert (stream.registers, stream.flag_shift) == ("0x40026410u", 0)
    assert (stream.status, stream.clear, stream.route) == ("0x40026400u", "0x40026408u", None)
    # RM0390: DMA1_S5CR, HISR, HIFCR, flags of stream 5 from bit 6 on.
    stream = dma_registers(SamplingDma("DMA1", "stream", 0x4002_6000, 5, (), "own", 2))
    assert (stream.registers, stream.flag_shift) == ("0x40026088u", 6)
    assert (stream.status, stream.clear) == ("0x40026004u", "0x4002600Cu")
    # RM0351: DMA2_CCR3, CSELR: C3S in bits 8 to 11.
    channel = dma_registers(SamplingDma("DMA2", "channel", 0x4002_0400, 3, (), "CSELR", 5))
    assert (channel.registers, channel.flag_shift) == ("0x40020430u", 8)
    assert channel.route is not None
    assert (channel.route.address, channel.route.mask) == ("0x400204A8u", "0x00000F00u")
    assert channel.route.value == "0x00000500u"
    # RM0444: the DMAMUX counts from 0, the channels from 1.
    channel = dma_registers(
        SamplingDma("DMA1", "channel", 0x4002_0000, 2, (), "DMAMUX", 5, 0x4002_0800)
    )
    assert channel.route is not None
    assert (channel.route.address, channel.route.value) == ("0x40020804u", "0x00000005u")
    # RM0456: GPDMA_C1LBAR, C1SR, C1FCR.
    linked = dma_registers(SamplingDma("GPDMA1", "linked", 0x4002_0000, 1, (), "own"))
    assert (linked.registers, linked.route) == ("0x400200D0u", None)
    assert (linked.status, linked.clear) == ("0x400200E0u", "0x400200DCu")


def test_a_small_converter_gives_channels_in_the_order_of_their_numbers() -> None:
    board = boards.load_board("nucleo_wl55jc")  # PB1, PB2, PA10 are channels 5, 4 and 6
    _, settings = analog.plan("adc", board, 3, 8, 100.0, 0)
    assert [(i.channel, i.rank) for i in settings.inputs] == [(5, 1), (4, 0), (6, 2)]
    _, settings = analog.plan("adc", boards.load_board("nucleo_l476rg"), 3, 8, 100.0, 0)
    assert [(i.channel, i.rank) for i in settings.inputs] == [(5, 0), (6, 1), (9, 2)]


def test_a_rate_that_the_converter_cannot_keep_up_with_is_refused() -> None:
    board = boards.load_board("nucleo_f103rb")  # 12 MHz / 68 clocks / 4 inputs = 44 kHz
    _, settings = analog.plan("adc", board, 4, 8, 5_000.0, 0)
    assert not settings.serves_reset_clock  # 8 MHz / 6 / 68 / 4 = 4.9 kHz
    _, settings = analog.plan("adc", board, 4, 8, 4_800.0, 0)
    assert settings.serves_reset_clock
    with pytest.raises(UsageError, match=r"trained at 20001 Hz.*expected 1 to 20000 Hz for 4"):
        analog.plan("adc", board, 4, 8, 20_001.0, 0)
    slow = boards.load_board("nucleo_l152re")  # 8 MHz / 108 clocks / 4 inputs = 18.5 kHz
    with pytest.raises(UsageError, match=r"trained at 19000 Hz.*expected 1 to 18518.5 Hz for 4"):
        analog.plan("adc", slow, 4, 8, 19_000.0, 0)


def test_inputs_must_be_named_and_no_more_than_a_sequence_has() -> None:
    bare = dataclasses.replace(boards.load_board("nucleo_f446re"), adc=AdcPins(("PA0",)))
    with pytest.raises(BoardError, match=r"names 1 analog inputs.*expected 2"):
        analog.plan("adc", bare, 2, 8, 100.0, 0)


@pytest.mark.parametrize(
    ("hop", "channels", "half", "region"),
    [(1, 1, 1, 32), (8, 3, 8, 128), (16, 4, 16, 256), (5000, 3, 170, 2048), (128, 4, 128, 2048)],
)
def test_a_region_of_the_protection_unit_is_a_power_of_two(
    hop: int, channels: int, half: int, region: int
) -> None:
    board = boards.load_board("nucleo_f746zg")
    folders, settings = analog.plan("adc", board, channels, hop, 100.0, 0)
    assert (settings.half_samples, settings.region_bytes) == (half, region)
    assert "adc_uncached" in folders


def test_a_cortex_m7_takes_the_buffer_out_of_the_cache_before_ram_is_written(model: Path) -> None:
    info = read_info(answering("classification").metadata)
    texts = {}
    for name in ("nucleo_h743zi2", "nucleo_f446re"):
        board = boards.load_board(name)
        sampling = sampling_for(SensorChoice("adc"), board, model, info)
        files = templates.render_all(Subject(board, "demo", "ab" * 32, ("model.c",), sampling))
        texts[name] = {file.path: file.text for file in files}
    start = texts["nucleo_h743zi2"]["src/startup.c"]
    order = ["errata_apply", "caches_start", "adc_buffer_uncache", "paint_stack", "clear_bss"]
    places = [start.index(f"    {call}();") for call in order]
    assert places == sorted(places)
    assert "uncache" not in texts["nucleo_f446re"]["src/startup.c"]
    assert "MPU" not in texts["nucleo_f446re"]["src/adc_buffer.c"]
