"""Templates and their dataclasses name the same things, for every board."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from jinja2 import meta

from mcu_slm import boards, resources, templating, tflite
from mcu_slm.boards.sensing import AdcPins
from mcu_slm.compile import compile_model
from mcu_slm.errors import BoardError
from mcu_slm.firmware import templates
from mcu_slm.firmware.clocks import clock_settings
from mcu_slm.firmware.contexts import Subject, context_for
from mcu_slm.firmware.sensors import SENSORS, SensorChoice, sampling_for
from mcu_slm.metadata import read_info
from tests.answers.models import answering

pytestmark = pytest.mark.unit
BOARDS = {name: boards.load_board(name) for name in boards.list_boards()}
SENSED = dataclasses.replace(BOARDS["nucleo_f446re"], adc=AdcPins(("PA0", "PA1", "PA4")))
# A board of each kind of converter, of DMA, and of pins; a Cortex-M7.
OF_ANALOG_KINDS = (
    "nucleo_f103rb",
    "nucleo_l152re",
    "nucleo_f072rb",
    "nucleo_l053r8",
    "nucleo_g071rb",
    "nucleo_l476rg",
    "nucleo_u575zi_q",
    "nucleo_h743zi2",
)
# Sensor, bus and board: every generation of a port, and pins that are set as on no other family.
ON_BUSES = (
    ("lis3dh", "spi", "nucleo_f446re"),
    ("lis3dh", "spi", "bluepill_f103c8"),
    ("lsm6dso", "spi", "nucleo_g474re"),
    ("lsm6dsl", "spi", "nucleo_h743zi2"),
    ("lis3dh", "i2c", "nucleo_f103rb"),
    ("lis3dh", "i2c", "b_l475e_iot01a"),
)


def subjects_of_sensors() -> dict[str, Subject]:
    """Return a project for each sensor, on a board that has them all, and for each kind of bus."""
    graph = answering("classification")
    with tempfile.TemporaryDirectory() as folder:
        compile_model(graph, tflite.write_model(graph), Path(folder))
        wanted = {sensor: (SensorChoice(sensor), SENSED) for sensor in SENSORS}
        for sensor, bus, name in ON_BUSES:
            wanted[f"{sensor}-{name}-{bus}"] = SensorChoice(sensor, bus=bus), BOARDS[name]
        wanted |= {f"adc-{name}": (SensorChoice("adc"), BOARDS[name]) for name in OF_ANALOG_KINDS}
        found, info = {}, read_info(graph.metadata)
        for name, (choice, board) in wanted.items():
            sampling = sampling_for(choice, board, Path(folder), info)
            found[name] = Subject(board, "demo", "ab" * 32, ("model.c",), sampling)
    return found


OF_SENSORS = subjects_of_sensors()
TEMPLATES = sorted(
    {name for b in BOARDS.values() for name in templates.template_names(b)}
    | {name for s in OF_SENSORS.values() for name in templates.template_names(s.board, s.sampling)}
)


def subject(board: str, **changes: object) -> Subject:
    changed = dataclasses.replace(boards.load_board(board), **changes)
    return Subject(changed, "demo", "ab" * 32, ("model.c",))


def boards_of(template: str) -> list[str]:
    return [name for name, board in BOARDS.items() if template in templates.template_names(board)]


def test_all_templates_of_this_stage_are_seen() -> None:
    root = resources.folder("firmware_templates")
    on_disk = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    others = ("model/", "forms/", "tflm/")  # each has tests of its own
    assert set(TEMPLATES) == {name for name in on_disk if not name.startswith(others)}
    assert len(TEMPLATES) > 30


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_uses_exactly_the_fields_of_its_dataclass(template: str) -> None:
    source, _, _ = templating.environment().loader.get_source(templating.environment(), template)
    used = meta.find_undeclared_variables(templating.environment().parse(source))
    found = [subject(board) for board in boards_of(template)]
    found += [
        one
        for one in OF_SENSORS.values()
        if template in templates.template_names(one.board, one.sampling)
    ]
    assert found
    for one in found:
        context = context_for(templates.output_path(template), "banner", one)
        fields = {field.name for field in dataclasses.fields(context)}
        assert used <= fields
        assert fields - used <= {"banner"}  # LICENSE is a text of its own


@pytest.mark.parametrize("name", [*boards.list_boards(), *OF_SENSORS])
def test_every_file_says_what_it_is_and_no_two_are_the_same(name: str) -> None:
    files = templates.render_all(OF_SENSORS.get(name) or subject(name))
    assert len({file.path for file in files}) == len(files)
    for file in files:
        if file.path == "LICENSE":
            continue
        assert "SPDX-License-Identifier: 0BSD" in file.text
        assert file.template in file.text
        assert ("Do not edit" in file.text) == file.is_tool_owned
        assert ("ab" * 32 in file.text) == file.is_tool_owned
        assert "[[" not in file.text
        assert "%%" not in file.text


@pytest.mark.parametrize("name", [*boards.list_boards(), *OF_SENSORS])
def test_generated_text_is_tidy(name: str) -> None:
    for file in templates.render_all(OF_SENSORS.get(name) or subject(name)):
        assert file.text.endswith("\n"), file.path
        assert not file.text.endswith("\n\n"), file.path
        assert "\n\n\n" not in file.text, file.path
        for line in file.text.splitlines():
            assert line == line.rstrip(), (file.path, line)
            assert "\t" not in line
            if file.path.endswith((".c", ".h")):
                assert len(line) <= 110, (file.path, line)


def test_presets_are_json() -> None:
    files = {file.path: file.text for file in templates.render_all(subject("nucleo_f446re"))}
    presets = json.loads(files["CMakePresets.json"])
    assert [p["name"] for p in presets["buildPresets"]][:2] == ["Debug", "Debug-zig"]


def vscode(board: str, name: str) -> dict[str, Any]:
    text = {file.path: file.text for file in templates.render_all(subject(board))}[
        f".vscode/{name}"
    ]
    lines = [line for line in text.splitlines() if not line.startswith("//")]
    loaded: dict[str, Any] = json.loads("\n".join(lines))
    return loaded


@pytest.mark.parametrize("board", boards.list_boards())
def test_vscode_builds_flashes_and_debugs(board: str) -> None:
    tasks = {task["label"]: task for task in vscode(board, "tasks.json")["tasks"]}
    assert {"configure", "build", "flash", "monitor", "verify"} <= set(tasks)
    assert {task["dependsOn"] for task in tasks.values() if "dependsOn" in task} <= set(tasks)
    launches = vscode(board, "launch.json")["configurations"]
    assert [launch["servertype"] for launch in launches] == ["pyocd", "openocd", "stlink"]
    chip = BOARDS[board].chip
    assert chip.pyocd_target in launches[0]["targetId"]
    assert chip.pyocd_target in tasks["flash with pyOCD"]["command"]
    for launch in launches:
        assert launch["preLaunchTask"] in tasks
        assert launch["executable"] == "build/Debug/firmware.elf"
    assert "marus25.cortex-debug" in vscode(board, "extensions.json")["recommendations"]
    assert "build/compile_commands.json" in json.dumps(vscode(board, "settings.json"))


@pytest.mark.parametrize("board", boards.list_boards())
def test_commands_of_tasks_and_readme_exist(board: str) -> None:
    from mcu_slm.cli import app

    known = {command.callback.__name__ for command in app.registered_commands}
    files = {file.path: file.text for file in templates.render_all(subject(board))}
    for path in (".vscode/tasks.json", "README.md"):
        named = re.findall(r"mcu-slm ([a-z]+)", files[path])
        assert {"build", "flash", "monitor"} <= set(named)
        assert set(named) - {"firmware", "protocol"} <= known


@pytest.mark.skipif(not shutil.which("clang-format"), reason="not run: clang-format not installed")
@pytest.mark.parametrize("board", boards.list_boards())
def test_sources_are_in_their_own_clang_format(board: str, tmp_path: Path) -> None:
    """But for the columns in tables of #define, which it has no way to leave alone."""
    files = {file.path: file.text for file in templates.render_all(subject(board))}
    (tmp_path / ".clang-format").write_text(files[".clang-format"])
    sources = {p: text for p, text in files.items() if p.startswith("src/")}
    assert len(sources) > 15
    for path, text in sources.items():
        command = ["clang-format", f"--assume-filename={tmp_path / path}"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        assert one_blank(done.stdout) == one_blank(text), path


def one_blank(text: str) -> list[str]:
    joined = re.sub(r" *\\\n *", " ", text)  # a long #define, broken or not
    return [re.sub(" +", " ", line) if "#define" in line else line for line in joined.splitlines()]


def test_vector_table_has_one_entry_per_exception() -> None:
    files = {file.path: file.text for file in templates.render_all(subject("nucleo_f446re"))}
    table = files["src/startup.c"].partition("vectors[] = {")[2].partition("};")[0]
    lines = table.strip().splitlines()
    assert len(lines) == 16 + 97
    assert lines[16 + 38].strip() == "USART2_IRQHandler, /* IRQ 38 */"


@pytest.mark.parametrize("core_board", ["nucleo_f030r8", "nucleo_l053r8"])
def test_vector_table_of_armv6m_names_no_exception_that_the_core_lacks(core_board: str) -> None:
    files = {file.path: file.text for file in templates.render_all(subject(core_board))}
    table = files["src/startup.c"].partition("vectors[] = {")[2].partition("};")[0]
    lines = [line.strip() for line in table.strip().splitlines()]
    assert len(lines) == 16 + 32
    assert [n for n, line in enumerate(lines) if line == "0, /* reserved */"] == [
        *range(4, 11),
        12,
        13,
    ]
    assert lines[3] == "Fault_Handler, /* HardFault */"
    assert lines[16 + 28] == "USART2_IRQHandler, /* IRQ 28 */"


@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if not board.crystal_hz])
def test_no_crystal_is_started_where_there_is_none(name: str) -> None:
    files = {file.path: file.text for file in templates.render_all(subject(name))}
    assert "HSE" not in files["src/system_clock.c"]


@pytest.mark.parametrize("family", ["stm32l9", "common", "armv7m"])
def test_family_without_templates_is_refused(family: str) -> None:
    chip = BOARDS["nucleo_f446re"].chip
    chip = dataclasses.replace(chip, family=dataclasses.replace(chip.family, name=family))
    board = dataclasses.replace(BOARDS["nucleo_f446re"], chip=chip)
    with pytest.raises(
        BoardError, match=rf"chip family '{family}'.*expected one of stm32.*, stm32"
    ):
        templates.template_names(board)
    with pytest.raises(BoardError, match=rf"chip family '{family}'.*its clocks are not known"):
        clock_settings(board)


def test_the_more_special_template_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = shutil.copytree(resources.folder("firmware_templates"), tmp_path / "templates")
    monkeypatch.setattr(resources, "folder", lambda _name: root)
    shutil.copy(root / "common" / "src" / "gpio.c.j2", root / "stm32h7" / "src" / "gpio.c.j2")
    found = {name: templates.template_names(board) for name, board in BOARDS.items()}
    assert "stm32h7/src/gpio.c.j2" in found["nucleo_h743zi2"]
    assert "common/src/gpio.c.j2" not in found["nucleo_h743zi2"]
    assert "common/src/gpio.c.j2" in found["nucleo_f446re"]


def test_what_a_core_needs_is_in_its_projects_only() -> None:
    h7, f7, f4 = (
        {file.path: file.text for file in templates.render_all(subject(board))}
        for board in ("nucleo_h743zi2", "nucleo_f767zi", "nucleo_f446re")
    )
    assert set(f7) - set(f4) == {"src/caches.c", "src/caches.h"}
    assert set(h7) - set(f4) == {f"src/{n}.{kind}" for n in ("caches", "errata") for kind in "ch"}
    assert set(f4) - set(h7) == set()
    early = ["errata_apply", "caches_start", "paint_stack", "copy_data"]
    places = [h7["src/startup.c"].index(f"    {call}();") for call in early]
    assert places == sorted(places)
    assert "DWT_LAR" in h7["src/timebase.c"]
    assert "DWT_LAR" not in f4["src/timebase.c"]


def test_an_led_on_a_wire_of_spi_is_left_alone() -> None:
    def defines_led(name: str) -> bool:
        files = {file.path: file.text for file in templates.render_all(OF_SENSORS[name])}
        is_defined = "#define LED_PIN" in files["src/board.h"]
        assert is_defined != ("board.h has no LED" in files.get("src/spi_pins.h", ""))
        return is_defined

    assert BOARDS["nucleo_f446re"].led.pin == BOARDS["nucleo_f446re"].spi.sck_pin
    assert defines_led("lis3dh")
    assert not defines_led("lis3dh-nucleo_f446re-spi")
    assert defines_led("lis3dh-bluepill_f103c8-spi")  # its LED is elsewhere
