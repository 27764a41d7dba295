"""Write a model as what other build systems take: a library, no board and no start-up code.

All files of a form are the tool's: replaced on regeneration, unless somebody edited them. The C of
the model is the same in every form and in a firmware project.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

import mcu_slm
from mcu_slm import resources, templating
from mcu_slm.errors import UsageError
from mcu_slm.files import write_json
from mcu_slm.firmware.generation import check_name, known_answer_files, load_model
from mcu_slm.firmware.known_answers import check_known_answers
from mcu_slm.firmware.sbom import Contents, describing_files
from mcu_slm.firmware.templates import comment, output_path
from mcu_slm.manifest import MANIFEST, CompiledModel
from mcu_slm.tool_files import hashes_of, refuse_edited, replace_files

FORMS: Final = ("library", "cmake", "platformio", "zephyr", "arduino", "cubemx")
FORM_RECORD: Final = "mcu_slm.json"
SOURCE_FOLDER: Final = "src"
_HEADER: Final = "mcu_slm_model.h"
_LONGEST_NAME: Final = 50  # PlatformIO's limit
_SELF_TEST: Final = tuple(
    f"{name}.{kind}" for name in ("crc32", "integrity", "self_test") for kind in "ch"
)
# The flatbuffer is for firmware around an interpreter.
_LEFT_OUT: Final = ("model_tflite.c", "model_tflite.h", MANIFEST)
# Where the one header for users lies: apart from the model's, whose names are not unique.
_HEADER_FOLDERS: Final = {"library": SOURCE_FOLDER, "arduino": SOURCE_FOLDER}
_WITH_MAIN: Final = {
    "library": "example/main.c",
    "cmake": "example/main.c",
    "platformio": "examples/self_test/src/main.c",
}


@dataclass(frozen=True)
class Form:
    """What fills the templates of the forms.

    `identifier` is the name in C and `symbol` in Kconfig; `sources` lie in `src/`; `source_prefix`
    leads there from the header for users. Units: bytes.
    """

    banner: str
    form: str
    name: str
    short_name: str
    identifier: str
    symbol: str
    tool_version: str
    model_sha256: str
    sources: tuple[str, ...]
    source_prefix: str
    kernels: str
    input_bytes: int
    output_bytes: int
    weight_bytes: int
    table_bytes: int
    ram_bytes: int


@dataclass(frozen=True)
class GeneratedForm:
    """A form that was written; the paths in `written` are new or changed."""

    folder: Path
    form: str
    name: str
    model_sha256: str
    written: tuple[str, ...]


def generate_form(
    model_dir_source: Path,
    form: str,
    known_inputs: npt.NDArray[np.int8],
    known_outputs: npt.NDArray[np.int8],
    out: Path,
    name: str,
    core: str | None = None,
    *,
    force: bool = False,
) -> GeneratedForm:
    """Write or refresh a model in one of the `FORMS`, in the folder `out`.

    Args:
        model_dir_source: The folder of the compiled model.
        form: Its form.
        known_inputs: int8 [vectors, input_bytes].
        known_outputs: int8 [vectors, output_bytes].
        out: The folder.
        name: What the library is called.
        core: The core that the kernels are for; None: any.
        force: Give up edits of the tool's files.

    Raises:
        UsageError: no such form, the known answers do not fit, the name is no CMake target name,
            `out` holds another form, or files of the tool were edited.
        ModelError: `model_dir_source` is no folder of a compiled model.
    """
    _check_form(form)
    check_name(name)
    before = _written_before(out, form)
    manifest = load_model(model_dir_source)
    check_known_answers(known_inputs, known_outputs, manifest.input_bytes, manifest.output_bytes)
    files = _files(model_dir_source, manifest, form, name, core)
    for path, text in known_answer_files(
        manifest.model_sha256, known_inputs, known_outputs
    ).items():
        files[f"{SOURCE_FOLDER}/{path}"] = text
    contents = Contents(f"{name}-{form}", manifest.model_sha256, "LIBRARY", files, FORM_RECORD)
    files |= describing_files(contents)
    if not force:
        refuse_edited(out, files, before)
    written = replace_files(out, files, before)
    record = {
        "tool_version": mcu_slm.__version__,
        "form": form,
        "project_name": name,
        "model_sha256": manifest.model_sha256,
        "tool_files": hashes_of(files),
    }
    write_json(out / FORM_RECORD, record)
    return GeneratedForm(out, form, name, manifest.model_sha256, tuple(written))


def _check_form(form: str) -> None:
    if form not in FORMS:
        raise UsageError(
            "--as", f"{form!r}", f"one of project, {', '.join(FORMS)}", "Choose one of them."
        )


def _written_before(out: Path, form: str) -> dict[str, str]:
    """Return the hashes of what an earlier run wrote there.

    Raises:
        UsageError: It was another form, or a record that cannot be read.
    """
    path = out / FORM_RECORD
    if not path.is_file():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        found, hashes = record["form"], {str(k): str(v) for k, v in record["tool_files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            str(path),
            f"the record of what was generated is damaged ({error!r})",
            expected="the file as it was written",
            remedy="Generate into another folder.",
        ) from error
    if found != form:
        raise UsageError(
            str(out),
            f"it holds the form {found}",
            expected=f"an empty folder or the form {form}",
            remedy="Generate into another folder.",
        )
    return hashes


def _files(
    source: Path, manifest: CompiledModel, form: str, name: str, core: str | None
) -> dict[str, bytes]:
    """Return every file but the known answers and the bill of materials, by path."""
    names = [path.name for path in sorted(source.iterdir()) if path.is_file()]
    code = {n: (source / n).read_bytes() for n in names if n not in _LEFT_OUT}
    kept = {n: digest for n, digest in manifest.files.items() if n not in _LEFT_OUT}
    code[MANIFEST] = dataclasses.replace(manifest, files=kept).to_json().encode()
    made = {f"{SOURCE_FOLDER}/{n}": content for n, content in code.items()}
    values = _values(manifest, form, name, core)
    for path, template in templates_of(form).items():
        made[path] = _render(path, template, values).encode()
    return made


def templates_of(form: str) -> dict[str, str]:
    """Return the templates of a form, by the path of the file that each gives."""
    root = resources.folder("firmware_templates")
    own = sorted((root / "forms" / form).rglob("*.j2"))
    names = [path.relative_to(root / "forms").as_posix() for path in own]
    found = {output_path(name): f"forms/{name}" for name in names}
    found["LICENSE"] = "common/LICENSE.j2"
    for name in _SELF_TEST:
        found[f"{SOURCE_FOLDER}/{name}"] = f"common/mcu_slm/{name}.j2"
    found[f"{SOURCE_FOLDER}/port.h"] = "forms/shared/port.h.j2"
    folder = _HEADER_FOLDERS.get(form, "include")
    found[f"{folder}/{_HEADER}"] = f"forms/shared/{_HEADER}.j2"
    if form in _WITH_MAIN:
        found[_WITH_MAIN[form]] = "forms/shared/main.c.j2"
    return found


def _values(manifest: CompiledModel, form: str, name: str, core: str | None) -> Form:
    identifier = name.replace("-", "_").lower()
    where = f"for {core}" if core else "for any core"
    checks = (name for name in _SELF_TEST if name.endswith(".c"))
    sources = (*manifest.sources, *checks, "known_answers.c")
    return Form(
        banner="",
        form=form,
        name=name,
        short_name=name[:_LONGEST_NAME].rstrip("-_"),
        identifier=identifier,
        symbol=f"MCU_SLM_{identifier.upper()}",
        tool_version=mcu_slm.__version__,
        model_sha256=manifest.model_sha256,
        sources=tuple(sorted(sources)),
        source_prefix="" if form in _HEADER_FOLDERS else "../src/",
        kernels=f"{manifest.kernel_family}, {where}",
        input_bytes=manifest.input_bytes,
        output_bytes=manifest.output_bytes,
        weight_bytes=manifest.weight_bytes,
        table_bytes=manifest.table_bytes,
        ram_bytes=manifest.arena_bytes + manifest.state_bytes,
    )


def _render(path: str, template: str, values: Form) -> str:
    lines = (
        f"Generated by mcu-slm {mcu_slm.__version__}",
        f"from the model with SHA-256 {values.model_sha256}.",
        f"Do not edit, this is replaced on regeneration: edit firmware_templates/{template}.",
        "SPDX-License-Identifier: 0BSD",
    )
    banner = comment(path, lines)
    return templating.render(template, dataclasses.replace(values, banner=banner))
