"""Write a firmware project: the compiled model, the protocol, and the board's own files.

The folder `mcu_slm/` in a project is the tool's: replaced, unless somebody edited it. Every other
file is the user's: written once, never overwritten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

import numpy as np
import numpy.typing as npt

import mcu_slm
from mcu_slm.boards import Board, board_to_json
from mcu_slm.errors import ModelError, UsageError
from mcu_slm.files import write_atomic, write_json
from mcu_slm.firmware.contexts import Subject
from mcu_slm.firmware.known_answers import (
    check_known_answers,
    known_answers_header,
    known_answers_source,
)
from mcu_slm.firmware.record import BOARD_RECORD, PROJECT_RECORD, read_record
from mcu_slm.firmware.sbom import Contents, describing_files
from mcu_slm.firmware.sensors import SensorChoice, sampling_for
from mcu_slm.firmware.templates import TOOL_FOLDER, TOOL_SOURCES, RenderedFile, render_all
from mcu_slm.manifest import INTERPRETER, MANIFEST, CompiledModel, load_compiled
from mcu_slm.metadata import ModelInfo
from mcu_slm.tool_files import (
    hashes_of,
    hashes_on_disk,
    refuse_edited,
    replace_files,
)

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
    sensor: SensorChoice | None = None,
    info: ModelInfo | None = None,
    *,
    force: bool = False,
) -> FirmwareProject:
    """Write or refresh the firmware project in `out`.

    `sensor` is where its windows come from, by default the known inputs; `info` is what the model
    says about itself, for sensors that sample. Files of the tool that somebody edited are given up
    only with `force`.

    Shapes:
        known_inputs: int8 [vectors, input_bytes]
        known_outputs: int8 [vectors, output_bytes]

    Raises:
        UsageError: the known answers do not fit, the name is no CMake target name, `out` holds a
            project for another board or sensor, files of the tool were edited, or the model does
            not fit the sensor.
        ModelError: `model_dir_source` is no folder of a compiled model.
        BoardError: there are no templates for the board's family, or for the sensor on it.
    """
    check_name(project_name)
    chosen = sensor or SensorChoice()
    before = _written_before(out)
    _refuse_other_project(out, before, board.name, chosen.name)
    manifest = load_model(model_dir_source)
    check_known_answers(known_inputs, known_outputs, manifest.input_bytes, manifest.output_bytes)
    sampling = sampling_for(chosen, board, model_dir_source, info)
    _refuse_other_bus(out, before.bus, sampling.bus)
    sources = (*manifest.sources, *TOOL_SOURCES, *sampling.sources)
    runtime = INTERPRETER if manifest.kernel_family == INTERPRETER else ""
    subject = Subject(board, project_name, manifest.model_sha256, sources, sampling, runtime)
    rendered = render_all(subject)
    user_files = tuple(file for file in rendered if not file.is_tool_owned)
    tool_files = {
        **_in_tool_folder(_files_below(model_dir_source)),
        f"{TOOL_FOLDER}/{BOARD_RECORD}": board_to_json(board).encode(),
        **_in_tool_folder(known_answer_files(manifest.model_sha256, known_inputs, known_outputs)),
        **{file.path: file.text.encode() for file in rendered if file.is_tool_owned},
    }
    tool_files |= _describing_files(project_name, manifest.model_sha256, tool_files, user_files)
    if not force:
        refuse_edited(out, tool_files, before.tool_files, before.pending_files)
    hashes = hashes_of(tool_files)
    record = {
        "tool_version": mcu_slm.__version__,
        "board": board.name,
        "project_name": project_name,
        "sensor": chosen.name,
        "bus": sampling.bus,
        "model_sha256": manifest.model_sha256,
        "runtime": runtime,
        "sources": list(sources),
    }
    # First and last: a run that was cut short is noticed, and repeated it writes what is missing.
    path = out / TOOL_FOLDER / PROJECT_RECORD
    if hashes != before.tool_files or before.pending_files:
        present = hashes_on_disk(out, {*before.tool_files, *before.pending_files, *tool_files})
        fields = {"user_files": before.user_files, "tool_files": present, "pending_files": hashes}
        write_json(path, {**record, **fields})
    written = replace_files(out, tool_files, {*before.tool_files, *before.pending_files})
    added, kept, deleted = _add_user_files(out, user_files, before.user_files)
    all_user_files = sorted({*before.user_files, *(file.path for file in user_files)})
    write_json(path, {**record, "user_files": all_user_files, "tool_files": hashes})
    return FirmwareProject(
        folder=out,
        name=project_name,
        board=board.name,
        model_sha256=manifest.model_sha256,
        written=(*written, *added),
        kept=kept,
        deleted=deleted,
    )


def _describing_files(
    name: str, model_sha256: str, tool_files: dict[str, bytes], user_files: tuple[RenderedFile, ...]
) -> dict[str, bytes]:
    """Return NOTICE and the bill of materials."""
    contents = Contents(
        *(name, model_sha256, "FIRMWARE"),
        tool_files | {file.path: file.text.encode() for file in user_files},
        record=f"{TOOL_FOLDER}/{PROJECT_RECORD}",
        folder=f"{TOOL_FOLDER}/",
        user_files=frozenset(file.path for file in user_files),
    )
    return describing_files(contents)


def _add_user_files(
    out: Path, files: tuple[RenderedFile, ...], known: tuple[str, ...]
) -> tuple[tuple[str, ...], ...]:
    """Write the user's files that were never written; return those, the kept and the deleted."""
    added, kept, deleted = [], [], []
    for file in files:
        path = out / file.path
        if path.exists():
            if path.read_bytes() != file.text.encode():
                kept.append(file.path)
        elif file.path in known:
            deleted.append(file.path)
        else:
            write_atomic(path, file.text)
            added.append(file.path)
    return tuple(added), tuple(kept), tuple(deleted)


def load_model(folder: Path) -> CompiledModel:
    """Read the manifest of a compiled model.

    Raises:
        ModelError: There is none, or it names sources that are not in the folder.
    """
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


def check_name(name: str) -> None:
    """Check that every build system takes a name.

    Raises:
        UsageError: It does not.
    """
    if not _PROJECT_NAME.fullmatch(name):
        raise UsageError(
            "project name",
            f"the name is {name!r}",
            expected="a letter, then up to 63 letters, digits, - or _",
            remedy="Choose another name.",
        )


def _refuse_other_project(out: Path, before: _Before, board: str, sensor: str) -> None:
    """Refuse a folder whose user's files were written for another board or sensor.

    Those for two boards would build, and fail on the desk; those of two sensors would not link.
    """
    if before.board not in ("", board):
        raise UsageError(
            str(out),
            f"it holds a project for {before.board}",
            expected=f"an empty folder or a project for {board}",
            remedy="Generate into another folder.",
        )
    if before.sensor not in ("", sensor):
        raise UsageError(
            str(out),
            f"it holds a project with the sensor {before.sensor}",
            expected=f"an empty folder or a project with {sensor}",
            remedy="Generate into another folder, or remove this one.",
        )


def _refuse_other_bus(out: Path, before: str, bus: str) -> None:
    """Refuse a folder whose user's files were written for the other bus: both would be linked."""
    if before not in ("", bus):
        raise UsageError(
            str(out),
            f"it holds a project with a sensor on {before.upper()}",
            expected=f"an empty folder or a project with one on {bus.upper()}",
            remedy="Generate into another folder, or remove this one.",
        )


@dataclass(frozen=True)
class _Before:
    """What earlier runs wrote: hashes of the tool's files, names of the user's, and for what.

    Nothing where there was none.
    """

    board: str = ""
    sensor: str = ""
    bus: str = ""
    tool_files: dict[str, str] = field(default_factory=dict)
    pending_files: dict[str, str] = field(default_factory=dict)
    user_files: tuple[str, ...] = ()


def _written_before(out: Path) -> _Before:
    if not (out / TOOL_FOLDER / PROJECT_RECORD).is_file():
        return _Before()
    record = read_record(out)
    return _Before(
        record["board"],
        record["sensor"],
        record["bus"],
        record["tool_files"],
        record["pending_files"],
        tuple(record["user_files"]),
    )


def known_answer_files(
    model_sha256: str, inputs: npt.NDArray[np.int8], outputs: npt.NDArray[np.int8]
) -> dict[str, bytes]:
    """Return the files with the known answers, by name."""
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


def _in_tool_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    return {f"{TOOL_FOLDER}/{name}": content for name, content in files.items()}
