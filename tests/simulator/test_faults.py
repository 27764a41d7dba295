"""Every fault is found where it happens, or handed to the firmware as a core does it."""

from __future__ import annotations

import struct

import pytest

from mcu_slm.errors import FirmwareFault
from mcu_slm.simulator import BoardSimulator

pytestmark = pytest.mark.emulator

FORCED, DEBUG_EVENT = 1 << 30, 1 << 31
PRECISE = 0x8200
# number in faults.c: cause, function, data address, CFSR, HFSR
FAULTS = {
    1: ("read_unmapped", "misbehave", 0x60000000, PRECISE, FORCED),
    2: ("write_unmapped", "misbehave", 0x60000000, PRECISE, FORCED),
    3: ("write_read_only", "misbehave", 0x08000100, PRECISE, FORCED),
    4: ("undefined", "misbehave", None, 1 << 16, FORCED),
    5: ("arm_state", "main", None, 1 << 17, FORCED),
    6: ("fetch_not_executable", "main", None, 1 << 0, FORCED),
    8: ("no_fpu", "misbehave", None, 1 << 19, FORCED),
    10: ("breakpoint", "misbehave", None, 0, DEBUG_EVENT),
    11: ("bad_svc", "misbehave", None, 0, FORCED),
    12: ("read_unmapped", "misbehave", 0x60000000, PRECISE, FORCED),
    13: ("fetch_unmapped", "main", None, 1 << 8, FORCED),
}


def firmware(build, number, *defines):
    return build("faults.c", f"FAULT={number}", *(["NO_FPU"] if number == 8 else []), *defines)


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_stops_with_its_place(number, board, build_firmware):
    cause, function, address, _cfsr, _hfsr = FAULTS[number]
    simulator = BoardSimulator(board, firmware(build_firmware, number))
    with pytest.raises(FirmwareFault) as caught:
        simulator.run()
    values = caught.value.values
    assert (values["cause"], values["function"], values["address"]) == (cause, function, address)
    assert values["line"].startswith("faults.c:")
    assert function in str(caught.value)
    assert simulator.read_memory(simulator.symbol("results") + 32, 4) == bytes(4)


@pytest.mark.parametrize("number", FAULTS)
def test_a_fault_reaches_the_firmwares_handler(number, board, build_firmware):
    _cause, function, address, cfsr, hfsr = FAULTS[number]
    simulator = BoardSimulator(board, firmware(build_firmware, number), on_fault="deliver")
    assert simulator.run()
    results = struct.unpack("<4I", simulator.read_memory(simulator.symbol("results"), 16))
    assert results[1:] == (cfsr, hfsr, address or 0)
    if function == "misbehave":
        assert simulator.symboliser.place(results[0]).function == function
    assert simulator.port.take() == b"F"


def test_a_stack_overflow_is_called_so(board, build_firmware):
    simulator = BoardSimulator(board, firmware(build_firmware, 7))
    with pytest.raises(FirmwareFault, match=r"stack overflow.*below the stack's end") as caught:
        simulator.run()
    assert caught.value.values["function"] == "recurse"
    assert "stack_bytes" in caught.value.remedy


def test_unaligned_ldrd_is_found_in_strict_mode_only(board, build_firmware):
    elf = firmware(build_firmware, 9)
    assert BoardSimulator(board, elf).run()
    with pytest.raises(FirmwareFault, match=r"must be word-aligned.*ldrd"):
        BoardSimulator(board, elf, strict=True).run()


def test_a_fault_in_the_fault_handler_locks_up(board, build_firmware):
    elf = firmware(build_firmware, 1, "FAULT_IN_HANDLER")
    with pytest.raises(FirmwareFault, match="lock-up") as caught:
        BoardSimulator(board, elf, on_fault="deliver").run()
    assert caught.value.values["function"] == "report"


def test_without_a_handler_a_fault_is_raised(board, build_firmware):
    elf = build_firmware("no_handler.c", "NO_HARDFAULT_HANDLER")
    with pytest.raises(FirmwareFault, match="nothing is, address 0x60000000"):
        BoardSimulator(board, elf, on_fault="deliver").run()


def test_the_faulting_instruction_is_not_counted(board, build_firmware):
    counts = []
    for native in (True, False):
        simulator = BoardSimulator(board, firmware(build_firmware, 12), native=native)
        with pytest.raises(FirmwareFault):
            simulator.run()
        counts.append(simulator.instructions)
    # MOV, MOVS, CMP, ITTTT, ADDEQ come before the load; three instructions behind it never ran.
    simulator = BoardSimulator(board, firmware(build_firmware, 4))
    with pytest.raises(FirmwareFault):
        simulator.run()
    assert counts == [simulator.instructions + 5] * 2
