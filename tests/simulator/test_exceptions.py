"""Exceptions the way a Cortex-M takes them (firmware/exceptions.c)."""

from __future__ import annotations

import dataclasses
import struct

import pytest

from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator


@pytest.fixture(scope="module", params=[True, False], ids=["native", "python"])
def results(request, board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("exceptions.c"), native=request.param)
    assert simulator.run()
    return struct.unpack("<32I", simulator.read_memory(simulator.symbol("results"), 128))


def test_svc_passes_arguments_and_result_through_the_frame(results):
    assert results[0] == 100 + 20 + 42
    assert results[1] == 11  # IPSR inside the handler


def test_a_more_urgent_interrupt_preempts_a_handler(results):
    assert results[2] == 132  # IRQ0 begins, IRQ1 runs, IRQ0 ends


def test_primask_holds_an_interrupt_back_until_it_is_cleared(results):
    assert results[3:5] == (1, 2)


def test_basepri_holds_an_interrupt_back_until_it_is_cleared(results):
    assert results[5:7] == (2, 3)


def test_floating_point_survives_handlers_that_use_it(results):
    assert results[8] > 50
    assert results[7] == results[9]


def test_two_tasks_switch_with_their_floating_point_registers(results):
    # y = y / 2 + x tends to 2 x, for x = 3 and x = 2; 101 switches, and the second task came last.
    assert results[10:14] == (6000, 4000, 101, 1)


def test_the_cycle_counter_counts_instructions(results):
    assert 100 <= results[14] <= 112


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
def test_other_cores_do_the_same_but_have_no_cycle_model(core, results, board, build_firmware):
    chip = dataclasses.replace(board.chip, core=core)
    simulator = BoardSimulator(
        dataclasses.replace(board, chip=chip), build_firmware("exceptions.c")
    )
    with simulator.profile(["preempted_floats"]) as profile:
        assert simulator.run()
    found = struct.unpack("<32I", simulator.read_memory(simulator.symbol("results"), 128))
    assert found == results
    assert profile["preempted_floats"].instructions > 100_000
    assert profile["preempted_floats"].cycles is None
