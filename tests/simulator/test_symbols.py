"""Addresses in words, and what is imported when."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from mcu_slm.errors import McuSlmError
from mcu_slm.simulator import BoardSimulator
from mcu_slm.simulator.elf import load_image
from mcu_slm.simulator.symbols import Symboliser


@pytest.mark.emulator
def test_a_place_has_function_offset_and_line(build_firmware):
    image = load_image(build_firmware("echo.c"))
    place = Symboliser(image).place(image.symbols["transform"] + 3)
    assert (place.function, place.offset) == ("transform", 2)
    name, line = place.line.split(":")
    assert name == "echo.c"
    source = (build_firmware.folder / "echo.c").read_text().splitlines()
    assert abs(source.index(next(s for s in source if "void transform" in s)) + 1 - int(line)) <= 3
    assert str(place).startswith(f"0x{place.address:08x} transform+0x2 (echo.c:")


@pytest.mark.emulator
def test_without_debug_information_the_function_is_still_known(build_firmware):
    image = load_image(build_firmware("echo.c"))
    damaged = dataclasses.replace(image, content=b"\x7fELF and then nothing")
    place = Symboliser(damaged).place(image.symbols["transform"])
    assert (place.function, place.line) == ("transform", "")


@pytest.mark.emulator
def test_an_address_outside_all_functions_is_a_number(build_firmware):
    place = Symboliser(load_image(build_firmware("echo.c"))).place(0x20000000)
    assert str(place) == "0x20000000"


@pytest.mark.emulator
def test_an_unknown_symbol_is_named(board, build_firmware):
    simulator = BoardSimulator(board, build_firmware("touch.c"))
    assert simulator.symbol("main") % 2 == 0
    with pytest.raises(McuSlmError, match="no symbol 'nothing'"):
        simulator.symbol("nothing")


@pytest.mark.emulator
def test_without_unicorn_the_extra_is_named(build_firmware):
    code = (
        "import sys; sys.modules['unicorn'] = None\n"
        "from pathlib import Path\n"
        "from mcu_slm import boards, errors, simulator\n"
        "try: simulator.BoardSimulator(boards.load_board('nucleo_f446re'), Path(sys.argv[1]))\n"
        "except errors.ToolError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(build_firmware("touch.c"))]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "unicorn is not installed" in said
    assert "mcu-slm[sim]" in said


@pytest.mark.unit
def test_importing_the_package_does_not_import_unicorn():
    code = "import sys, mcu_slm.simulator; sys.exit('unicorn' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
