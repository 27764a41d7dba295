"""Counts and cycles against loops that were counted by hand (firmware/counted.S)."""

from __future__ import annotations

import pytest

from mcu_slm.errors import McuSlmError
from mcu_slm.simulator import BoardSimulator
from mcu_slm.simulator.cycles import GLOBAL_FACTOR

pytestmark = pytest.mark.emulator

FUNCTIONS = ("twice", "outer", "plain_loop", "it_loop", "load_loop")
PLAIN = 1 + 1000 * 2 + 1
IT = 2 + 100 * 6 + 1
LOAD = 3 + 64 * 5 + 1
OUTER = 6 + 2 * PLAIN + IT + LOAD
INSTRUCTIONS = {
    "twice": (1, 4 + 2 * OUTER),
    "outer": (2, 2 * OUTER),
    "plain_loop": (4, 4 * PLAIN),
    "it_loop": (2, 2 * IT),
    "load_loop": (2, 2 * LOAD),
}
# MOVW 1, SUBS 1, BNE 1 and 1 more when taken, BX 1 and 2 to refill, 1 for a straddling target.
PLAIN_CYCLES = 1 + 1000 * 2 + 999 + 3 + 1
# MOVS, MOVS, then TST, ITE, two ADDs of which one is skipped, SUBS, BNE.
IT_CYCLES = 2 + 100 * 6 + 99 + 3 + 1
# MOV, MOVS, NOP, then LDR 1 (the next load hides its second cycle), LDR 2, ADDS, SUBS, BNE.
LOAD_CYCLES = 3 + 64 * 6 + 63 + 3
# PUSH 3, three BL at 2, POP 3, B 2.
OUTER_CYCLES = 3 + 3 * 2 + 3 + 2 + 2 * PLAIN_CYCLES + IT_CYCLES + LOAD_CYCLES
CYCLES = {
    "outer": 2 * OUTER_CYCLES + 1,  # the first call returns to a straddling instruction
    "plain_loop": 4 * PLAIN_CYCLES,
    "it_loop": 2 * IT_CYCLES,
    "load_loop": 2 * LOAD_CYCLES + 1,
}


@pytest.fixture(params=[True, False], ids=["native", "python"])
def simulator(request, board, build_firmware):
    return BoardSimulator(board, build_firmware("counted.c", "counted.S"), native=request.param)


def profile_one_round(simulator):
    with simulator.profile(FUNCTIONS) as profile:
        assert simulator.run_to_return_of("twice")
    return {function.name: function for function in profile.functions}


def test_counts_are_those_counted_by_hand(simulator):
    found = profile_one_round(simulator)
    assert {n: (f.calls, f.instructions) for n, f in found.items()} == INSTRUCTIONS


def test_cycles_are_those_counted_by_hand(simulator):
    found = profile_one_round(simulator)
    raw = {name: found[name].cycles / GLOBAL_FACTOR for name in CYCLES}
    assert raw == pytest.approx(CYCLES, abs=1e-6)


def test_interrupts_change_nothing(simulator):
    quiet, disturbed = profile_one_round(simulator), profile_one_round(simulator)
    simulator.run()
    ticks = int.from_bytes(simulator.read_memory(simulator.symbol("ticks"), 4), "little")
    assert ticks > 100
    assert disturbed == quiet


def test_an_it_block_survives_stops_inside_it(simulator):
    simulator.run()
    found = simulator.read_memory(simulator.symbol("results"), 4)
    assert int.from_bytes(found, "little") == 1 + 2 + 4 + 8


def test_both_hooks_count_the_same(board, build_firmware):
    elf = build_firmware("exceptions.c")
    counts = []
    for native in (True, False):
        simulator = BoardSimulator(board, elf, native=native)
        with simulator.profile(["preempted_floats", "interrupts"]) as profile:
            simulator.run()
        counts.append((simulator.instructions, profile.functions))
    assert counts[0] == counts[1]


def test_functions_return_in_order(simulator):
    returned = []
    watch = {name: lambda name=name: returned.append(name) for name in FUNCTIONS}
    with simulator.watch_returns(watch):
        simulator.run()
    once = ["plain_loop", "it_loop", "plain_loop", "load_loop", "outer"]
    assert returned == 2 * [*once, *once, "twice"]


def test_a_function_that_is_not_called_does_not_return(simulator):
    simulator.run()
    assert not simulator.run_to_return_of("twice", seconds=0.1)


def test_an_unknown_function_is_named(simulator):
    with pytest.raises(McuSlmError, match="no symbol 'nothing'"), simulator.profile(["nothing"]):
        pass


def test_too_many_functions_are_refused(simulator):
    with pytest.raises(McuSlmError, match="at most 1,024"), simulator.profile(["outer"] * 1025):
        pass
