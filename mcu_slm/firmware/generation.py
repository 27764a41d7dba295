"""Write a firmware project: the compiled model, the protocol, and the board's own files.

The folder `mcu_slm/` in a project is the tool's and always replaced. Every other file is the
user's: written once, never overwritten.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import mcu_slm
from mcu_slm.boards import Board, board_from_json, board_to_json
from mcu_slm.errors import ModelError, UsageError
from mcu_slm.files import write_atomic, write_json
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.known_answers import (
    check_known_answers,
    known_answers_header,
    known_answers_source,
)
from mcu_slm.firmware.templates import TOOL_FOLDER, TOOL_SOURCES, render_all
from mcu_slm.manifest import MANIFEST, CompiledModel, load_compiled

PROJECT_RECORD: Final = "firmware.json"
_BOARD_RECORD: Final = "board.json"
_PROJECT_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class FirmwareProject:
    """A generated project. Paths in `written`, `kept` and `deleted` are relative to `folder`.

    `kept` are files of the user that differ from what would have been written, `deleted` those that
    were written once and that the user has removed: they stay away.
    """

    folder: Path
    name: str
    board: str
    model_sha256: str
    written: tuple[str, ...]
    kept: tuple[str, ...]
    deleted: tuple[str, ...]


def generate(
    model_dir_source: Path,
    board: Board,
    known_inputs: npt.NDArray[np.int8],
    known_outputs: npt.NDArray[np.int8],
    out: Path,
    project_name: str,
) -> FirmwareProject:
    """Write or refresh the firmware project in `out`.

    Shapes:
        known_inputs: int8 [vectors, input_bytes]
        known_outputs: int8 [vectors, output_bytes]

    Raises:
        UsageError: the known answers do not fit, the name is no CMake target name, or `out` holds a
            project for another board.
        ModelError: `model_dir_source` is no folder of a compiled model.
        BoardError: there are no templates for the board's family.
    """
    _check_name(project_name)
    _refuse_other_board(out, board)
    manifest = _load_model(model_dir_source)
    check_known_answers(known_inputs, known_outputs, manifest.input_bytes, manifest.output_bytes)
    sources = (*manifest.sources, *TOOL_SOURCES)
    rendered = render_all(Subject(board, project_name, manifest.model_sha256, sources))

    tool_files = {
        **_files_below(model_dir_source),
        _BOARD_RECORD: board_to_json(board).encode(),
        **_known_answer_files(manifest.model_sha256, known_inputs, known_outputs),
        **{
            file.path.removeprefix(TOOL_FOLDER + "/"): file.text.encode()
            for file in rendered
            if file.is_tool_owned
        },
    }
    user_files = [file for file in rendered if not file.is_tool_owned]
    known_user_files = _known_user_files(out)
    written = _replace_tool_folder(out / TOOL_FOLDER, tool_files)
    record = {
        "tool_version": mcu_slm.__version__,
        "board": board.name,
        "project_name": project_name,
        "model_sha256": manifest.model_sha256,
        "sources": list(sources),
        "user_files": sorted({*known_user_files, *(file.path for file in user_files)}),
    }
    kept, deleted = [], []
    for file in user_files:
        path = out / file.path
        if path.exists():
            if path.read_bytes() != file.text.encode():
                kept.append(file.path)
        elif file.path in known_user_files:
            deleted.append(file.path)
        else:
            write_atomic(path, file.text)
            written.append(file.path)
    # Last: a run that was cut short writes what is missing when it is repeated.
    write_json(out / TOOL_FOLDER / PROJECT_RECORD, record)
    return FirmwareProject(
        folder=out,
        name=project_name,
        board=board.name,
        model_sha256=manifest.model_sha256,
        written=tuple(written),
        kept=tuple(kept),
        deleted=tuple(deleted),
    )


def _load_model(folder: Path) -> CompiledModel:
    """Read the manifest, and refuse sources that are not in the folder."""
    manifest = load_compiled(folder)
    for name in manifest.sources:
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or not (folder / name).is_file():
            raise ModelError(
                f"{folder / MANIFEST}: sources",
                f"there is no file {name!r} in the folder",
                remedy="Compile the model again.",
            )
    return manifest


def load_project_record(project: Path) -> dict[str, Any]:
    """Read `mcu_slm/firmware.json` of a generated project.

    Raises:
        UsageError: the folder is no generated project.
    """
    path = project / TOOL_FOLDER / PROJECT_RECORD
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        record = {name: fields[name] for name in ("board", "project_name", "model_sha256")}
        for name in ("sources", "user_files"):
            record[name] = [str(item) for item in fields[name]]
    except (OSError, ValueError, KeyError, TypeError) as error:
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
    return board_from_json(project / TOOL_FOLDER / _BOARD_RECORD)


def _check_name(name: str) -> None:
    if not _PROJECT_NAME.fullmatch(name):
        raise UsageError(
            "project name",
            f"the name is {name!r}",
            expected="a letter, then up to 63 letters, digits, - or _",
            remedy="Choose another name.",
        )


def _refuse_other_board(out: Path, board: Board) -> None:
    """The user's files were written for one board; mixing two would build, and fail on the desk."""
    if (out / TOOL_FOLDER / PROJECT_RECORD).is_file():
        found = load_project_record(out)["board"]
        if found != board.name:
            raise UsageError(
                str(out),
                f"it holds a project for {found}",
                expected=f"an empty folder or a project for {board.name}",
                remedy="Generate into another folder.",
            )


def _known_user_files(out: Path) -> list[str]:
    """Return the user's files that an earlier run wrote."""
    if not (out / TOOL_FOLDER / PROJECT_RECORD).is_file():
        return []
    known: list[str] = load_project_record(out)["user_files"]
    return known


def _known_answer_files(
    model_sha256: str, inputs: npt.NDArray[np.int8], outputs: npt.NDArray[np.int8]
) -> dict[str, bytes]:
    banner = (
        f"Generated by mcu-slm {mcu_slm.__version__}\n"
        f" * from the model with SHA-256 {model_sha256}.\n"
        " * Do not edit, this is replaced on regeneration.\n"
        " * SPDX-License-Identifier: 0BSD"
    )
    return {
        "known_answers.h": known_answers_header(banner, len(inputs)).encode(),
        "known_answers.c": known_answers_source(banner, inputs, outputs).encode(),
    }


def _files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _replace_tool_folder(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Make the folder hold exactly these files; return those that are new or changed."""
    changed = []
    for name, content in files.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            write_atomic(path, content)
            changed.append(f"{TOOL_FOLDER}/{name}")
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(folder).as_posix() not in (*files, PROJECT_RECORD):
            path.unlink()
    return changed
