"""Files are never half-written, and unchanged files keep their time stamp."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from mcu_slm import files

pytestmark = pytest.mark.unit


def test_text_and_bytes_are_written_below_new_folders(tmp_path: Path) -> None:
    path = files.write_atomic(tmp_path / "a" / "b" / "text.txt", "größe\n")
    assert path.read_bytes() == "größe\n".encode()
    files.write_atomic(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [p.name for p in path.parent.iterdir()] == ["text.txt"]


def test_an_unchanged_file_is_left_untouched(tmp_path: Path) -> None:
    path = files.write_atomic(tmp_path / "a", "same")
    os.utime(path, (1, 1))
    files.write_atomic(path, "same")
    assert path.stat().st_mtime == 1
    files.write_atomic(path, "other")
    assert path.stat().st_mtime > 1


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write_atomic(tmp_path / "a", "old")

    def interrupt(_source: str, _target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        files.write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_json_keeps_the_order_of_its_fields(tmp_path: Path) -> None:
    path = files.write_json(tmp_path / "a.json", {"z": 1, "a": [1, 2]})
    assert path.read_text() == '{\n  "z": 1,\n  "a": [\n    1,\n    2\n  ]\n}\n'


def test_hashes_are_sha256(tmp_path: Path) -> None:
    content = bytes(range(256)) * 9000  # more than one block
    path = files.write_atomic(tmp_path / "a", content)
    expected = hashlib.sha256(content).hexdigest()
    assert files.sha256_bytes(content) == files.sha256_file(path) == expected


def test_a_tree_hash_follows_names_and_contents(tmp_path: Path) -> None:
    def tree(name: str, *entries: tuple[str, str]) -> str:
        for path, text in entries:
            files.write_atomic(tmp_path / name / path, text)
        return files.sha256_tree(tmp_path / name)

    base = tree("one", ("a", "x"), ("sub/b", "y"))
    assert tree("two", ("sub/b", "y"), ("a", "x")) == base
    assert tree("three", ("a", "x"), ("sub/c", "y")) != base
    assert tree("four", ("a", "x"), ("sub/b", "z")) != base
    assert files.sha256_tree(tmp_path / "one", "a") != base
