"""The compiled hook is built once and replaced by Python where it cannot be built."""

from __future__ import annotations

import pytest

from mcu_slm.errors import ToolError
from mcu_slm.simulator import native

pytestmark = pytest.mark.host


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(native, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def test_it_is_built_once(cache):
    first = native.build_block_hook()
    if first is None:
        pytest.skip("no C compiler on this machine")
    stamp = first.stat().st_mtime_ns
    assert native.build_block_hook() == first
    assert first.stat().st_mtime_ns == stamp
    assert list(cache.iterdir()) == [first]


def test_without_a_compiler_there_is_none(cache, monkeypatch):
    monkeypatch.setattr(native, "_compilers", list)
    assert native.build_block_hook() is None
    with pytest.raises(ToolError, match=r"no C compiler.*mcu-slm\[sim\]"):
        native.build_block_hook(required=True)


def test_a_compiler_that_fails_is_quoted(cache, monkeypatch):
    monkeypatch.setattr(native, "_compilers", lambda: [["false"], ["/nowhere/cc"]])
    with pytest.raises(ToolError, match=r"false: failed.*/nowhere/cc: .*No such file"):
        native.build_block_hook(required=True)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_means_no_hook(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(native, "cache_folder", lambda: tmp_path / "file" / "cache")
    assert native.build_block_hook() is None


def test_a_foreign_library_is_replaced_by_python(cache, monkeypatch):
    hooks = pytest.importorskip("mcu_slm.simulator.hooks", reason="needs the package unicorn")
    cache.mkdir()
    library = cache / "block_hook.so"
    library.write_bytes(b"from another machine")
    monkeypatch.setattr(hooks, "build_block_hook", lambda **_options: library)
    assert isinstance(hooks.open_hook(), hooks.PythonHook)
    with pytest.raises(ToolError, match="Delete the file"):
        hooks.open_hook(native=True)
