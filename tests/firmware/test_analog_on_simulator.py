"""Whole firmware that samples analog inputs, on a board of each kind of converter and DMA.

The simulator is told another fact than the firmware, one at a time: then nothing may come.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from elftools.elf.elffile import ELFFile

from mcu_slm import boards, tflite
from mcu_slm.boards.sampling_chain import RegisterField, SamplingChain
from mcu_slm.boards.sensing import AdcPins
from mcu_slm.compile import compile_model
from mcu_slm.firmware import SensorChoice, build, generate
from mcu_slm.metadata import read_info
from mcu_slm.protocol import Client, ClockState, Prediction, ResetCause, Start
from tests.answers.models import CHANNELS, WINDOW, answering
from tests.firmware.test_results_on_simulator import codes_of, counts_of_sensor, expected_outputs

pytest.importorskip("unicorn")
from mcu_slm.simulator import BoardSimulator
from mcu_slm.simulator.converters import LaterConverter
from mcu_slm.simulator.memory_protection import MemoryProtection

pytestmark = pytest.mark.emulator

HOP = 8
RATE_HZ = 100.0
# Generation of the converter, of DMA, and where the request is chosen; a cache in between.
PAIRS = {
    ("v1", "stream", "own", False): "nucleo_f446re",
    ("v1", "stream", "own", True): "nucleo_f746zg",
    ("v1_f1", "channel", "fixed", False): "nucleo_f103rb",
    ("v1_l1", "channel", "fixed", False): "nucleo_l152re",
    ("v2", "channel", "fixed", False): "nucleo_f072rb",
    ("v2", "channel", "CSELR", False): "nucleo_l053r8",
    ("v2", "channel", "DMAMUX", False): "nucleo_wl55jc",
    ("v3", "channel", "fixed", False): "nucleo_f303re",
    ("v3", "channel", "CSELR", False): "nucleo_l476rg",
    ("v3", "channel", "DMAMUX", False): "nucleo_g474re",
    ("v3", "stream", "DMAMUX", True): "nucleo_h743zi2",
    ("v3", "linked", "own", False): "nucleo_u575zi_q",
}
# Away for too long, on each converter and on each kind of DMA.
OVERRUN = [
    "nucleo_f446re",
    "nucleo_f103rb",
    "nucleo_l152re",
    "nucleo_f072rb",
    "nucleo_f303re",
    "nucleo_h743zi2",
    "nucleo_u575zi_q",
]
# The converter gives the highest channel last, the model wants it first.
REORDERED = {"nucleo_f072rb": ("PB0", "PA4", "PA1")}


def pair_of(board: boards.Board) -> tuple[str, str, str, bool]:
    chain = chain_of(board)
    is_cached = board.chip.core == "cortex-m7"
    return chain.generation, chain.dma.generation, chain.dma.selector, is_cached


def chain_of(board: boards.Board) -> SamplingChain:
    chain = board.chip.sampling_chain
    assert chain is not None
    return chain


def load(name: str) -> boards.Board:
    board = boards.load_board(name)
    pins = REORDERED.get(name)
    return dataclasses.replace(board, adc=AdcPins(pins)) if pins else board


def knowing(board: boards.Board, **facts: Any) -> boards.Board:
    """Return a board that knows other facts of what samples; those of its parts as `dma_...`."""
    chain = chain_of(board)
    for part in ("timer", "dma"):
        own = {k.removeprefix(f"{part}_"): v for k, v in facts.items() if k.startswith(f"{part}_")}
        chain = dataclasses.replace(
            chain, **{part: dataclasses.replace(getattr(chain, part), **own)}
        )
    others = {k: v for k, v in facts.items() if not k.startswith(("timer_", "dma_"))}
    chip = dataclasses.replace(board.chip, analog=dataclasses.replace(chain, **others))
    return dataclasses.replace(board, chip=chip)


@pytest.fixture(scope="module")
def graph():
    return answering("classification")


@pytest.fixture(scope="module")
def make_elf(tmp_path_factory: pytest.TempPathFactory, graph) -> Callable[[str], Path]:
    built: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in built:
            folder, board = tmp_path_factory.mktemp(name), load(name)
            compile_model(graph, tflite.write_model(graph), folder / "code")
            codes, info = codes_of(graph, counts_of_sensor(4)), read_info(graph.metadata)
            known = codes, expected_outputs(graph, codes)
            project, choice = folder / "project", SensorChoice("adc", HOP)
            generate(folder / "code", board, *known, project, "demo", choice, info)
            built[name] = build(project, board, "Release").elf
        return built[name]

    return make


class AnalogRig:
    """A simulated board whose analog pins show a recording."""

    def __init__(self, elf: Path, board: boards.Board, samples: npt.NDArray[np.int16]) -> None:
        self.simulator = BoardSimulator(board, elf)
        self.client = Client(self.simulator.port, timeout=60.0)
        assert self.simulator.attached.analog is not None
        assert board.adc is not None
        self.chain = self.simulator.attached.analog
        channels = [chain_of(board).channels[pin] for pin in board.adc.pins[:CHANNELS]]
        self.chain.signal = lambda channel, number: int(
            samples[number % len(samples), channels.index(channel)] if channel in channels else 7
        )

    def run(self, seconds: float) -> list[object]:
        self.simulator.run_slice(seconds)
        return list(self.client.events(0.0))

    def answers(self, seconds: float) -> list[list[int]]:
        events = self.run(seconds)
        return [event.output.tolist() for event in events if isinstance(event, Prediction)]


def analog_recording(samples: int) -> npt.NDArray[np.int16]:
    drawn = np.random.default_rng(9).integers(0, 4096, (samples, CHANNELS))
    drawn[::31], drawn[::37] = 0, 4095
    return drawn.astype(np.int16)


def windows_of(samples: npt.NDArray[np.int16], count: int) -> npt.NDArray[np.int16]:
    starts = range(0, HOP * count, HOP)
    return np.stack([samples[start : start + WINDOW] for start in starts])


def test_every_kind_of_converter_and_dma_is_here() -> None:
    kinds = {pair_of(boards.load_board(name)) for name in boards.list_boards()}
    assert kinds == set(PAIRS)
    assert all(pair_of(load(name)) == pair for pair, name in PAIRS.items())
    assert {pair_of(load(name))[:1] for name in OVERRUN} == {pair[:1] for pair in PAIRS}
    assert {pair_of(load(name))[1:2] for name in OVERRUN} == {pair[1:2] for pair in PAIRS}


@pytest.mark.parametrize("name", PAIRS.values())
def test_analog_inputs_are_sampled_by_timer_and_dma(make_elf, graph, name: str) -> None:
    samples = analog_recording(1000)
    rig = AnalogRig(make_elf(name), load(name), samples)
    rig.client.stream(True, period_ms=0)
    began, before = rig.simulator.board_seconds, rig.chain.conversions
    answers = rig.answers(1.1)
    rate_hz = (rig.chain.conversions - before) / (rig.simulator.board_seconds - began)
    assert rate_hz == pytest.approx(RATE_HZ, rel=0.01)
    stats = rig.client.stats()
    assert (stats.lost_samples, stats.sensor_errors, stats.passed_windows) == (0, 0, 0)
    assert len(answers) > 8
    windows = windows_of(samples, len(answers))
    assert answers == expected_outputs(graph, codes_of(graph, windows)).tolist()
    assert rig.simulator.unmodelled == {}
    assert rig.client.sensor().name == "adc"


@pytest.mark.parametrize("name", OVERRUN)
def test_a_board_that_is_away_for_too_long_counts_what_it_lost(make_elf, graph, name: str) -> None:
    samples, board = analog_recording(1000), load(name)
    rig = AnalogRig(make_elf(name), board, samples)
    rig.client.stream(True, period_ms=0)
    rig.run(0.6)
    clock = rig.simulator._core.clock
    clock.idle += int(0.3 * board.clock_hz)  # the core did something else: 30 samples in 2 x 8
    answers = rig.answers(0.9)
    stats = rig.client.stats()
    assert stats.lost_samples == HOP  # at least a half
    assert stats.sensor_errors == 0
    assert len(answers) > 5
    windows = np.stack([samples[s : s + WINDOW] for s in range(400)])
    possible = {tuple(row) for row in expected_outputs(graph, codes_of(graph, windows)).tolist()}
    assert all(tuple(answer) in possible for answer in answers)


@pytest.mark.parametrize("name", ["nucleo_f446re", "nucleo_f103rb", "nucleo_u575zi_q"])
def test_dma_that_fails_begins_anew(make_elf, graph, name: str) -> None:
    samples = analog_recording(1000)
    rig = AnalogRig(make_elf(name), load(name), samples)
    rig.client.stream(True, period_ms=0)
    rig.run(0.3)
    memory = rig.chain.dma.memory
    rig.chain.dma.memory = dataclasses.replace(memory, write=lambda *_: False)
    rig.run(0.03)
    rig.chain.dma.memory = memory
    answers = rig.answers(0.6)
    assert rig.client.stats().lost_samples >= HOP
    assert rig.client.stats().sensor_errors == 0
    assert len(answers) > 3
    windows = np.stack([samples[s : s + WINDOW] for s in range(200)])
    possible = {tuple(row) for row in expected_outputs(graph, codes_of(graph, windows)).tolist()}
    assert all(tuple(answer) in possible for answer in answers)


def test_an_analog_input_that_stops_lets_the_watchdog_restart_the_board(make_elf) -> None:
    name = "nucleo_f446re"
    rig = AnalogRig(make_elf(name), load(name), analog_recording(100))
    rig.client.stream(True, period_ms=0)
    rig.run(1.0)
    rig.chain.write(0x00, 0)  # the timer stands still
    starts = [event for event in rig.run(12.0) if isinstance(event, Start)]
    assert [start.reset_causes for start in starts] == [ResetCause.WATCHDOG | ResetCause.PIN]


# What the simulator knows and the firmware does not.
OTHER_FACTS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {"timer_trigger": 12})
        for name in ("nucleo_f446re", "nucleo_wl55jc", "nucleo_l476rg", "nucleo_h743zi2")
    ),
    ("nucleo_f446re", {"dma_request": 1}),
    ("nucleo_l053r8", {"dma_request": 1}),
    ("nucleo_g474re", {"dma_request": 6}),
    ("nucleo_h743zi2", {"dma_request": 10}),
    ("nucleo_u575zi_q", {"dma_request": 1}),
    ("nucleo_f303re", {"dma_channel": 2}),
    ("nucleo_h743zi2", {"dma_channel": 1}),
    ("nucleo_u575zi_q", {"dma_channel": 1}),
    ("nucleo_l476rg", {"common_value": 1 << 16}),
    ("nucleo_h743zi2", {"control_bits": 1 << 9}),
    *(
        (name, {part: (RegisterField("a clock that nobody switched on", place),)})
        for name, part, place in (
            ("nucleo_f446re", "dma_setup", "RCC+0x30:21"),
            ("nucleo_l476rg", "timer_setup", "RCC+0x48:1"),
            ("nucleo_u575zi_q", "setup", "RCC+0x8C:20"),
        )
    ),
]


@pytest.mark.parametrize(("name", "facts"), OTHER_FACTS)
def test_what_firmware_has_not_set_up_does_not_happen(
    make_elf, name: str, facts: dict[str, Any]
) -> None:
    board = knowing(load(name), **facts)
    rig = AnalogRig(make_elf(name), board, analog_recording(100))
    rig.client.stream(True, period_ms=0)
    assert rig.answers(0.5) == []
    assert rig.client.stats().samples == 0


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("nucleo_l476rg", {"resolution_bits": 0x08}),
        ("nucleo_u575zi_q", {"resolution_bits": 0x00}),
        ("nucleo_l053r8", {"pins_have_switches": True}),
        ("nucleo_f303re", {"has_preselection": True}),
    ],
)
def test_inputs_that_are_not_set_up_show_something_else(
    make_elf, graph, name: str, facts: dict[str, Any]
) -> None:
    samples = analog_recording(100)
    rig = AnalogRig(make_elf(name), knowing(load(name), **facts), samples)
    rig.client.stream(True, period_ms=0)
    answers = rig.answers(0.6)
    assert len(answers) > 3
    windows = windows_of(samples, len(answers))
    assert answers != expected_outputs(graph, codes_of(graph, windows)).tolist()


@pytest.mark.parametrize("name", ["nucleo_f746zg", "nucleo_h743zi2"])
def test_a_cached_buffer_would_not_do(
    make_elf, graph, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples = analog_recording(100)
    monkeypatch.setattr(MemoryProtection, "is_uncached", lambda *_: False)
    rig = AnalogRig(make_elf(name), load(name), samples)
    rig.client.stream(True, period_ms=0)
    answers = rig.answers(0.6)
    nothing = np.zeros((1, WINDOW, CHANNELS), np.int16)
    stale = expected_outputs(graph, codes_of(graph, nothing)).tolist()[0]
    assert len(answers) > 3
    assert answers == [stale] * len(answers)


@pytest.mark.parametrize("name", ["nucleo_f746zg", "nucleo_h743zi2"])
def test_the_buffer_is_alone_in_its_region(make_elf, name: str) -> None:
    with make_elf(name).open("rb") as file:
        (symbol,) = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name("adc_buffer")
        address, size = symbol["st_value"], symbol["st_size"]
    needed = 2 * 2 * HOP * CHANNELS
    assert size == 1 << (needed - 1).bit_length()
    assert address % size == 0
    ram = load(name).chip.ram
    assert ram.base <= address < ram.end


def test_a_converter_that_does_not_get_ready_is_tried_again(
    make_elf, graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, samples = "nucleo_l476rg", analog_recording(1000)
    rig = AnalogRig(make_elf(name), load(name), samples)
    with monkeypatch.context() as patch:
        patch.setattr(LaterConverter, "_is_up", property(lambda _self: False))
        rig.client.stream(True, period_ms=0)
        assert rig.answers(1.5) == []
    stats = rig.client.stats()
    assert stats.samples == 0
    assert stats.sensor_errors >= 2
    answers = rig.answers(2.0)
    assert len(answers) > 3
    windows = windows_of(samples, len(answers))
    assert answers == expected_outputs(graph, codes_of(graph, windows)).tolist()
    assert rig.client.stats().uptime_ms > 2000  # it never restarted


@pytest.mark.parametrize("name", ["nucleo_f103rb", "nucleo_l053r8"])
def test_the_rate_is_the_same_on_the_reset_clock(make_elf, name: str) -> None:
    board = load(name)
    family = board.chip.family
    never = tuple(flag for flag in family.ready if flag.flag != "RCC+0x00:25")  # PLLRDY
    chip = dataclasses.replace(board.chip, family=dataclasses.replace(family, ready=never))
    rig = AnalogRig(make_elf(name), dataclasses.replace(board, chip=chip), analog_recording(100))
    assert rig.client.info().clock_state == ClockState.RESET_CLOCK
    began, before = rig.simulator.board_seconds, rig.chain.conversions
    slower = board.chip.reset_clock_hz / board.clock_hz  # time is told in clocks at full speed
    rig.run(0.5 * slower)
    seconds = (rig.simulator.board_seconds - began) / slower
    rate_hz = (rig.chain.conversions - before) / seconds
    assert rate_hz == pytest.approx(RATE_HZ, rel=0.03)
    low = chain_of(board).low_frequency_value
    assert bool(low) == (name == "nucleo_l053r8")
    assert not low or rig.chain.converter.read(0x308) == low
