"""The records in a generated project: its board, and what was written when it was generated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from mcu_slm.boards import Board, board_from_json, load_board
from mcu_slm.errors import UsageError
from mcu_slm.firmware.sensors import SensorChoice
from mcu_slm.firmware.templates import TOOL_FOLDER
from mcu_slm.tool_files import changed_files

PROJECT_RECORD: Final = "firmware.json"
BOARD_RECORD: Final = "board.json"


def load_project_record(project: Path) -> dict[str, Any]:
    """Read `mcu_slm/firmware.json` of a generated project.

    Raises:
        UsageError: the folder is no generated project, or one that was not written to its end.
    """
    record = read_record(project)
    if record["pending_files"]:
        raise UsageError(
            str(project),
            "the project was being written when the tool was interrupted",
            expected="a whole project",
            remedy="Run again: mcu-slm firmware",
        )
    return record


def read_record(project: Path) -> dict[str, Any]:
    """Read the record of a project, written to its end or not.

    Raises:
        UsageError: the folder is no generated project.
    """
    path = project / TOOL_FOLDER / PROJECT_RECORD
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record = {name: fields[name] for name in ("board", "project_name", "model_sha256")}
        record["sensor"] = str(fields.get("sensor", SensorChoice().name))
        record["bus"] = str(fields.get("bus", ""))
        record["runtime"] = str(fields.get("runtime", ""))
        for name in ("sources", "user_files"):
            record[name] = [str(item) for item in fields[name]]
        for name in ("tool_files", "pending_files"):
            record[name] = {str(file): str(sha) for file, sha in fields.get(name, {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            str(project),
            f"the folder is no firmware project ({error!r})",
            expected=f"{TOOL_FOLDER}/{PROJECT_RECORD} inside",
            remedy="Run: mcu-slm firmware",
        ) from error
    return record


def project_board(project: Path) -> Board:
    """Return the board that a project was generated for; its board file need not be there any more.

    Raises:
        UsageError: the folder is no generated project.
        BoardError: the project's record of its board is damaged.
    """
    load_project_record(project)
    return board_from_json(project / TOOL_FOLDER / BOARD_RECORD)


def board_of_elf(name: str, elf: Path) -> Board:
    """Return the board of a firmware: that of its project where this has the name, else by name.

    A board of the user's own is known to the project that was generated for it.

    Raises:
        BoardError: neither is known.
    """
    for project in elf.resolve().parents:
        if (project / TOOL_FOLDER / BOARD_RECORD).is_file():
            board = project_board(project)
            if board.name == name:
                return board
    return load_board(name)


def edited_files(project: Path) -> tuple[str, ...]:
    """Return the tool's files in a project that somebody edited since they were written.

    Raises:
        UsageError: the folder is no generated project.
    """
    return changed_files(project, load_project_record(project)["tool_files"])


def tool_files(project: Path) -> tuple[str, ...]:
    """Return the tool's files in a project, the record of them included.

    Raises:
        UsageError: the folder is no generated project.
    """
    return (*load_project_record(project)["tool_files"], f"{TOOL_FOLDER}/{PROJECT_RECORD}")
