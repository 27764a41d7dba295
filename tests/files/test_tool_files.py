"""Files of the tool are replaced, never over somebody's edits."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mcu_slm.errors import UsageError
from mcu_slm.tool_files import changed_files, hashes_of, refuse_edited, replace_files

pytestmark = pytest.mark.unit
FIRST = {"a.c": b"int a;\n", "deep/er/b.h": b"int b;\n"}
SECOND = {"a.c": b"int a = 2;\n"}


def test_unedited_files_are_replaced_and_what_is_no_longer_made_goes(tmp_path: Path) -> None:
    assert replace_files(tmp_path, FIRST, ()) == ["a.c", "deep/er/b.h"]
    (tmp_path / "notes.txt").write_text("somebody's")
    refuse_edited(tmp_path, SECOND, hashes_of(FIRST))
    assert replace_files(tmp_path, SECOND, FIRST) == ["a.c"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.c", "notes.txt"]


@pytest.mark.parametrize("edited", ["a.c", "deep/er/b.h"])
def test_an_edited_file_is_named_with_a_diff_that_can_be_applied(
    tmp_path: Path, edited: str
) -> None:
    replace_files(tmp_path, FIRST, ())
    (tmp_path / edited).write_text("int mine;")
    assert changed_files(tmp_path, hashes_of(FIRST)) == (edited,)
    with pytest.raises(
        UsageError, match=f"generated files were edited: {edited}; expected"
    ) as raised:
        refuse_edited(tmp_path, SECOND, hashes_of(FIRST))
    assert raised.value.values["edited"] == [edited]
    if edited not in SECOND or not shutil.which("patch"):
        return
    replace_files(tmp_path, SECOND, FIRST)
    patch = raised.value.values["diff"].encode()
    subprocess.run(["patch", "-p1", "-s"], input=patch, cwd=tmp_path, check=True)
    assert (tmp_path / edited).read_text() == "int mine;"


def test_a_file_without_a_hash_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int other;\n")
    with pytest.raises(UsageError, match=r"edited: a\.c"):
        refuse_edited(tmp_path, FIRST)
    (tmp_path / "a.c").write_bytes(FIRST["a.c"])
    refuse_edited(tmp_path, FIRST)


def test_an_edit_that_equals_what_would_be_written_is_none(tmp_path: Path) -> None:
    replace_files(tmp_path, FIRST, ())
    (tmp_path / "a.c").write_bytes(SECOND["a.c"])
    refuse_edited(tmp_path, SECOND, hashes_of(FIRST))


def test_after_an_interruption_both_generations_are_ours(tmp_path: Path) -> None:
    replace_files(tmp_path, FIRST, ())
    (tmp_path / "a.c").write_bytes(b"int a = 1;\n")
    pending = hashes_of({"a.c": b"int a = 1;\n"})
    refuse_edited(tmp_path, SECOND, hashes_of(FIRST), pending)
    with pytest.raises(UsageError):
        refuse_edited(tmp_path, SECOND, hashes_of(FIRST))


def test_many_edits_are_counted(tmp_path: Path) -> None:
    files = {f"{n}.c": b"" for n in range(10)}
    for name in files:
        (tmp_path / name).write_text("x")
    with pytest.raises(UsageError, match=r"0\.c, 1\.c, .*7\.c and 2 more"):
        refuse_edited(tmp_path, files)
