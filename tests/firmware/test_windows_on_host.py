"""From samples to windows: the firmware's ring on this machine, against a model in Python."""

from __future__ import annotations

import ctypes
import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, toolchain
from mcu_slm.firmware import templates
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.sensors import Sampling
from tests.firmware.windows_model import WindowsModel

pytestmark = pytest.mark.host

MODEL_H = """
#ifndef MODEL_H
#define MODEL_H
#include <stdint.h>
#define MCU_SLM_MODEL_COUNTS {counts}
#define MCU_SLM_MODEL_CHANNELS {channels}
int8_t mcu_slm_model_quantize_count(uint32_t channel, int16_t count);
#endif
"""
MODEL_C = """
#include "model.h"
int8_t mcu_slm_model_quantize_count(uint32_t channel, int16_t count)
{
    return (int8_t)((count >> 8) ^ (int32_t)channel);
}
"""
SHAPES = [(8, 8, 1), (8, 3, 2), (8, 1, 3), (1, 1, 1), (5, 9, 2), (16, 15, 6), (7, 7, 3), (2, 5, 1)]


class Counters(ctypes.Structure):
    names = ("samples", "lost", "windows", "passed", "errors", "latency", "worst_latency")
    _fields_ = tuple((name, ctypes.c_uint32) for name in names)


def codes(sample: tuple[int, ...]) -> list[int]:
    return [((count >> 8) ^ channel) for channel, count in enumerate(sample)]


def build_ring(folder: Path, window: int, hop: int, channels: int) -> ctypes.CDLL:
    """Compile windows.c for a model of this shape."""
    sampling = Sampling(
        "stream", ("windowed", "sensor_stream"), ("windows.c",), channels, hop, 50.0
    )
    subject = Subject(boards.load_board("nucleo_f446re"), "demo", "ab" * 32, (), sampling)
    for template in (
        "common/mcu_slm/sampling.h",
        "windowed/mcu_slm/windows.c",
        "windowed/mcu_slm/windows.h",
    ):
        file = templates.render(f"{template}.j2", subject)
        (folder / Path(file.path).name).write_text(file.text)
    (folder / "model.h").write_text(MODEL_H.format(counts=window * channels, channels=channels))
    (folder / "model.c").write_text(MODEL_C)
    flags = ("-O1", *toolchain.WARNING_FLAGS)
    library = ctypes.CDLL(
        str(
            toolchain.build_host_library(
                [folder / "windows.c", folder / "model.c"], folder, folder / "build", flags=flags
            )
        )
    )
    for name in ("push", "take", "ready"):
        getattr(library, f"mcu_slm_windows_{name}").restype = ctypes.c_bool
    library.mcu_slm_windows_counters.restype = Counters
    return library


@pytest.mark.parametrize("shape", SHAPES)
def test_any_sequence_gives_what_the_model_gives(tmp_path, shape: tuple[int, int, int]) -> None:
    window, hop, channels = shape
    ring, model = build_ring(tmp_path, window, hop, channels), WindowsModel(window, hop)
    chance = random.Random(window * 100 + hop)
    room = ctypes.c_int8 * (window * channels + 8)
    taken = 0
    for step in range(20_000):
        what = chance.choices(("push", "take", "pass", "lost", "start"), (90, 12, 2, 1, 0.2))[0]
        if what == "push":
            sample = tuple(chance.randrange(-(2**15), 2**15) for _ in range(channels))
            counts = (ctypes.c_int16 * channels)(*sample)
            assert ring.mcu_slm_windows_push(counts, step) == model.push(sample)
        elif what == "take":
            found, expected = room(*[99] * (window * channels + 8)), model.take()
            assert ring.mcu_slm_windows_take(found) == (expected is not None)
            if expected is not None:
                flat = [code for sample in expected for code in codes(sample)]
                assert list(found[: window * channels]) == flat
                taken += 1
            assert list(found[window * channels :]) == [99] * 8
        elif what == "pass":
            ring.mcu_slm_windows_pass()
            model.skip()
        elif what == "lost":
            lost = chance.randrange(1, 5)
            ring.mcu_slm_windows_lost(lost)
            model.lost(lost)
        else:
            ring.mcu_slm_windows_start()
            model.run, model.start, model.has_gap_behind = [], 0, False
        assert ring.mcu_slm_windows_ready() == model.ready
    counters = ring.mcu_slm_windows_counters()
    for name in ("samples", "lost", "windows", "passed"):
        assert getattr(counters, name) == model.counters.get(name, 0), name
    assert taken > 50


def test_without_gaps_windows_are_those_of_a_sliding_view(tmp_path) -> None:
    window, hop, channels = 20, 6, 3
    ring = build_ring(tmp_path, window, hop, channels)
    counts = np.random.default_rng(4).integers(-(2**15), 2**15, (500, channels)).astype(np.int16)
    found = []
    room = np.zeros(window * channels, np.int8)
    for sample in counts:
        assert ring.mcu_slm_windows_push(
            np.ascontiguousarray(sample).ctypes.data_as(ctypes.c_void_p), 0
        )
        if ring.mcu_slm_windows_take(room.ctypes.data_as(ctypes.c_void_p)):
            found.append(room.copy())
    expected = (counts >> 8).astype(np.int8) ^ np.arange(channels, dtype=np.int8)
    starts = range(0, len(counts) - window + 1, hop)
    assert len(found) == len(starts)
    for start, codes_found in zip(starts, found, strict=True):
        assert codes_found.tolist() == expected[start : start + window].reshape(-1).tolist()


def test_latency_counts_from_the_last_sample_of_the_window_that_was_taken(tmp_path) -> None:
    ring = build_ring(tmp_path, 2, 1, 1)
    zero, room = (ctypes.c_int16 * 1)(0), (ctypes.c_int8 * 2)()
    for cycles in (100, 200):
        ring.mcu_slm_windows_push(zero, cycles)
    assert ring.mcu_slm_windows_take(room)
    ring.mcu_slm_windows_push(zero, 900)  # the next window's, while the model runs
    ring.mcu_slm_windows_answered(1_000)
    assert ring.mcu_slm_windows_counters().latency == 800
    assert ring.mcu_slm_windows_take(room)
    ring.mcu_slm_windows_answered(905)
    counters = ring.mcu_slm_windows_counters()
    assert (counters.latency, counters.worst_latency) == (5, 800)
    ring.mcu_slm_windows_error()
    assert ring.mcu_slm_windows_counters().errors == 1


def test_the_subject_of_a_window_is_told_in_its_header() -> None:
    sampling = Sampling("stream", ("windowed", "sensor_stream"), ("windows.c",), 3, 4, 52.5)
    subject = Subject(boards.load_board("nucleo_f446re"), "demo", "ab" * 32, (), sampling)
    text = templates.render("common/mcu_slm/sampling.h.j2", subject).text
    assert '#define MCU_SLM_SENSOR_NAME "stream"' in text
    assert "#define MCU_SLM_HOP_SAMPLES 4u" in text
    assert "#define MCU_SLM_SAMPLING_RATE_MILLIHERTZ 52500u" in text
    replay = dataclasses.replace(subject, sampling=Sampling())
    assert (
        "#define MCU_SLM_WINDOWED 0"
        in templates.render("common/mcu_slm/sampling.h.j2", replay).text
    )
