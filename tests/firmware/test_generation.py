"""A project is written once; afterwards only `mcu_slm/` changes."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcu_slm import boards, resources
from mcu_slm import tool_files as tool_files_module
from mcu_slm.errors import BoardError, ModelError, UsageError
from mcu_slm.files import write_atomic
from mcu_slm.firmware import board_of_elf, edited_files, generation, project_board, tool_files
from tests.firmware.conftest import STANDIN

pytestmark = pytest.mark.unit


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_project_has_what_an_engineer_looks_for(make_project) -> None:
    project = make_project()
    for name in ("CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", ".gitignore"):
        assert (project.folder / name).is_file()
    assert (project.folder / "mcu_slm" / "model.c").is_file()
    assert project.kept == ()
    assert "src/main.c" in project.written


def test_same_inputs_give_same_bytes_anywhere(make_project, tmp_path: Path) -> None:
    first = make_project(out=tmp_path / "a")
    second = make_project(out=tmp_path / "deeper" / "b")
    assert contents(first.folder) == contents(second.folder)


def test_second_run_changes_nothing(make_project) -> None:
    before = contents(make_project().folder)
    again = make_project()
    assert (again.written, again.kept, again.deleted) == ((), (), ())
    assert contents(again.folder) == before


def test_user_files_are_never_overwritten(make_project) -> None:
    project = make_project()
    main = project.folder / "src" / "main.c"
    main.write_text("/* mine */\n")
    (project.folder / "src" / "imu.c").write_text("/* mine too */\n")
    again = make_project()
    assert main.read_text() == "/* mine */\n"
    assert (project.folder / "src" / "imu.c").is_file()
    assert again.kept == ("src/main.c",)
    assert again.written == ()


def test_user_files_that_were_removed_stay_away(make_project) -> None:
    project = make_project()
    (project.folder / "src" / "sensor_replay.c").unlink()
    again = make_project()
    assert again.deleted == ("src/sensor_replay.c",)
    assert not (project.folder / "src" / "sensor_replay.c").exists()


def test_tool_folder_is_replaced_and_cleaned(make_project, tmp_path: Path) -> None:
    model = shutil.copytree(STANDIN, tmp_path / "model")
    (model / "old_kernels").mkdir()
    (model / "old_kernels" / "dense.c").write_text("/* of an earlier model */\n")
    project = make_project(model_dir_source=model)
    tool = project.folder / "mcu_slm"
    assert (tool / "old_kernels" / "dense.c").is_file()
    (tool / "model.c").unlink()
    (tool / "notes.txt").write_text("the user's")
    again = make_project()
    assert again.written == ("mcu_slm/model.c", "mcu_slm/sbom.spdx.json")
    assert not (tool / "old_kernels").exists()
    assert (tool / "notes.txt").is_file()


def test_edited_tool_files_are_kept_unless_forced(make_project) -> None:
    project = make_project()
    model = project.folder / "mcu_slm" / "model.c"
    generated = model.read_text()
    model.write_text(generated + "/* mine */\n")
    before = contents(project.folder)
    assert edited_files(project.folder) == ("mcu_slm/model.c",)
    with pytest.raises(UsageError, match=r"edited: mcu_slm/model\.c;.*--force") as raised:
        make_project()
    assert raised.value.values["diff"].endswith("+/* mine */\n")
    assert contents(project.folder) == before
    assert make_project(force=True).written == ("mcu_slm/model.c",)
    assert model.read_text() == generated
    assert edited_files(project.folder) == ()


def test_a_generation_that_was_cut_short_is_noticed_and_repeated(
    make_project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = contents(make_project(out=tmp_path / "whole").folder)
    written: list[Path] = []

    def cut(path: Path, content: bytes | str) -> Path:
        if len(written) == 10:
            raise KeyboardInterrupt
        written.append(path)
        return write_atomic(path, content)

    with monkeypatch.context() as patched:
        for module in (generation, tool_files_module):
            patched.setattr(module, "write_atomic", cut)
        with pytest.raises(KeyboardInterrupt):
            make_project(out=tmp_path / "cut")
    with pytest.raises(UsageError, match="the tool was interrupted"):
        project_board(tmp_path / "cut")
    other = shutil.copytree(STANDIN, tmp_path / "model")
    (other / "model.c").write_text("/* another */\n")
    make_project(out=tmp_path / "cut", model_dir_source=other)
    make_project(out=tmp_path / "cut")
    assert contents(tmp_path / "cut") == whole


def test_the_record_names_every_file(make_project) -> None:
    project = make_project()
    record = json.loads((project.folder / "mcu_slm" / "firmware.json").read_text())
    everything = {*record["user_files"], *tool_files(project.folder)}
    assert everything == set(contents(project.folder))


def test_new_model_touches_only_the_tool_folder(make_project, tmp_path: Path) -> None:
    model = shutil.copytree(STANDIN, tmp_path / "model")
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"model_sha256": "cd" * 32}))
    make_project()
    again = make_project(model_dir_source=model)
    assert again.written
    assert all(name.startswith("mcu_slm/") for name in again.written)
    assert again.kept == ()
    assert again.model_sha256 == "cd" * 32


def test_project_of_another_board_is_not_mixed_in(make_project) -> None:
    make_project("nucleo_f446re")
    with pytest.raises(UsageError, match="it holds a project for nucleo_f446re"):
        make_project("olimex_stm32_h405")


def test_project_knows_its_board(make_project, tmp_path: Path) -> None:
    mine = tmp_path / "my_board.toml"
    shutil.copy(resources.folder("boards") / "nucleo_f446re.toml", mine)
    board = boards.load_board(mine)
    project = make_project(board=board)
    mine.unlink()
    assert project_board(project.folder) == board
    with pytest.raises(UsageError, match="the folder is no firmware project"):
        project_board(tmp_path / "nowhere")


def test_damaged_record_is_a_usage_error(make_project) -> None:
    project = make_project()
    (project.folder / "mcu_slm" / "firmware.json").write_text("[1")
    with pytest.raises(UsageError, match="the folder is no firmware project"):
        make_project()


@pytest.mark.parametrize("name", ["", "1st", "a b", "x" * 65, "über", "a;b"])
def test_project_name_must_be_a_target_name(make_project, name: str) -> None:
    with pytest.raises(UsageError, match="project name"):
        make_project(project_name=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"known_inputs": np.zeros((5, 23), np.int8)},
        {"known_inputs": np.zeros((5, 24), np.uint8)},
        {"known_inputs": np.zeros(24, np.int8)},
        {"known_outputs": np.zeros((4, 3), np.int8)},
        {"known_inputs": np.zeros((0, 24), np.int8), "known_outputs": np.zeros((0, 3), np.int8)},
    ],
)
def test_known_answers_must_fit_the_model(make_project, changes) -> None:
    with pytest.raises(UsageError, match="known"):
        make_project(**changes)


@pytest.mark.parametrize(
    "sources", [["missing.c"], ["../model.c"], ["/etc/passwd"], [""], ["model.c", "../x.c"]]
)
def test_manifest_may_name_only_files_of_its_folder(make_project, tmp_path, sources) -> None:
    model = shutil.copytree(STANDIN, tmp_path / "model")
    (tmp_path / "x.c").write_text("")
    manifest = json.loads((model / "manifest.json").read_text())
    (model / "manifest.json").write_text(json.dumps(manifest | {"sources": sources}))
    with pytest.raises(ModelError, match="sources"):
        make_project(model_dir_source=model)


def test_folder_without_manifest_is_a_model_error(make_project, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        make_project(model_dir_source=tmp_path)


def test_every_board_can_be_generated(make_project, tmp_path: Path) -> None:
    seen = [make_project(name, out=tmp_path / name).board for name in boards.list_boards()]
    assert seen == list(boards.list_boards())


def test_a_firmware_knows_its_board_by_name(make_project, tmp_path: Path) -> None:
    """A board of the user's own is in no list."""
    mine = dataclasses.replace(boards.load_board("nucleo_f446re"), name="my_node")
    project = make_project(mine, out=tmp_path / "mine").folder
    elf = project / "build" / "Release" / "firmware.elf"
    assert board_of_elf("my_node", elf) == mine
    assert board_of_elf("nucleo_h743zi2", elf).chip.name == "stm32h743zi"
    with pytest.raises(BoardError, match="no such board"):
        board_of_elf("my_node", tmp_path / "firmware.elf")
