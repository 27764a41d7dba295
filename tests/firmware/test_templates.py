"""Templates and their dataclasses name the same things, for every board."""

from __future__ import annotations

import dataclasses
import json

import pytest
from jinja2 import meta

from mcu_slm import boards, resources, templating
from mcu_slm.errors import BoardError
from mcu_slm.firmware import templates
from mcu_slm.firmware.contexts import Subject, context_for

pytestmark = pytest.mark.unit
FAMILIES = sorted({boards.load_board(name).chip.family for name in boards.list_boards()})
TEMPLATES = sorted({name for family in FAMILIES for name in templates.template_names(family)})


def subject(board: str, **changes: object) -> Subject:
    changed = dataclasses.replace(boards.load_board(board), **changes)
    return Subject(changed, "demo", "ab" * 32, ("model.c",))


def board_of(template: str) -> str:
    family = template.partition("/")[0]
    return next(
        name
        for name in boards.list_boards()
        if family in ("common", boards.load_board(name).chip.family)
    )


def test_all_templates_of_this_stage_are_seen() -> None:
    root = resources.folder("firmware_templates")
    on_disk = {
        path.relative_to(root).as_posix()
        for family in ("common", *FAMILIES)
        for path in (root / family).rglob("*")
        if path.is_file()
    }
    assert set(TEMPLATES) == on_disk
    assert len(TEMPLATES) > 30


@pytest.mark.parametrize("template", TEMPLATES)
def test_template_uses_exactly_the_fields_of_its_dataclass(template: str) -> None:
    source, _, _ = templating.environment().loader.get_source(templating.environment(), template)
    used = meta.find_undeclared_variables(templating.environment().parse(source))
    context = context_for(templates.output_path(template), "banner", subject(board_of(template)))
    fields = {field.name for field in dataclasses.fields(context)}
    assert used <= fields
    assert fields - used <= {"banner"}  # LICENSE is a text of its own


@pytest.mark.parametrize("board", boards.list_boards())
def test_every_file_says_what_it_is_and_no_two_are_the_same(board: str) -> None:
    files = templates.render_all(subject(board))
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


@pytest.mark.parametrize("board", boards.list_boards())
def test_generated_text_is_tidy(board: str) -> None:
    for file in templates.render_all(subject(board)):
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


def test_vector_table_has_one_entry_per_exception() -> None:
    files = {file.path: file.text for file in templates.render_all(subject("nucleo_f446re"))}
    table = files["src/startup.c"].partition("vectors[] = {")[2].partition("};")[0]
    lines = table.strip().splitlines()
    assert len(lines) == 16 + 97
    assert lines[16 + 38].strip() == "USART2_IRQHandler, /* IRQ 38 */"


def test_family_without_templates_is_refused() -> None:
    with pytest.raises(BoardError, match=r"chip family 'stm32l9'.*expected one of stm32f4"):
        templates.template_names("stm32l9")
    with pytest.raises(BoardError):
        templates.template_names("common")
